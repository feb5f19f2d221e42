"""The one door to samples: journal first, then the head; chunks follow. Start reading here."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from kit.clock import from_milliseconds, milliseconds
from kit.db import Database
from kit.errors import Overloaded, Refusal
from metrics import chunks
from metrics.batch import (
    START,
    Appended,
    Batch,
    Floats,
    Ints,
    Pieces,
    Position,
    Refs,
    merged,
    without_empty,
)
from metrics.columns import Columns, Labels
from metrics.flush import SLICE, Flush
from metrics.folder import FolderLock
from metrics.head import NONE, Head
from metrics.journal import Journal, Record, Sync
from metrics.labels import Limits, text
from metrics.load import Behind, Load, limits_here
from metrics.matchers import Matcher
from metrics.ownership import own
from metrics.ports.decode import Decoded
from metrics.ports.decoders import KnownClients, decoders
from metrics.series import UNSTORED, Learned, Registry

log = logging.getLogger(__name__)

AHEAD = timedelta(minutes=10)
AHEAD_MS = 600_000
FOR_EVER = timedelta(0)

Listener = Callable[[Batch], None]


async def _breathe() -> None:
    await asyncio.sleep(0)


class Store:
    """Keeps samples: one process owns `folder`. All but `read` and `flush` is for the loop only.

    `keep` is how long memory holds what chunks hold too; the journal is kept for `warm`, so that
    after a restart memory reaches back that far, or for as long as `limits` let memory hold it.
    """

    def __init__(
        self,
        folder: Path,
        db: Database,
        *,
        known_clients: KnownClients,
        limits: Limits | None = None,
        sync: Sync = Sync.EVERYSEC,
        retention: timedelta = timedelta(days=400),
        keep: timedelta = timedelta(hours=1),
        warm: timedelta = timedelta(minutes=10),
        adopt: bool = False,
    ) -> None:
        self.limits = limits or limits_here()
        self.load = Load(lambda: self.limits)
        self.retention, self.keep, self.warm = retention, keep, warm
        self.journal = Journal(folder / "journal", sync=sync)
        self.appended = 0
        self.refused: Counter[str] = Counter()
        self.last_flush: datetime | None = None
        self.opened = False
        self._db = db
        self._folder, self._adopt = folder, adopt
        self._lock = FolderLock(folder)
        self._head = Head()
        self._registry = Registry(self.limits, reserve=self._head.reserve)
        self.index = self._registry.index
        self._writing = Flush(self._head, self._registry, db)
        self._active: Counter[str] = Counter()
        self._flushed = 0
        self._since: datetime | None = None  # when the first of what is pending came
        self._listeners: list[Listener] = []
        self._released = START
        self._marked = START
        self._appending = asyncio.Lock()
        self._flushing = asyncio.Lock()
        self._decoders = decoders(self._registry, known_clients)

    def listen(self, callback: Listener) -> None:
        """Have `callback` given each batch, on the loop; from then on `release` is waited for."""
        self._listeners.append(callback)

    def on_series(self, callback: Learned) -> None:
        """Have `callback` told the refs of new series, before their first batch."""
        self._registry.on_series(callback)

    def release(self, position: Position) -> None:
        """Let the journal be cut up to `position`: the rules have seen it, for good."""
        self._released = max(self._released, position)

    def forget_senders(self) -> None:
        """Look at every sender's labels anew, because the clients have changed."""
        for decoder in self._decoders.values():
            decoder.forget()

    @property
    def position(self) -> Position:
        """The place in the journal behind the last record."""
        return self.journal.position

    @property
    def series(self) -> int:
        """Series that are written to."""
        return self._head.rows

    @property
    def pending(self) -> int:
        """Samples that no chunk holds yet."""
        return self.appended - self._flushed

    @property
    def full(self) -> bool:
        """Tell whether so much is pending that it should be written before its time."""
        return self.pending >= self.limits.flush_at

    def behind(self, now: datetime) -> Behind:
        """Return what no chunk holds, since when, and whether senders are put off."""
        since = self._since if self.pending and self._since else now
        return Behind(self.pending, max(now - since, timedelta()), self.load.said(now))

    async def open(self, now: datetime) -> None:
        """Own the folder, load the series, replay the journal to the listeners; then take samples.

        While another process owns the folder, this waits.
        """
        await self._lock.acquire()
        self.journal.load()
        async with self._db.transaction() as tx:
            self._marked = await own(tx, self._folder, adopt=self._adopt)
        async with self._db.snapshot() as session:
            async for number, client, labels in chunks.series(session):
                self._registry.add(labels, client, number)
        stored = len(self._registry)
        self._registry.announce()
        since = await self._replay()
        ahead = milliseconds(since or now) + AHEAD_MS
        self._head.covered[:stored] = np.maximum(self._head.covered[:stored], ahead)
        self.journal.begin(milliseconds(now))
        self.opened = True

    async def _replay(self) -> datetime | None:
        """Bring the journal's samples back; return when the first of them arrived."""
        first: datetime | None = None
        marked = False
        for position, record in self.journal.records():
            if not marked and position > self._marked:
                self._stands_in_chunks()
                marked = True
            decoded = await self._decoded_again(record, position)
            if decoded is None:
                continue
            good, _ = self._in_time(decoded, record.arrived)
            self._apply(good, record.arrived, position, replayed=True)
            first = first or from_milliseconds(record.arrived)
            await _breathe()
        if not marked:
            self._stands_in_chunks()
        return first

    async def _decoded_again(self, record: Record, position: Position) -> Decoded | None:
        """Return what a record holds; one that an earlier version took must not keep us down."""
        try:
            return await self._decoders[record.port].decode(
                record.body, client=record.client, arrived=record.arrived, breathe=_breathe
            )
        except (Refusal, LookupError) as error:
            self.journal.damaged += 1
            log.error("journal: the record that ends at %s is not understood: %r", position, error)
            return None

    def _stands_in_chunks(self) -> None:
        self._head.all_committed()
        self._flushed = self.appended

    async def append(
        self, body: bytes, *, port: str, client: str | None, now: datetime
    ) -> Appended:
        """Take one request: its good samples are in the journal and in memory when this returns.

        `client` is the token's, None for a token of all clients. A body that cannot be understood
        is refused and changes nothing.
        """
        if not self.opened:
            raise Overloaded("samples are not taken yet: the journal is being replayed")
        self.load.admit(self.pending, now)
        arrived = milliseconds(now)
        async with self._appending:
            decoded = await self._decoders[port].decode(
                body, client=client, arrived=arrived, breathe=_breathe
            )
            self.refused["labels"] += decoded.refused
            good, why = self._in_time(decoded, arrived)
            self.refused.update(why)
            if len(good.refs):
                position = self._journalled(Record(port, client, arrived, body), now)
                good = self._apply(good, arrived, position)
        if len(good.refs):
            await self.journal.synced()
        return Appended(len(good.refs), good.refused, good.reason)

    def _journalled(self, record: Record, now: datetime) -> Position:
        try:
            return self.journal.append(record)
        except Overloaded as why:
            raise self.load.full(why, now) from why

    def _in_time(self, decoded: Decoded, arrived: int) -> tuple[Decoded, Counter[str]]:
        """Refuse samples that are from the future, or older than anything is kept."""
        latest = arrived + AHEAD_MS
        kept = self.retention // timedelta(milliseconds=1)
        oldest = max(arrived - kept, 0) if kept else 0
        times = decoded.times
        if not len(times) or (times.max() <= latest and times.min() >= oldest):
            return decoded, Counter()
        ahead, old = times > latest, times < oldest
        why = Counter(ahead=int(ahead.sum()), old=int(old.sum()))
        said = "is more than 10 minutes ahead" if ahead.any() else "is older than samples are kept"
        first = int(np.flatnonzero(ahead if ahead.any() else old)[0])
        reason = f"{self._shown(decoded.refs[first])}: a sample at {decoded.times[first]} ms {said}"
        return decoded.without(ahead | old, reason), why

    def _apply(
        self, decoded: Decoded, arrived: int, position: Position, *, replayed: bool = False
    ) -> Decoded:
        """Write samples to the head and tell the listeners; return what there was room for."""
        self._registry.announce()
        rows = self._head.rows_of(decoded.refs)
        if len(rows) and rows.min() == NONE:
            rows = self._with_new_rows(decoded.refs, rows)
            crowded = rows == NONE
            if crowded.any():
                self.refused["series"] += int(crowded.sum())
                first = self._shown(decoded.refs[np.flatnonzero(crowded)[0]])
                reason = f"{first}: the client has {self.limits.series} series already"
                decoded, rows = decoded.without(crowded, reason), rows[~crowded]
        if len(rows):
            self._head.append(rows, decoded.times, decoded.values, arrived)
            came = from_milliseconds(arrived)
            self._since = self._since if self.pending else came
            self.appended += len(rows)
            batch = Batch(decoded.refs, decoded.times, decoded.values, came, position, replayed)
            for listener in self._listeners:
                listener(batch)
        return decoded

    def _with_new_rows(self, refs: Refs, rows: Ints) -> Ints:
        opened = []
        for ref in np.unique(refs[rows == NONE]).tolist():
            client = self._registry.clients[ref]
            if self._active[client] < self.limits.series:
                opened.append(ref)
                self._active[client] += 1
        self._head.open_rows(np.array(opened, np.int32))
        return self._head.row_of[refs]

    def _shown(self, ref: int) -> str:
        return text(self._registry.labels[ref])

    def select(self, matchers: Sequence[Matcher]) -> Refs:
        """Return the refs of all series that match, those of long ago included."""
        return self._registry.selected(matchers)[0]

    def labels(self, ref: int) -> Labels:
        """Return the labels of one series."""
        return self._registry.labels[ref]

    def client(self, ref: int) -> str:
        """Return whose series this is."""
        return self._registry.clients[ref]

    def newest(self, refs: Refs) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample in memory; -1 and NaN for none."""
        return self._head.last(refs)

    def before(self, refs: Refs) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample but one; -1 and NaN for none."""
        return self._head.last_but_one(refs)

    def covers(self, refs: Refs, start: int) -> bool:
        """Tell whether `window` from `start` on is all there is; else `read` knows more."""
        return bool((self._head.covered[refs] <= start).all())

    def window(self, refs: Refs, start: int, end: int) -> Columns:
        """Return what memory holds from `start` to `end` ms, both included."""
        return merged(self._head.between(refs, start, end), self._registry.labels_of(refs))

    def held(self, refs: Refs, start: int, end: int, labels: Sequence[Labels]) -> Columns:
        """Return the same as `window`, under labels that the caller has at hand."""
        return merged(self._head.between(refs, start, end), labels)

    async def read(self, matchers: Sequence[Matcher], start: int, end: int) -> Columns:
        """Return the samples of matching series from `start` to `end` ms, both included.

        Series without a sample in that time are left out.
        """
        refs, labels = self._registry.selected(matchers)
        return without_empty(await self._read(refs, labels, start, end))

    async def read_refs(self, refs: Refs, start: int, end: int) -> Columns:
        """Return all samples of these series, in their order, from `start` to `end` ms."""
        return await self._read(refs, self._registry.labels_of(refs), start, end)

    async def _read(self, refs: Refs, labels: list[Labels], start: int, end: int) -> Columns:
        # memory first: what a flush drops from it meanwhile stands in chunks before that
        held = self._head.between(refs, start, end)
        beyond = np.flatnonzero(self._head.covered[refs] > start)
        ids = self._registry.ids_of(refs[beyond])
        stored = ids != UNSTORED
        place_of = dict(zip(ids[stored].tolist(), beyond[stored].tolist(), strict=True))
        if not place_of:
            return merged(held, labels)
        async with self._db.snapshot() as session:
            rows = await chunks.read(session, list(place_of), start, end)
        return await asyncio.to_thread(_joined, rows, place_of, (start, end), (held, labels))

    async def flush(self, now: datetime) -> int:
        """Write what memory alone holds to the database, and cut the journal; return how much."""
        async with self._flushing:
            written = await self._flush(now)
            before = max(milliseconds(now - self.keep), self._head.oldest_of(self.limits.held))
            await self._forget(before)
            done = self._marked if not self._listeners else min(self._marked, self._released)
            held = min(before, milliseconds(now))
            self.journal.cut(done, max(held, milliseconds(now - self.warm)))
            self.last_flush = now
        return written

    async def _flush(self, now: datetime) -> int:
        position, count = self.journal.position, self.appended
        if position == self._marked:
            return 0
        with suppress(Overloaded):  # a full disk must not keep samples from the database
            self.journal.rotate()
        written = await self._writing.run(position)
        self._marked, self._flushed, self._since = position, count, now
        return written

    async def _forget(self, before: int) -> None:
        """Drop from memory what chunks hold too and is older than `before`."""
        self._head.forget_late(before)
        for start in range(0, len(self._head.ref_of), SLICE):
            end = min(start + SLICE, len(self._head.ref_of))
            for ref in self._head.forget(np.arange(start, end), before):
                self._active[self._registry.clients[ref]] -= 1
            await _breathe()

    async def retain(self, now: datetime, *, limit: int = 10_000) -> int:
        """Delete chunks that are older than the retention, in slices; return how many."""
        total = 0
        while self.retention != FOR_EVER:
            async with self._db.transaction() as tx:
                before = milliseconds(now - self.retention)
                gone = await chunks.delete_before(tx, before, limit=limit)
            total += gone
            if gone < limit:
                break
        return total

    async def close(self) -> None:
        """Take nothing more; what is only in the journal is there at the next start."""
        self.opened = False
        async with self._appending:
            await self.journal.close()
        self._lock.release()


def _joined(
    rows: list[tuple[int, bytes]],
    place_of: dict[int, int],
    between: tuple[int, int],
    memory: tuple[list[Pieces], list[Labels]],
) -> Columns:
    held, labels = memory
    return merged([chunks.opened(rows, place_of, *between), *held], labels)
