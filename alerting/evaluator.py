"""Passes verdicts on samples as they come: start reading at `on_batch`, `drain` and `sweep`."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.directory import Directory
from alerting import mending, queries
from alerting.backlog import Backlog, Drained
from alerting.comparing import compared
from alerting.delivery import Carry
from alerting.expressions import Expressions
from alerting.groups.board import Board
from alerting.groups.rules import FileRule
from alerting.lanes import Lanes
from alerting.rules_index import RulesIndex
from alerting.samples import Samples
from alerting.share import WHOLE, Share
from alerting.tables import Alert
from alerting.thresholds import CompiledRule
from alerting.watches import Watched, Watches
from kit.clock import Clock, milliseconds
from kit.db import Database
from metrics.batch import START as BEGINNING
from metrics.batch import Batch, Position, Refs
from metrics.promql.tree import Selector

GRACE = timedelta(minutes=2)
"""After our own start silence means nothing until then."""
TOGETHER = 0.005
"""Seconds that a look at samples waits for more: one look costs as much for ten bodies."""
LEARNT = 500
"""New series looked at in one go."""


class Evaluator:
    """Memory over the alert rows: what it remembers of a series moves after the commit.

    Make it before the store is opened, so that it hears of every series; `start` it when the
    store is open. `carry` is the one transaction of the main path.
    """

    def __init__(
        self,
        store: Samples,
        db: Database,
        carry: Carry,
        *,
        clock: Clock,
        history: timedelta | None = timedelta(minutes=5),
        took: Callable[[float], None] | None = None,
    ) -> None:
        self.ready: datetime | None = None
        self.last_tick: datetime | None = None
        self.last_sweep: datetime | None = None
        self._store, self._db, self._carry, self._clock = store, db, carry, clock
        self._took = took
        self._backlog = Backlog(history)
        self._counts: Counter[str] = Counter()
        self._refs = 0
        self._fresh: list[int] = []
        self._came: list[Refs] = []
        self._progress: dict[str, Position] = {}
        self._owing: set[str] = set()
        self._look = False
        self._dropped = 0
        self._building = asyncio.Lock()
        self._held = True
        self._version: int | None = None
        self._watches = Watches(RulesIndex((), Directory({}, ())), store.labels, self._reads)
        self._lanes = Lanes(db, carry, clock, self._watches)
        self._expressions = Expressions(store, self._watches, self._lanes, ready=clock())
        self.board = Board(store, self._watches, self._lanes, ready=clock(), at=clock())
        store.listen(self.on_batch)
        store.on_series(self.on_series)

    def on_series(self, refs: list[int]) -> None:
        """Take note of new series."""
        self._refs = max(self._refs, max(refs, default=-1) + 1)
        self._fresh.extend(refs)

    def on_batch(self, batch: Batch) -> None:
        """Take note of a batch; what was history when it came is left out."""
        self._backlog.add(batch)
        if not (self._held or self._watches.index.share.thresholds):
            self._came.append(batch.refs)

    async def start(
        self,
        rules: Sequence[CompiledRule],
        directory: Directory,
        *,
        files: Sequence[FileRule] = (),
        share: Share = WHOLE,
        version: int | None = None,
        now: datetime,
    ) -> None:
        """Take up the alerts that exist, then what the journal had that they have not seen."""
        self.ready = now
        async with self._db.snapshot() as session:
            self._progress = await queries.progress(session)
        await self.reload(rules, directory, files=files, share=share, version=version, now=now)

    async def rest(self) -> None:
        """Pass no verdicts until the next `start`: somebody else does."""
        async with self._building:
            self._held, self.ready = True, None
            await self.board.rest()
            await self._lanes.stop()

    def forget(self, before: datetime) -> None:
        """Leave out what arrived before a moment: somebody else has evaluated it."""
        self._backlog.forget(before)

    async def reload(
        self,
        rules: Sequence[CompiledRule],
        directory: Directory,
        *,
        files: Sequence[FileRule] = (),
        share: Share = WHOLE,
        version: int | None = None,
        now: datetime,
    ) -> None:
        """Watch by these rules from now on; alerts that no rule watches any more are resolved.

        `share` is our part of them, `version` their configuration's, if others write alerts, too.
        """
        async with self._building:
            self._held, before = True, self._lanes
            await before.stop()
            try:
                self._version = version
                index = RulesIndex(rules, directory, files, share)
                async with self._db.snapshot() as session:
                    rows = await queries.open_alerts(session)
                    newest = await self._newest(session)
                await self.watch(index, rows, now=now)
                if newest:
                    mending.end_orphans(index, self._lanes, rows, now=now)
            finally:
                if self._lanes is before:  # the database was away: go on as before
                    before.resume()
                    mending.try_again(self._watches, before)
                    self._held, self._look = self.ready is None, True
                self._backlog.woken.set()

    async def watch(self, index: RulesIndex, rows: Sequence[Alert], *, now: datetime) -> None:
        """Make memory anew from the rules, the series and the open rows."""
        left = await self.board.left()
        before, known, self._fresh, self._came = self._lanes, self._refs, [], []
        watches = Watches(index, self._store.labels, self._reads)
        lanes = Lanes(self._db, self._carry, self._clock, watches)
        lanes.read_to = before.read_to if index.share.thresholds else None
        self._counts += before.counts
        self._watches, self._lanes = watches, lanes
        ready = (self.ready or now) + GRACE
        self._expressions = Expressions(self._store, watches, lanes, ready=ready)
        self.board = Board(self._store, watches, lanes, ready=ready, at=now)
        watches.expect(map(mending.as_remembered, rows))
        for start in range(0, known, LEARNT):
            watches.learn(range(start, min(start + LEARNT, known)))
            await asyncio.sleep(0)
        watches.seen[:known] = self._store.newest(np.arange(known, dtype=np.int32))[0]
        for refs in self._backlog.refs:
            watches.seen[refs[refs < known]] = -1  # the head is ahead of what we have evaluated
        mending.take_up(watches, lanes, self._expressions, self.board, now=now)
        self._expressions.mark_all(asyncio.get_running_loop().time())
        self._held, self._look = False, True
        await self.board.follow(left, now)

    async def run(self) -> None:
        """Evaluate what comes, until cancelled."""
        try:
            async with asyncio.TaskGroup() as all_:
                all_.create_task(self._drain_all(), name="alerting: samples")
                all_.create_task(self._look_all(), name="alerting: formulas")
                all_.create_task(self._evaluate_all(), name="alerting: expressions")
                all_.create_task(self._look_at_groups(), name="alerting: groups")
        finally:
            await self._lanes.stop()

    async def settle(self) -> None:
        """Wait until everything that has come is evaluated and carried."""
        await self._drain_now()
        cells, more = self._expressions.cells, True
        while more:
            more = cells.look(self._clock())
        for expression in self._expressions.marked():
            await self._expressions.evaluate(expression, self._clock())
        await self.board.look(self._clock(), at_once=True)
        await self._drain_now()
        await self._lanes.idle()

    def drain(self) -> bool:
        """Compare some of what waits; tell whether more waits. No await, no database."""
        if self._held:
            return False
        fresh, self._fresh = self._fresh[:LEARNT], self._fresh[LEARNT:]
        self._watches.learn(fresh)
        if self._fresh:
            return True  # no batch may be looked at before its series are known
        if not self._watches.index.share.thresholds:
            self._show_groups()
            return False
        dropped = self._backlog.dropped
        drained = self._backlog.take(self._unread)
        if drained and len(drained.refs):
            self._compare(drained)
        if drained:
            self._lanes.read_to = max(drained.position, self._lanes.read_to or BEGINNING)
        if not len(self._backlog) and (self._look or dropped != self._dropped):
            self._look, self._dropped = False, dropped
            for _ in self._at_head(self._clock()):
                continue
        return bool(len(self._backlog))

    def tick(self, now: datetime) -> None:
        """Send on what time alone changes: waits that are over, series that fell silent."""
        self.last_tick = now
        if self._held or self.ready is None:
            return
        at, ready = milliseconds(now), milliseconds(self.ready)
        grace = milliseconds(self.ready + GRACE)
        watches = self._watches
        news = (
            mending.silent(watches, at=at, grace=grace),
            mending.over(watches, self._store, at=at, ready=ready, grace=grace),
        )
        for each in news:
            if each:
                self._lanes.post(each)
        self._expressions.mark_waiting(asyncio.get_running_loop().time())

    async def sweep(self, now: datetime) -> None:
        """Mend what differs: memory and the alert rows, then the head and memory."""
        lanes, watches = self._lanes, self._watches
        if self._held:
            return
        lanes.moved.clear()
        async with self._db.snapshot() as session:
            rows = await queries.open_alerts(session)
            newest = await self._newest(session)
        if lanes is not self._lanes:
            return  # the rules were changed meanwhile, and memory made anew
        self._counts["mended"] += mending.mend(watches, lanes, rows)
        if newest:
            mending.end_orphans(watches.index, lanes, rows, now=now)
        mending.try_again(watches, lanes)
        for _ in self._at_head(now):
            await asyncio.sleep(0)
        self._expressions.mark_all(asyncio.get_running_loop().time())
        owing, self._owing = self._owing, set()
        for client in owing:
            lanes.move_on(client)
        if position := lanes.carried_to():
            self._store.release(position)
        self.last_sweep = now

    def gauges(self, now: datetime) -> dict[str, float]:
        """Return what is worth watching about the evaluator itself."""
        oldest = self._backlog.oldest
        counts = self._counts + self._lanes.counts
        return {
            "backlog_samples": len(self._backlog),
            "lag_seconds": (now - oldest).total_seconds() if oldest else 0.0,
            "watches": self._watches.count - 1,
            "expressions": len(self._expressions),
            "groups": self.board.groups,
            "rules_broken": len(self._watches.index.broken),
            "clients_failing": len(self._lanes.failing),
            "set_aside": len(self._lanes.aside),
            "history_samples_total": self._backlog.history,
            "dropped_samples_total": self._backlog.dropped,
            **{f"{n}_total": counts[n] for n in ("failed", "crashed", "set_aside", "evaluated")},
        }

    @property
    def crowded(self) -> bool:
        """Tell whether so many samples wait that senders should come again later."""
        return self._backlog.crowded

    @property
    def quiet(self) -> bool:
        """Tell whether nothing is on its way to the database."""
        return self._lanes.quiet

    @property
    def unwritten(self) -> list[str]:
        """Return the clients of whose alerts some cannot be written now."""
        return sorted({*self._lanes.stuck, *self._lanes.aside.values()})

    @property
    def broken(self) -> dict[str, str]:
        """Return why each rule that cannot be evaluated cannot."""
        return {
            **self._watches.index.broken,
            **self._expressions.refusals(),
            **{rule.key: rule.health.error for rule in self.board.rules if rule.health.error},
        }

    async def _drain_all(self) -> None:
        while True:
            await self._backlog.woken.wait()
            await asyncio.sleep(TOGETHER)
            self._backlog.woken.clear()
            await self._drain_now()

    async def _drain_now(self) -> None:
        more = True
        while more:
            began = time.perf_counter()
            more = self.drain()
            if self._took:
                self._took(time.perf_counter() - began)
            await asyncio.sleep(0)

    async def _look_all(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            cells, more = self._expressions.cells, False
            if not self._held:
                cells.woken.clear()
                more = cells.look(self._clock())
            cells.budget.left(clock())
            wait = cells.budget.wait()
            if more or wait:
                await asyncio.sleep(wait)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(cells.woken.wait(), 1.0)

    async def _evaluate_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            expressions = self._expressions
            for expression in expressions.due(loop.time()) if not self._held else ():
                await expressions.evaluate(expression, self._clock())
                await asyncio.sleep(0)
            wait = expressions.wait(loop.time())
            expressions.woken.clear()
            try:
                await asyncio.wait_for(expressions.woken.wait(), 1.0 if wait is None else wait)
            except TimeoutError:
                continue

    async def _look_at_groups(self) -> None:
        while True:
            board = self.board
            if not self._held:
                await board.look(self._clock())
            board.woken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(board.woken.wait(), board.wait(milliseconds(self._clock())))

    def _reads(self, number: int, selector: Selector, ref: int) -> None:
        self._expressions.reads(number, selector, ref)

    def _at_head(self, now: datetime) -> Iterator[int]:
        return mending.look_at_head(self._watches, self._lanes, self._store, at=milliseconds(now))

    def _unread(self, batch: Batch) -> NDArray[np.bool_]:
        """Tell of a batch from the journal which samples its clients' rules have not seen."""
        seen = [self._progress.get(client, BEGINNING) for client in self._watches.clients]
        ahead = np.array([batch.position > position for position in seen], np.bool_)
        unread: NDArray[np.bool_] = ahead[self._watches.whose[batch.refs]]
        return unread

    def _compare(self, drained: Drained) -> None:
        """Send on what may change something, and mark the rules that compute."""
        self._note_clients(self._watches.whose[drained.refs])
        for news in compared(self._watches, drained):
            self._lanes.post(news)
        self._expressions.touched(drained.refs, at=asyncio.get_running_loop().time())
        self.board.touched(drained.refs, milliseconds(self._clock()))

    def _show_groups(self) -> None:
        """Tell groups what has come; the samples wait for whoever takes the thresholds next."""
        came, self._came = self._came, []
        if came:
            self.board.touched(np.concatenate(came), milliseconds(self._clock()))

    async def _newest(self, session: AsyncSession) -> bool:
        """Tell whether our rules are those of the configuration in force."""
        return self._version in (None, await access.configuration_version(session))

    def _note_clients(self, whose: Watched) -> None:
        flags = np.zeros(len(self._watches.clients), np.bool_)
        flags[whose] = True
        self._owing.update(self._watches.clients[n] for n in np.flatnonzero(flags).tolist())
