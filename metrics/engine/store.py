"""A store whose samples stay in an engine: journal and memory as ever, no chunks.

Rules look at what comes as they do over our own store. What memory does not reach, and what other
replicas took, is read from the engine.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from kit.clock import Clock, milliseconds
from kit.db import Database
from kit.errors import Conflict, Invalid, Overloaded
from kit.folder import secret
from metrics.batch import Floats, Ints, Position, Refs, merged, without_empty
from metrics.columns import Columns, Labels
from metrics.engine.client import Engine
from metrics.engine.comparing import NOWHERE, around, held, placed
from metrics.engine.forwarding import Forwarder
from metrics.engine.mark import Mark
from metrics.forgetting import breathe
from metrics.head import Head
from metrics.journal import Record, Sync
from metrics.labels import CLIENT, Limits
from metrics.load import Behind
from metrics.matchers import Matcher
from metrics.ownership import NAME as OWN_ID
from metrics.ports.decode import Decoded
from metrics.ports.decoders import KnownClients, decoders
from metrics.reads import Reader
from metrics.replaying import decoded_again
from metrics.series import Registry
from metrics.store import Store

HOUR_MS = 3_600_000
MARK = "forwarded"
"""The file in the folder that says how far the engine has taken the journal."""


class EngineReader(Reader):
    """Reads what memory has not at hand from the engine."""

    def __init__(self, head: Head, registry: Registry, db: Database, engine: Engine) -> None:
        super().__init__(head, registry, db)
        self._engine = engine

    async def bounded(self, refs: Refs, start: int, end: int) -> None:
        """Leave it to the engine to say how many samples are too many."""

    async def whole(self, refs: Refs, labels: Sequence[Labels], start: int, end: int) -> Columns:
        """Return all samples from `start` to `end` ms, memory's word before the engine's."""
        if self.covers(refs, start):
            return merged(self._head.between(refs, start, end), labels)
        stored = await self._engine.samples(around(labels), start, end)
        return merged([placed(stored, labels), *self._head.between(refs, start, end)], labels)


class EngineStore(Store):
    """Takes samples as `Store` does; `forwarder` has them on their way, up to `buffer` bytes."""

    def __init__(
        self,
        folder: Path,
        db: Database,
        engine: Engine,
        *,
        clock: Clock,
        known_clients: KnownClients,
        buffer: int,
        limits: Limits | None = None,
        sync: Sync = Sync.EVERYSEC,
        retention: timedelta = timedelta(days=400),
    ) -> None:
        super().__init__(
            folder,
            db,
            known_clients=known_clients,
            limits=limits,
            sync=sync,
            retention=retention,
        )
        self.engine = engine
        self.buffer = buffer
        self._clock = clock
        self._mark = Mark(folder / MARK)
        self._known = 0
        self._held_before = 0
        self._elsewhere = 0
        self._reader = EngineReader(self._head, self._registry, db, engine)
        self.known = engine.series
        self.steps = None  # what is thinned out there is so by its own means
        self._decoders = decoders(self._registry, known_clients, self._latest)
        self._again = decoders(self._registry, known_clients)
        self.forwarder = Forwarder(
            self.journal,
            engine,
            self._mark,
            labels=self._registry.labels,
            understand=self._understood,
        )

    @property
    def full(self) -> bool:
        """Tell whether memory holds so much that it should be looked through before its time."""
        return self.appended - self._held_before >= self.limits.flush_at

    @property
    def pending(self) -> int:
        """Samples that have come and that the engine has not taken, as far as memory knows."""
        if not self.forwarder.bytes_behind:
            return 0
        return max(self.appended - self._elsewhere - self._flushed - self.forwarder.done, 0)

    def behind(self, now: datetime) -> Behind:
        """Return what the engine has not taken, since when, and whether senders are put off."""
        return Behind(self.pending, self.forwarder.lag(now), self.load.said(now))

    def replica(self) -> str:
        """Return what this folder of samples is known by among those of other replicas."""
        return secret(self._folder / OWN_ID, size=16)[0]

    def forget_senders(self) -> None:
        """Look at every sender's labels anew, because the clients have changed."""
        super().forget_senders()
        for decoder in self._again.values():
            decoder.forget()

    async def read(self, matchers: Sequence[Matcher], start: int, end: int) -> Columns:
        """Return the samples of matching series from `start` to `end` ms, both included.

        The engine's, and those that memory alone holds so far.
        """
        stored = await self.engine.samples(matchers, start, end)
        refs, known = self._registry.selected(matchers)
        others = set(known)
        labels = [*known, *(each for each in stored.labels if each not in others)]
        held_here = self._head.between(refs, start, end)
        return without_empty(merged([placed(stored, labels), *held_here], labels))

    async def delete(self, client: str, *, by: str, now: datetime) -> int:
        """Refuse: what the engine keeps is taken away there, with its own means."""
        raise Conflict(
            "the samples of {client!r} are kept by another engine: delete them there",
            client=client,
        )

    async def _latest(self, refs: Refs) -> tuple[Ints, Floats]:
        """Return each series' newest sample: memory's, else the engine's of the last hour."""
        times, values = self._head.last(refs)
        unknown = np.flatnonzero(times < 0)
        if not len(unknown):
            return times, values
        labels = self._registry.labels_of(refs[unknown])
        now = milliseconds(self._clock())
        found = placed(await self.engine.samples(around(labels), now - HOUR_MS, now), labels)
        for owner, at, value in zip(found.owner, found.times, found.values, strict=True):
            if at > times[unknown[owner]]:
                times[unknown[owner]], values[unknown[owner]] = at, value
        return times, values

    def take_in(self, columns: Columns, now: datetime) -> int:
        """Take samples that the engine has from elsewhere, for the rules; return how many."""
        refs, times, values = self._unseen(columns)
        if not len(refs):
            return 0
        self._registry.announce()
        found = self._apply(Decoded(refs, times, values), milliseconds(now), self.position)
        self._elsewhere += len(found.refs)
        return len(found.refs)

    def _unseen(self, columns: Columns) -> tuple[Refs, Ints, Floats]:
        whose = [self._ref(labels) for labels in columns.labels]
        refs = np.repeat(np.array(whose, np.int32), np.diff(columns.starts))
        mine = refs != NOWHERE
        refs, times, values = refs[mine], columns.times[mine], columns.values[mine]
        if not len(refs):
            return refs, times, values
        known = np.unique(refs)
        first, last = int(times.min()), int(times.max())
        ours = merged(self._head.between(known, first, last), [()] * len(known))
        new = ~held(refs, times, np.repeat(known, np.diff(ours.starts)), ours.times)
        refs, times, values = refs[new], times[new], values[new]
        order = np.lexsort((refs, times))
        return refs[order], times[order], values[order]

    def _ref(self, labels: Labels) -> int:
        """Return the ref of a series of the engine; NOWHERE if it is no client's."""
        if not any(name == CLIENT for name, _ in labels):
            return NOWHERE
        try:
            return self._registry.ref(labels)
        except Invalid:  # the client has too many
            return NOWHERE

    async def _stored_upto(self) -> Position:
        self._mark.open()
        self.forwarder.begin()
        return self._mark.safe

    def _wanted(self, record: Record, now: int) -> bool:
        """Bring back to memory what came of late; the engine has the rest, or will have it."""
        return record.arrived >= now - self.bare // timedelta(milliseconds=1)

    def _admit(self, now: datetime) -> None:
        if self.forwarder.bytes_behind > self.buffer:
            raise self.load.away("the metrics engine takes no samples", now)
        self.load.admit_to_rules(now)

    def _journalled(self, record: Record, now: datetime) -> Position:
        position = super()._journalled(record, now)
        self.forwarder.woken.set()
        return position

    def _apply(
        self, decoded: Decoded, arrived: int, position: Position, *, replayed: bool = False
    ) -> Decoded:
        # of a series just met the engine may know more: from before our start, or of a replica
        for column in (self._head.covered, self._head.bare):
            column[self._known : len(self._registry)] = arrived
        self._known = len(self._registry)
        return super()._apply(decoded, arrived, position, replayed=replayed)

    async def _understood(self, record: Record) -> Decoded | None:
        decoded = await decoded_again(self.journal, record, self._again, breathe=breathe)
        return self._in_time(decoded, record.arrived)[0] if decoded else None

    async def _flush(self, now: datetime) -> int:
        """Let memory go of what is old: the journal holds what the engine has not taken."""
        self._head.all_committed()
        self._held_before = self.appended
        with suppress(Overloaded):  # as over our own store
            self.journal.rotate()
        self._marked = self._released = self._mark.safe
        return 0

    async def close(self) -> None:
        """Take nothing more; what the engine has not taken is in the journal."""
        await super().close()
        self._mark.close()
        await self.engine.close()
