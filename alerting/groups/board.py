"""The groups at work: what is due is computed, what came of it becomes alerts and series.

A group is evaluated at multiples of its interval, as Prometheus does, and its alerts also as soon
as what they read has come. What nothing came for and nothing has ended in is not computed again.
"""

import asyncio
import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Protocol

import numpy as np

from access.scope import HOUSE
from alerting.budget import Budget
from alerting.groups.alerts import Active, Alerts
from alerting.groups.batches import Batch, Bundle, Input, Memory, batches, stages
from alerting.groups.evaluation import (
    MOST,
    Results,
    computed,
    for_each_client,
    note,
    nothing,
    still_true,
)
from alerting.groups.recordings import Recordings
from alerting.groups.rules import FileRule
from alerting.groups.series import Series, ended
from alerting.lanes import Lanes
from alerting.watches import Remembered, Watches
from kit.clock import from_milliseconds, milliseconds
from kit.errors import Refusal
from metrics.batch import Appended, Refs
from metrics.columns import NAME, Columns, Enough, Labels
from metrics.labels import CLIENT
from metrics.matchers import Matcher, Op
from metrics.ports.encode import write_request
from metrics.promql.memory import Memory as Recalled
from metrics.promql.terms import Terms
from metrics.rolled import beside

log = logging.getLogger(__name__)

BURST_MS = 50
"""An alert that is touched waits so long for the rest of what comes at once."""
EAGER_MS = 1000
"""Alerts are not looked at more often than this between the ticks of their group."""
HEAVY = 20_000
"""Series of a batch from which on it is computed off the loop, and read slice by slice."""
MANY = 500
"""Results that are too many to be written down on the loop."""

RECALLED = 10
"""What is worked out from labels for one rule, at most."""

OF_THE_HOUSE = (
    Matcher(CLIENT, Op.EQUAL, HOUSE),
    Matcher(NAME, Op.NOT_EQUAL, "ALERTS"),
    Matcher(NAME, Op.NOT_EQUAL, "ALERTS_FOR_STATE"),
)


class Store(Memory, Protocol):
    """What the groups ask of the store."""

    def covers(self, refs: Refs, start: int, /) -> bool:
        """Tell whether what is at hand from `start` on is all there is."""
        ...

    async def read_enough(self, refs: Refs, start: int, end: int, enough: Enough, /) -> Columns:
        """Return what memory and chunks hold of a range: all samples, or what is `enough`."""
        ...

    async def append(
        self, body: bytes, *, port: str, client: str | None, now: datetime
    ) -> Appended:
        """Take samples like those of any sender."""
        ...


@dataclass(frozen=True)
class Left:
    """What the rules before a reload wrote last, by their keys."""

    recorded: Mapping[str, frozenset[Labels]]
    alerts: Mapping[str, Sequence[Active]]

    def ends(self, kept: Container[str], at: int) -> Iterator[Series]:
        """Yield the end of each series whose rule is not kept."""
        for key, series in self.recorded.items():
            for labels in series if key not in kept else ():
                yield ended(labels, at)
        for key, active in self.alerts.items():
            for one in active if key not in kept else ():
                for labels in (one.series, one.for_state):
                    yield ended(labels, at)


@dataclass(eq=False)
class Cohort:
    """Groups of one interval and offset: they are due together."""

    interval: int
    offset: int
    turns: Sequence[Sequence[Bundle]]
    at: int = -1
    eager_at: int = -1
    took: float = 0.0

    def due(self, now: int) -> int | None:
        """Return the moment for which the groups have to be evaluated, None for not yet."""
        tick = now // self.interval * self.interval
        return tick if tick > self.at else None


