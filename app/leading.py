"""What of the rules this one of several replicas evaluates: what it holds leases of.

The thresholds are one lease, each group of a rule file is another; what is held is renewed all the
time. Only where another engine keeps the samples are there several replicas; over our own store one
process owns the data folder, and always has everything.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from alerting.evaluator import GRACE
from alerting.groups.units import Unit
from alerting.share import NOTHING, Share
from app.sharing import step
from kit import leases
from kit.clock import Clock
from kit.db import UNREACHED, Database

log = logging.getLogger(__name__)

RULES = "rules"
REPLICA = "replica"
EVALUATOR = "evaluator"
GROUP = "group"
EVERY = 1.5
WITHIN = 3.0
"""Seconds that PostgreSQL may take to renew leases; they are twice as long."""
SETTLES = 3.0
"""Seconds for which somebody else must be there before we let anything go."""
PATIENCE = 30.0
"""Seconds that a moment may be waited for at which nothing is under way."""
READS = 10.0
"""Seconds that the engine may take to show what other replicas took."""

Changed = Callable[[Share, datetime | None], Awaitable[None]]
"""Told what is ours from now on, and when another was last heard of that had the thresholds."""


@dataclass(frozen=True)
class Around:
    """What has to be known of the rest of the process: the groups of files that there are, whether
    what other replicas took of late has been read, and whether nothing is under way."""

    units: Callable[[], Sequence[Unit]]
    caught_up: Callable[[], bool]
    quiet: Callable[[], bool]


class Lead:
    """Holds leases, takes more and lets some go; `share` is what of the rules is evaluated here.

    A lease is ours a little longer than its rules are: what is let go is evaluated no more before
    another may take it.
    """

    def __init__(
        self, db: Database, holder: Callable[[], str], clock: Clock, around: Around
    ) -> None:
        self.share = NOTHING
        self.others = 0
        self._db, self._holder, self._clock, self._around = db, holder, clock, around
        self._held: dict[str, datetime] = {}
        self._former: datetime | None = None
        self._surplus: dict[str, float] = {}
        self._leaving: frozenset[str] = frozenset()
        self._begun = False
        self._started: float | None = None
        self._renewed = 0.0
        self._one = asyncio.Lock()
        self._woken, self._moved = asyncio.Event(), asyncio.Event()

    async def follow(self, changed: Changed) -> None:
        """Renew what is held, take what is free and let others have their part, until cancelled.

        Renewing does not wait for what a change takes.
        """
        self._moved.set()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._renew_all(), name="leases: renewed")
            both.create_task(self._hand_on_all(changed), name="leases: handed on")

    async def renew(self, at: float) -> None:
        """Bring what we know of our leases to what PostgreSQL says; `at` in seconds of the loop."""
        try:
            async with self._one, asyncio.timeout(WITHIN), self._db.transaction() as tx:
                held, taken = await self._look(tx, at)
        except (*UNREACHED, TimeoutError) as error:
            log.warning("the leases were not renewed: %s", error)
            if at - self._renewed >= leases.LENGTH.total_seconds():
                self._held = {}  # before that nobody can take them, and nothing can be written
            return
        now, self._renewed = self._clock(), at
        if RULES in taken:
            self._former = taken[RULES]
        for name, former in taken.items():
            self._held[name] = now + GRACE if former else now
        self._held = {name: self._held.get(name, now) for name in held | taken.keys()}

    async def hand_on(self, changed: Changed) -> None:
        """Have the rules evaluated that are ours, and give back what others should have."""
        leaving = self._leaving & self._held.keys()
        target = self._ours(leaving)
        if target != self.share:
            await changed(target, self._former)
            self._say(target)
            self.share = target
        await self._give(leaving)

    def look_again(self) -> None:
        """Look at once what there is to be held: the groups are others now."""
        self._woken.set()

    async def still(self, tx: AsyncSession, groups: Set[str]) -> None:
        """Refuse to write of groups (""; of thresholds) that are no longer ours."""
        await leases.ours(tx, {group or RULES for group in groups}, self._holder())

    async def close(self) -> None:
        """Let other replicas take over at once."""
        await self._give([*self._held, self._evaluator])

    @property
    def _evaluator(self) -> str:
        return f"{EVALUATOR}/{self._holder()}"

    async def _renew_all(self) -> None:
        loop = asyncio.get_running_loop()
        self._started = self._started or loop.time()
        while True:
            await self.renew(loop.time())
            self._moved.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), EVERY)
            self._woken.clear()

    async def _look(
        self, tx: AsyncSession, at: float
    ) -> tuple[Set[str], Mapping[str, datetime | None]]:
        """Renew and take; return what was ours already, and what has become so."""
        holder, units = self._holder(), self._around.units()
        groups = [name for unit in units for name in unit]
        self.others = await leases.present(tx, REPLICA, holder)
        await leases.forget(tx, REPLICA, EVALUATOR, GROUP)
        renewed = await leases.renew(tx, holder)
        found = await leases.standing(tx, [RULES, *groups], holder, kind=EVALUATOR)
        gone = {name for name in renewed if name.startswith(f"{GROUP}/")} - found.mine
        await leases.give_back(tx, gone, holder)
        wanted = [RULES] if RULES in found.free else []
        replicas = found.holders + (self._evaluator not in renewed)
        if self._begins(at, alone=replicas == 1):
            await leases.present(tx, EVALUATOR, holder)
            own = found.mine - {RULES}
            following = step(units, mine=own, free=found.free, replicas=replicas)
            self._lets_go(following.let_go, at)
            wanted += following.take
        return found.mine, await leases.take(tx, wanted, holder)

    def _begins(self, at: float, *, alone: bool) -> bool:
        """Tell whether groups may be evaluated: not before we have what they read, or none has."""
        waited = self._started is not None and at - self._started >= READS
        self._begun = self._begun or alone or waited or self._around.caught_up()
        return self._begun

    def _lets_go(self, names: Set[str], at: float) -> None:
        """Choose what to let go: what others have waited for, at a moment when nothing is busy."""
        self._surplus = {name: self._surplus.get(name, at) for name in names}
        old = {name for name, since in self._surplus.items() if at - since >= SETTLES}
        late = any(at - self._surplus[name] >= PATIENCE for name in old)
        self._leaving = frozenset(old) if late or self._around.quiet() else frozenset()

    async def _hand_on_all(self, changed: Changed) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            await self.hand_on(changed)

    def _ours(self, leaving: Set[str]) -> Share:
        held = {name: until for name, until in self._held.items() if name not in leaving}
        thresholds = held.pop(RULES, None) is not None
        return Share(thresholds, held if self._begun else {})

    def _say(self, target: Share) -> None:
        if target.thresholds != self.share.thresholds:
            who = "this" if target.thresholds else "another"
            log.info("%s process passes verdicts on thresholds now", who)
        if target.groups != self.share.groups:
            log.info("this process has %d groups of rules now", len(target.groups or ()))

    async def _give(self, names: Collection[str]) -> None:
        if not names:
            return
        try:
            async with self._one, asyncio.timeout(WITHIN), self._db.transaction() as tx:
                await leases.give_back(tx, names, self._holder())
        except (*UNREACHED, TimeoutError) as error:
            log.warning("leases were not given back: %s", error)
            return
        for name in names:
            self._held.pop(name, None)
