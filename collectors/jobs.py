"""The tick that starts every fetch whose turn has come; a slow target delays no other."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from collectors.host import Host
from collectors.samples import Look, Sample
from collectors.turns import TargetFacts, due
from kit.clock import Clock, milliseconds
from kit.errors import Refusal, TooMany

log = logging.getLogger(__name__)

Deliver = Callable[[str, Sequence[Sample], datetime], Awaitable[None]]
"""Takes a client's samples to the store; refuses when the store cannot take them."""

HOUSE = "house"
AT_ONCE = 64
FURTHEST_BACK = timedelta(seconds=60)


class Collector(Protocol):
    """Goes and asks one kind of target; `troubles` has the reasons of those that are down."""

    troubles: dict[tuple[str, str], str]

    async def collect(self, target: TargetFacts, now_ms: int) -> list[Sample]:
        """Return what the target has to say."""
        ...

    def end(self, key: tuple[str, str]) -> list[Sample]:
        """Return an end for every series of a target that is asked no more."""
        ...

    async def look(self, target: TargetFacts, now_ms: int) -> Look:
        """Ask the target the same way, and remember nothing of it."""
        ...


class Rounds:
    """Who is asked when; fetches run as tasks of their own, each target once at a time."""

    def __init__(
        self,
        deliver: Deliver,
        collectors: Mapping[str, Collector],
        clock: Clock,
        *,
        host: Host | None = None,
    ) -> None:
        self.targets: Sequence[TargetFacts] = ()
        self.counts: Counter[str] = Counter()
        self._deliver = deliver
        self._collectors = collectors
        self._clock = clock
        self._host = host
        self._since: datetime | None = None
        self._places = asyncio.Semaphore(AT_ONCE)
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._asked: dict[tuple[str, str], str] = {}
        """The kinds of the targets that were asked, until their series have ended."""
        self._looking: set[tuple[str, str]] = set()

    async def start_due(self, now: datetime) -> int:
        """Start every fetch whose turn has come since the last call; return how many."""
        await self._end_others(now)
        since = max(self._since or now - timedelta(seconds=1), now - FURTHEST_BACK)
        self._since = now
        begun = 0
        mine = [THIS_HOST] if self._host else []
        span = {"since_ms": milliseconds(since), "now_ms": milliseconds(now)}
        for target in due([*mine, *self.targets], **span):
            if target.key in self._running:
                self.counts["skipped"] += 1
                continue
            task = asyncio.create_task(self._fetch(target), name=f"fetch {target.name}")
            self._running[target.key] = task
            self._asked[target.key] = target.kind
            task.add_done_callback(partial(self._over, target.key))
            begun += 1
        return begun

    def why(self, key: tuple[str, str]) -> str | None:
        """Return why a target is down, None if it is not."""
        kind = self._asked.get(key)
        collector = self._collectors.get(kind) if kind else None
        return collector.troubles.get(key) if collector else None

    async def _end_others(self, now: datetime) -> None:
        """End the series of targets that are gone, or of another kind now."""
        there = {target.key: target.kind for target in (THIS_HOST, *self.targets)}
        for key, kind in list(self._asked.items()):
            if there.get(key) == kind or key in self._running:
                continue
            del self._asked[key]
            await self._take(key, self._collectors[kind].end(key), now)

    def _over(self, key: tuple[str, str], _task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)

    async def look(self, target: TargetFacts) -> Look:
        """Ask a target at once, as its turn would; nothing of it is kept.

        One at a time for each target: what a person can press, a person can press often.
        """
        if target.key in self._looking:
            raise TooMany("this target is being asked at this moment", retry_after=1)
        self._looking.add(target.key)
        try:
            async with self._places:
                now_ms = milliseconds(self._clock())
                return await self._collectors[target.kind].look(target, now_ms)
        finally:
            self._looking.discard(target.key)

    async def settle(self) -> None:
        """Wait until every fetch under way is over."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """End every fetch under way."""
        for task in list(self._running.values()):
            task.cancel()
        await self.settle()

    async def _fetch(self, target: TargetFacts) -> None:
        async with self._places:
            now = self._clock()
            now_ms = milliseconds(now)
            try:
                samples = await self._collect(target, now_ms)
            except Refusal as refusal:
                self._refused(target.name, refusal)
            else:
                await self._take(target.key, samples, now)

    async def _take(self, key: tuple[str, str], samples: Sequence[Sample], now: datetime) -> None:
        client, name = key
        try:
            await self._deliver(client, samples, now)
        except Refusal as refusal:
            self._refused(name, refusal)
        else:
            self.counts["fetched"] += 1

    def _refused(self, name: str, refusal: Refusal) -> None:
        self.counts["refused"] += 1
        log.warning("samples of %s were not taken: %s", name, refusal.detail)

    async def _collect(self, target: TargetFacts, now_ms: int) -> list[Sample]:
        if target is THIS_HOST and self._host:
            return await asyncio.to_thread(self._host.read, now_ms)
        return await self._collectors[target.kind].collect(target, now_ms)


THIS_HOST = TargetFacts(client=HOUSE, name="this-host", kind="host", url="", interval_ms=5_000)