class Board:
    """All groups over one set of watches that are ours to evaluate."""

    def __init__(
        self, store: Store, watches: Watches, lanes: Lanes, *, ready: datetime, at: datetime
    ) -> None:
        self.woken = asyncio.Event()
        self.budget = Budget()
        self.rules: Sequence[FileRule] = watches.index.held
        self._own = frozenset(self.rules)
        self._store, self._watches, self._counts = store, watches, lanes.counts
        self._memory = Recalled(max(5_000, RECALLED * len(self.rules)))
        self._touched = np.zeros(1024, np.bool_)
        self._marked_at: int | None = None
        self._looking = asyncio.Lock()
        self._made = milliseconds(at)
        self.alerts = Alerts(watches, lanes, memory=store, ready=ready)
        self.recordings = Recordings()
        self._cohorts = [
            Cohort(*key, [list(map(Bundle, batches(turn))) for turn in stages(members)])
            for key, members in _cohorts(self.rules).items()
        ]

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def groups(self) -> int:
        """How many groups are evaluated here."""
        return len({rule.group.lease for rule in self.rules})

    def has(self, rule: FileRule) -> bool:
        """Tell whether a rule is evaluated here, by this process."""
        return rule in self._own

    def takes_up(self, one: Remembered) -> None:
        """Watch an alert that a rule gave before our start."""
        self.alerts.takes_up(one)

    async def left(self) -> Left:
        """Return what was written last, once nothing is being evaluated."""
        async with self._looking:
            return Left(self.recordings.left(), self.alerts.left())

    async def follow(self, left: Left, now: datetime) -> None:
        """Go on where the rules before a reload stopped; end what no rule goes on with.

        A rule that is another process's now goes on with it there.
        """
        async with self._looking:
            for rule in self.rules:
                if rule.key in left.recorded and rule.spec.record:
                    self.recordings.follow(rule, left.recorded[rule.key])
                if rule.key in left.alerts and rule.spec.alert:
                    self.alerts.follow(rule, left.alerts[rule.key])
            kept = {rule.key for rule in self.rules}
            await self._write(list(left.ends(kept, milliseconds(now))), now)

    async def rest(self) -> None:
        """End nothing of what was written: somebody else goes on with it."""
        async with self._looking:
            self.recordings.rest()
            self.alerts.rest()

    def touched(self, refs: Refs, now: int) -> None:
        """Note that samples of these series have come."""
        if not self.rules:
            return
        most = int(refs.max(initial=-1)) + 1
        if most > len(self._touched):
            self._touched = np.append(self._touched, np.zeros(most, np.bool_))
        self._touched[refs] = True
        if self._marked_at is None:
            self._marked_at = now
            self.woken.set()

    def wait(self, now: int) -> float:
        """Return in how many seconds something is due."""
        due = [cohort.interval - now % cohort.interval for cohort in self._cohorts]
        if self._marked_at is not None:
            due.append(max(self._marked_at + BURST_MS - now, round(self.budget.wait() * 1000)))
            due[-1] = max(due[-1], min(c.eager_at + EAGER_MS - now for c in self._cohorts))
        return max(min(due, default=1000), 1) / 1000

    async def look(self, now: datetime, *, at_once: bool = False) -> None:
        """Evaluate what is due at this moment; `at_once`: do not wait for the rest of a burst."""
        async with self._looking:
            ms = milliseconds(now)
            for cohort in self._cohorts:
                tick = cohort.due(ms)
                if tick is not None:
                    await self._tick(cohort, tick, now)
            waited = self._marked_at is not None and ms - self._marked_at >= BURST_MS
            if at_once or (waited and self.budget.wait() <= 0):
                await self._eager(ms, now)

    async def _tick(self, cohort: Cohort, tick: int, now: datetime) -> None:
        began = perf_counter()
        cohort.at = tick
        for turn in cohort.turns:
            written: list[Series] = []
            for batch in _parts(turn):
                results, again = await self._evaluated(batch, tick - cohort.offset)
                written += await self._told(batch, results, tick, again=again)
                await asyncio.sleep(0)
            await self._write(written, now)
            for bundle in turn:
                bundle.refit()
        cohort.took = perf_counter() - began

    async def _eager(self, ms: int, now: datetime) -> None:
        """Look at the alerts whose series were touched since they were looked at."""
        if self._marked_at is None:
            return
        self._marked_at, began = None, perf_counter()
        touched, self._touched = self._touched, np.zeros(len(self._touched), np.bool_)
        for cohort in self._cohorts:
            if ms < cohort.eager_at + EAGER_MS and cohort.eager_at >= 0 and ms != cohort.eager_at:
                self._touched[: len(touched)] |= touched
                self._marked_at = ms
                continue
            cohort.eager_at = ms
            for batch in (batch for turn in cohort.turns for batch in _parts(turn)):
                if batch.rules[0].tree is None:
                    continue  # what is not there is asked at the ticks alone
                if batch.rules[0].spec.alert and _reads(batch, touched):
                    results, _ = await self._evaluated(batch, ms - cohort.offset)
                    await self._write(await self._told(batch, results, ms), now)
        self.budget.spend(perf_counter() - began)

    async def _evaluated(self, batch: Batch, at: int) -> tuple[Results, bool]:
        """Return what a batch gives, and whether it is what it gave before."""
        if batch.rules[0].tree is None:
            return self._alone(batch.rules[0], at), False
        began = perf_counter()
        changed = await self._named(batch)
        for each in batch.inputs:
            each.look(self._store)
        if not changed and still_true(batch, at):
            return batch.last, True
        data = [await self._columns(each, at) for each in batch.inputs]
        batch.read = sum(len(columns.times) for columns in data)
        terms = Terms(limits=MOST, memory=self._memory)
        if sum(len(each.refs) for each in batch.inputs) > HEAVY:
            results = await asyncio.to_thread(computed, batch, data, at, terms)
        else:
            results = computed(batch, data, at, terms)
        note(batch, at, results)
        self._note(results, at, perf_counter() - began)
        return results, False

    async def _columns(self, place: Input, at: int) -> Columns:
        """Return what a place has to show, of many series slice by slice."""
        parts = [await self._part(part, at) for part in place.parts(HEAVY)]
        return parts[0] if len(parts) == 1 else beside(parts, place.labels or ())

    async def _part(self, part: Input, at: int) -> Columns:
        """Return what memory has to show of a place; long ranges are opened off the loop."""
        await asyncio.sleep(0)
        first, last = part.place.window(at, at)
        if self._store.covers(part.refs, first):
            return part.columns(self._store, at)
        return part.told(await self._store.read_enough(part.asked, first, last, part.enough))

    async def _named(self, batch: Batch) -> bool:
        """Find the series of a batch and their labels, of many new ones off the loop.

        Tells whether they are others than before.
        """
        changed = [each for each in batch.inputs if each.bring_up(self._store)]
        for each in changed:
            if len(each.refs) > HEAVY:
                await asyncio.to_thread(each.name, self._store, marked=batch.marked)
            each.name(self._store, marked=batch.marked)
        return bool(changed)

    def _alone(self, rule: FileRule, at: int) -> Results:
        clients = rule.group.clients
        if clients is None:
            clients = self._senders()
        terms, began = Terms(limits=MOST, memory=Recalled()), perf_counter()
        try:
            results = for_each_client(rule, clients, self._store, at, terms)
        except Refusal as why:
            results = nothing([rule], why.detail)
        self._note(results, at, perf_counter() - began)
        return results

    def _senders(self) -> list[str]:
        """Return who sends samples; the house too if it does more than miss those of others."""
        senders = self._watches.senders()
        if len(self._store.select(OF_THE_HOUSE)):
            return senders
        return [name for name in senders if name != HOUSE] or [HOUSE]

    def _note(self, results: Results, at: int, took: float) -> None:
        self._counts["evaluated"] += len(results.rules)
        moment, share = from_milliseconds(at), took / max(len(results.rules), 1)
        for number, rule in enumerate(results.rules):
            rule.health.at, rule.health.seconds = moment, share
            rule.health.error = results.errors.get(number, "")

    async def _told(
        self, batch: Batch, results: Results, at: int, *, again: bool = False
    ) -> list[Series]:
        if batch.rules[0].spec.alert:
            return await self.alerts.take(results, at, again=again)
        if len(results.labels) > MANY:
            return await asyncio.to_thread(self.recordings.take, results, at)
        return self.recordings.take(results, at)

    async def _write(self, series: Sequence[Series], now: datetime) -> None:
        """Write what was recorded, each client's for itself."""
        of_client: dict[str, list[Series]] = {}
        for one in series:
            of_client.setdefault(one.client, []).append(one)
        bodies = self.recordings.bodies()
        for client, own in of_client.items():
            body = await asyncio.to_thread(_body, own) if len(own) > MANY else _body(own)
            bodies.append((client, body))
        for client, body in bodies:
            try:
                await self._store.append(body, port="remote_write", client=client, now=now)
            except Refusal as why:
                log.error("what rules recorded of %s is not kept: %s", client, why.detail)


def _parts(turn: Sequence[Bundle]) -> Iterator[Batch]:
    for bundle in turn:
        yield from bundle.parts


def _body(series: Sequence[Series]) -> bytes:
    return write_request(
        [one.labels for one in series], [one.at for one in series], [one.value for one in series]
    )


def _cohorts(rules: Sequence[FileRule]) -> Mapping[tuple[int, int], list[FileRule]]:
    found: dict[tuple[int, int], list[FileRule]] = {}
    for rule in rules:
        key = (_ms(rule.group.interval), _ms(rule.group.offset))
        found.setdefault(key, []).append(rule)
    return found


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


def _reads(batch: Batch, touched: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> bool:
    for each in batch.inputs:
        refs = each.refs[each.refs < len(touched)]
        if touched[refs].any():
            return True
    return batch.last is None
