"""One lane for each client: news is weighed, carried and only then remembered.

A lane that fails tries again, and no other waits for it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from alerting.commands import take_back
from alerting.delivery import TROUBLE, Batch, Carry, Delivery, Door, said
from alerting.lifecycle import Reading, State, after
from alerting.news import News, Stories, Told, bounded, joined
from alerting.schemas import Observation
from alerting.watches import Watches, state_of
from kit.clock import Clock, from_milliseconds
from kit.db import Database
from kit.slices import one_ahead, sliced
from metrics.batch import Position

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0
MOST = 1000
"""Observations in one transaction: who waits for its rows does not wait for the whole storm."""
BESIDE = 2
"""Transactions of one client at a time: while one waits for the database the next is prepared."""
PATIENT = timedelta(seconds=10)
"""How long a client's transactions may fail before it is worth a person's look."""


@dataclass(frozen=True)
class Part:
    """What goes into one transaction; `beside`: it may go while those before it are under way."""

    batch: Batch
    beside: bool = False


@dataclass
class Lane:
    """What waits for one client; `behind` is how far the rules had read before any of it."""

    client: str
    news: list[News] = field(default_factory=list)
    ended: list[Observation] = field(default_factory=list)
    behind: Position | None = None
    owes_progress: bool = False
    failures: int = 0
    failing_since: datetime | None = None
    task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> bool:
        """Tell whether there is anything to carry."""
        return bool(self.news or self.ended or self.owes_progress)


class Lanes:
    """All lanes over one set of watches."""

    def __init__(self, db: Database, carry: Carry, clock: Clock, watches: Watches) -> None:
        self.watches = watches
        self.read_to: Position | None = None
        self.aside: dict[int, str] = {}
        self.moved: set[int] = set()
        self.counts: Counter[str] = Counter()
        self._db, self._clock = db, clock
        self._door = Door(db, carry, clock)
        self._lanes: dict[str, Lane] = {}
        self._stopping = asyncio.Event()

    def post(self, news: News) -> None:
        """Send news on its way, each client's in its own lane; no await, no database."""
        watches = self.watches
        watches.hold(news.watches)
        of_client = watches.client[news.watches]
        for number in np.unique(of_client).tolist():
            lane = self._lane(watches.clients[number])
            lane.news.append(news.only(of_client == number))
            self._wake(lane)

    def end(self, client: str, over: Sequence[Observation]) -> None:
        """Send the end of alerts that no watch has any more."""
        lane = self._lane(client)
        lane.ended.extend(over)
        self._wake(lane)

    def move_on(self, client: str) -> None:
        """Have a client's progress written though nothing has happened."""
        lane = self._lane(client)
        if lane.task is None:
            lane.owes_progress = True
            self._wake(lane)

    def carried_to(self) -> Position | None:
        """Return how far everything read has been carried, None for nowhere yet."""
        held = [lane.behind for lane in self._lanes.values() if lane.task]
        known = [position for position in held if position]
        if len(known) < len(held):
            return None
        return min(known, default=self.read_to)

    @property
    def failing(self) -> list[str]:
        """The clients whose last transaction failed."""
        return [lane.client for lane in self._lanes.values() if lane.failures]

    @property
    def stuck(self) -> list[str]:
        """The clients whose transactions have failed for a while."""
        latest = self._clock() - PATIENT
        lanes = self._lanes.values()
        return [one.client for one in lanes if one.failing_since and one.failing_since <= latest]

    def at_rest(self, client: str) -> bool:
        """Tell whether nothing of this client is on its way."""
        lane = self._lanes.get(client)
        return lane is None or lane.task is None

    @property
    def quiet(self) -> bool:
        """Tell whether nothing is on its way."""
        return not any(lane.task for lane in self._lanes.values())

    async def idle(self) -> None:
        """Wait until nothing is on its way."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task]:
            await asyncio.wait(tasks)

    async def stop(self, *, grace: float = 2.0) -> None:
        """Let what is in a transaction end, within `grace` seconds; drop what waits."""
        self._stopping.set()
        tasks = [lane.task for lane in self._lanes.values() if lane.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def resume(self) -> None:
        """Take news again after a stop; what waited then is for the head to tell."""
        self._lanes = {}
        self._stopping.clear()

    def _lane(self, client: str) -> Lane:
        if client not in self._lanes:
            self._lanes[client] = Lane(client)
        return self._lanes[client]

    def _wake(self, lane: Lane) -> None:
        if lane.task is None and not self._stopping.is_set():
            # everything up to `read_to` is behind us, what is in the lane is not
            lane.behind = self.read_to
            lane.task = asyncio.create_task(self._work(lane), name=f"alerts of {lane.client}")
            lane.task.add_done_callback(lambda task: self._ended(lane, task))

    def _ended(self, lane: Lane, task: asyncio.Task[None]) -> None:
        lane.task = None
        if not task.cancelled() and (error := task.exception()):
            self.counts["crashed"] += 1
            self._fails(lane)
            log.error("the alerts of %s are stuck until the sweep", lane.client, exc_info=error)
        elif lane.waiting:
            self._wake(lane)

    async def _work(self, lane: Lane) -> None:
        delay = FIRST_DELAY
        while lane.waiting and not self._stopping.is_set():
            news, lane.news = lane.news, []
            ended, lane.ended = lane.ended, []
            lane.owes_progress, read_to = False, self.read_to
            try:
                await self._round(lane.client, joined(news), ended, read_to)
                lane.failures, lane.failing_since = 0, None
                delay, lane.behind = FIRST_DELAY, read_to
            except TROUBLE as error:
                self._fails(lane)
                self.counts["failed"] += 1
                log.warning("the alerts of %s wait %.1f s: %s", lane.client, delay, said(error))
                lane.news, lane.ended = [bounded([*news, *lane.news])], [*ended, *lane.ended]
                await self._pause(delay)
                delay = min(2 * delay, LONGEST_DELAY)
            for fresh in lane.news:  # came meanwhile: the next sample is still news
                self.watches.hold(fresh.watches)

    def _fails(self, lane: Lane) -> None:
        lane.failures += 1
        lane.failing_since = lane.failing_since or self._clock()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _round(
        self, client: str, news: News, ended: Sequence[Observation], read_to: Position | None
    ) -> None:
        stories, delivery = Stories(news), Delivery(self._door, client)
        flying: set[asyncio.Task[None]] = set()
        owed: Part | None = None
        try:
            async with aclosing(self._parts(stories, ended)) as parts:
                async for part in parts:
                    if owed is not None:
                        await _landed(flying, but=BESIDE - 1 if owed.beside else 0)
                        flying.add(asyncio.create_task(self._deliver(delivery, owed, None)))
                    owed = part
            await _landed(flying)
        except asyncio.CancelledError:
            for task in flying:
                task.cancel()
            raise
        finally:  # nothing of this round is under way when it is tried again
            await asyncio.gather(*flying, return_exceptions=True)
        if owed is None and read_to and not len(stories):
            owed = Part([])
        if owed is not None:  # how far the rules have read goes last, and alone
            await self._deliver(delivery, owed, read_to)
        await delivery.finish()
        async for watch, told in sliced(stories.newest()):
            self._settle(watch, told, refused=watch in delivery.aside)
        self._count_aside(client, delivery)
        await self._take_back(client, [w for w in delivery.passed if w in self.aside])

    async def _deliver(self, delivery: Delivery, part: Part, position: Position | None) -> None:
        async for watch, state in sliced(await delivery.of(part.batch, position)):
            if watch:
                self.moved.add(watch)
                self.watches.states[watch] = state

    async def _parts(
        self, stories: Stories, ended: Sequence[Observation]
    ) -> AsyncGenerator[Part, None]:
        """Yield what goes into one transaction each; what comes next is weighed meanwhile."""
        shares = stories.shares(self.watches.place, MOST)
        async with aclosing(one_ahead(shares, partial(self._weighed, stories))) as weighed:
            async for rounds in weighed:
                for number, batch in enumerate(rounds):
                    for each in cut(batch):
                        yield Part(each, beside=number == 0)
        for each in cut([(0, one) for one in ended]):
            yield Part(each)

    async def _weighed(self, stories: Stories, share: Sequence[int]) -> list[Batch]:
        """Return what changes something; the n-th change of each watch is in the n-th list."""
        rounds: list[Batch] = []
        async for watch, story in sliced(stories.each(share)):
            for number, one in enumerate(_changes(self.watches, watch, story)):
                if number == len(rounds):
                    rounds.append([])
                rounds[number].append((watch, one))
        return rounds

    def _settle(self, watch: int, told: Told, *, refused: bool) -> None:
        if refused:
            self.watches.quiet(watch)
            return
        value, at, arrived = told
        state = state_of(self.watches, watch)
        self.watches.settle(watch, state, value, lag=max(0, arrived - at))

    def _count_aside(self, client: str, delivery: Delivery) -> None:
        self.counts["set_aside"] += len(delivery.aside)
        for watch in delivery.aside:
            self.aside[watch] = client

    async def _take_back(self, client: str, watches: Sequence[int]) -> None:
        if not watches:
            return
        keys = [self.watches.key(watch) for watch in watches]
        async with self._db.transaction() as tx:
            await take_back(tx, client, keys)
        for watch in watches:
            self.aside.pop(watch, None)


def cut(batch: Batch) -> list[Batch]:
    """Return a batch in parts of one transaction each, what belongs to one system together.

    So an incident opens with all that it is about, and who then takes it waits for no transaction
    that adds the rest. Only a system with more than `MOST` is parted.
    """
    if len(batch) <= MOST:
        return [batch] if batch else []
    places: dict[tuple[str, str], Batch] = {}
    for one in batch:
        places.setdefault((one[1].system, one[1].drill), []).append(one)
    parts: list[Batch] = [[]]
    for _, system in sorted(places.items()):
        if parts[-1] and len(parts[-1]) + len(system) > MOST:
            parts.append([])
        parts[-1] += system[:MOST]
        parts += [system[start : start + MOST] for start in range(MOST, len(system), MOST)]
    return parts


async def _landed(flying: set[asyncio.Task[None]], *, but: int = 0) -> None:
    """Wait until no more than `but` are under way; raises what one of them raised."""
    while len(flying) > but:
        done, _ = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
        flying -= done
        if errors := [error for task in done if (error := task.exception())]:
            raise errors[0]


def _changes(watches: Watches, watch: int, story: Sequence[Told]) -> Iterator[Observation]:
    state: State = state_of(watches, watch)
    ladder = watches.said(watch).ladder
    for value, at, arrived in story:
        moment = from_milliseconds(at)
        moved = after(state, Reading(value), ladder=ladder, at=moment)
        if moved is not state:
            weighed, state = (state, moved), moved
            yield watches.observation(
                watch, value, moment, from_milliseconds(arrived), weighed=weighed
            )
