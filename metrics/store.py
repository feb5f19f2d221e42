"""The one door to samples: journal first, then the head; chunks follow. Start reading here."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from kit import allocation
from kit.clock import from_milliseconds, milliseconds
from kit.db import Database
from kit.errors import Overloaded
from metrics import chunks
from metrics.batch import (
    START,
    Appended,
    Batch,
    Floats,
    Ints,
    Position,
    Refs,
    merged,
    without_empty,
)
from metrics.columns import Columns, Enough, Labels
from metrics.flush import Flush
from metrics.folder import FolderLock
from metrics.forgetting import Forgetting, breathe, slices
from metrics.head import NONE, Head
from metrics.journal import Journal, Record, Sync
from metrics.labels import Limits, text
from metrics.load import Behind, Load, limits_here
from metrics.matchers import Matcher
from metrics.ownership import own
from metrics.ports.decode import Decoded
from metrics.ports.decoders import KnownClients, decoders
from metrics.presence import Presence
from metrics.reads import Reader
from metrics.removal import Removal
from metrics.replaying import decoded_again
from metrics.rollups.reading import Steps
from metrics.series import Learned, Registry
from metrics.timeliness import AHEAD_MS, in_time
from metrics.upkeep import Upkeep

log = logging.getLogger(__name__)
Listener = Callable[[Batch], None]


class Store:
    """Keeps samples: one process owns `folder`. All but `read` and `flush` is for the loop only.

    `keep` is how long memory holds what chunks hold too, as they hold it; for `bare` it is at
    hand without decoding, after a restart as well: so long the journal is kept. Both are shorter
    where there is more than `limits` let memory hold.
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
        kept: Mapping[str, timedelta] | None = None,
        keep: timedelta = timedelta(hours=1),
        bare: timedelta = timedelta(minutes=6),
        adopt: bool = False,
    ) -> None:
        self.limits = limits or limits_here()
        self.load = Load(lambda: self.limits)
        self.retention, self.keep, self.bare = retention, keep, bare
        self.journal = Journal(folder / "journal", sync=sync)
        self.appended = 0
        self.refused: Counter[str] = Counter()
        self.last_flush: datetime | None = None
        self.opened = False
        self._db = db
        self._folder, self._adopt = folder, adopt
        self._lock = FolderLock(folder)
        self._head = Head(bare // timedelta(milliseconds=1))
        self._registry = Registry(self.limits, reserve=self._head.reserve)
        self.index, self.described = self._registry.index, self._registry.described
        self._writing = Flush(self._head, self._registry, db)
        self._forgetting = Forgetting(self._head, self._registry, lambda: self.limits)
        self._removal = Removal(self._head, self._registry, db)
        self._flushed = 0
        self._since: datetime | None = None  # when the first of what is pending came
        self._listeners: list[Listener] = []
        self._released = START
        self._marked = START
        self._appending = asyncio.Lock()
        self._flushing = asyncio.Lock()
        presence = Presence(self._head, self._registry, db)
        self.known = presence.known
        self._reader = Reader(self._head, self._registry, db)
        steps = Steps(self._head, self._registry, db, self._reader)
        self.steps: Steps | None = steps
        self.upkeep = Upkeep(
            db, steps, retention=retention, kept=kept or {}, came=lambda: self.appended
        )
        self._decoders = decoders(self._registry, known_clients, presence.newest)

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
        self._marked = await self._stored_upto()
        known = len(self._registry)
        self._registry.announce()
        since = await self._replay(milliseconds(now))
        self._removal.forget_replayed()
        self.forget_senders()
        ahead = milliseconds(since or now) + AHEAD_MS
        for column in (self._head.covered, self._head.bare):
            column[:known] = np.maximum(column[:known], ahead)
        self.journal.begin(milliseconds(now))
        self.opened = self._registry.bounded = True

    async def _stored_upto(self) -> Position:
        """Learn the series that are stored; return up to where the journal's samples are."""
        async with self._db.transaction() as tx:
            marked = await own(tx, self._folder, adopt=self._adopt)
            await self._removal.load(tx)
        await self.upkeep.learn()
        async with self._db.snapshot() as session:
            async for number, client, labels in chunks.series(session):
                self._registry.add(labels, client, number)
        return marked

    async def _replay(self, now: int) -> datetime | None:
        """Bring the journal's samples back; return when the first of them arrived."""
        first: datetime | None = None
        marked, arrived = False, 0
        for position, record in self.journal.records():
            if not marked and position > self._marked:
                await self._stands_in_chunks(arrived)
                marked = True
            arrived = record.arrived
            if not self._wanted(record, now):
                continue
            decoded = await decoded_again(self.journal, record, self._decoders, breathe=breathe)
            if decoded is None:
                continue
            good, _ = self._in_time(self._removal.living(decoded, position), record.arrived)
            self._apply(good, record.arrived, position, replayed=True)
            first = first or from_milliseconds(record.arrived)
            await breathe()
        if not marked:
            await self._stands_in_chunks(arrived)
        return first

    def _wanted(self, record: Record, now: int) -> bool:
        """Tell whether a record of the journal is to stand in memory after a start."""
        return True

    async def _stands_in_chunks(self, arrived: int) -> None:
        """Take note of it for all that was replayed, the last of which came at `arrived` ms."""
        self._head.all_committed()
        self._flushed = self.appended
        async for rows in slices(self._head):
            self._head.forget_blocks(rows, arrived - self._head.reach)

    async def append(
        self, body: bytes, *, port: str, client: str | None, now: datetime
    ) -> Appended:
        """Take one request: its good samples are in the journal and in memory when this returns.

        `client` is the token's, None for a token of all clients. A body that cannot be understood
        is refused and changes nothing.
        """
        if not self.opened:
            raise Overloaded("samples are not taken yet: the journal is being replayed")
        self._admit(now)
        arrived = milliseconds(now)
        async with self._appending:
            decoded = await self._decoders[port].decode(
                body, client=client, arrived=arrived, breathe=breathe
            )
            self.refused["labels"] += decoded.refused
            good, why = self._in_time(decoded, arrived)
            self.refused.update(why)
            if len(good.refs):
                port, client, body = decoded.record or (port, client, body)
                position = self._journalled(Record(port, client, arrived, body), now)
                good = self._apply(good, arrived, position)
        if len(good.refs):
            await self.journal.synced()
        return Appended(len(good.refs), good.refused, good.reason)

    def _admit(self, now: datetime) -> None:
        """Refuse to take samples while too many wait for the database or the rules."""
        self.load.admit(self.pending, now)

    def _journalled(self, record: Record, now: datetime) -> Position:
        try:
            return self.journal.append(record)
        except Overloaded as why:
            raise self.load.full(why, now) from why

    def _in_time(self, decoded: Decoded, arrived: int) -> tuple[Decoded, Counter[str]]:
        return in_time(decoded, arrived, self.retention, self._shown)

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
                first = int(decoded.refs[np.flatnonzero(crowded)[0]])
                why = self._registry.crowded(self.client(first))
                decoded = decoded.without(crowded, f"{self._shown(first)}: {why}")
                rows = rows[~crowded]
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
            # what the journal has was acknowledged, however many are allowed by now
            if not self.opened or self._registry.active[client] < self.limits.series:
                opened.append(ref)
                self._registry.active[client] += 1
        self._head.open_rows(np.array(opened, np.int32))
        return self._head.row_of[refs]

    def _shown(self, ref: int) -> str:
        return text(self._registry.labels[ref])

    def series_ever(self) -> int:
        """Return how many series there have ever been."""
        return len(self._registry)

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
        return self._reader.covers(refs, start)

    def window(self, refs: Refs, start: int, end: int) -> Columns:
        """Return what memory has at hand from `start` to `end` ms, both included."""
        return merged(self._head.between(refs, start, end), self._registry.labels_of(refs))

    def held(self, refs: Refs, start: int, end: int, enough: Enough) -> Columns:
        """Return what memory holds, slabs too, or what is `enough` of it; without labels."""
        return self._reader.held(refs, [()] * len(refs), start, end, enough=enough)

    async def read(self, matchers: Sequence[Matcher], start: int, end: int) -> Columns:
        """Return the samples of matching series from `start` to `end` ms, both included.

        Series without a sample in that time are left out.
        """
        refs, labels = self._registry.selected(matchers)
        await self._reader.bounded(refs, start, end)
        return without_empty(await self._reader.whole(refs, labels, start, end))

    async def read_refs(self, refs: Refs, start: int, end: int) -> Columns:
        """Return all samples of these series, in their order, from `start` to `end` ms."""
        return await self.read_enough(refs, start, end, Enough.EVERY)

    async def read_enough(self, refs: Refs, start: int, end: int, enough: Enough) -> Columns:
        """Return the same, but of ranges perhaps no more than what is `enough`."""
        labels = self._registry.labels_of(refs)
        return await self._reader.read(refs, labels, start, end, enough=enough)

    async def flush(self, now: datetime) -> int:
        """Write what memory alone holds to the database, and cut the journal; return how much."""
        async with self._flushing:
            written = await self._flush(now)
            bare = await self._forgetting.run(now, keep=self.keep, bare=self.bare)
            await asyncio.to_thread(allocation.give_back)
            done = self._marked if not self._listeners else min(self._marked, self._released)
            self.journal.cut(done, min(bare, milliseconds(now)))
            self.last_flush = now
        return written

    async def _flush(self, now: datetime) -> int:
        position, count = self.journal.position, self.appended
        if position == self._marked:
            return 0
        with suppress(Overloaded):  # a full disk must not keep samples from the database
            self.journal.rotate()
        written = await self._writing.run(position, now)
        self._marked, self._flushed, self._since = position, count, now
        return written

    async def delete(self, client: str, *, by: str, now: datetime) -> int:
        """Take away everything of a client's that came until now; return how many series."""
        async with self._flushing, self._appending:
            found = await self._removal.run(client, self.position, by=by, now=now)
            self.forget_senders()
        return found

    async def close(self) -> None:
        """Take nothing more; what is only in the journal is there at the next start."""
        self.opened = False
        async with self._appending:
            await self.journal.close()
        self._lock.release()
