"""The worker that keeps promises: claims what is due, sends it, records the receipt.

Claims go on while slow sends run; one that hangs holds only the places of its own receiver.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from kit.clock import Clock
from kit.db import Database
from kit.notices import Notices, Subscription
from notifications import commands, queries
from notifications.batches import Batch, Outside
from notifications.commands import Done
from notifications.lifecycle import GRAVE, TIMEOUT, Kind, Outcome, Status
from notifications.recorder import AWAY, Recorder
from notifications.schemas import Leaving, Message

log = logging.getLogger(__name__)

ASIDE_FOR = timedelta(seconds=5)
"""What could not be claimed is left alone for so long, so that it fills nobody's claim."""

BREATH = 0.02
"""Seconds between two claims, so that the places that become free are filled by one statement."""
GATHERED = 0.1
"""Seconds after which even one free place of a receiver is worth a claim."""


@dataclass(frozen=True)
class Limits:
    """How much at once, how long an attempt may take; `skew_most` None: trust our own clock.

    Of the places in flight those `for_grave` are kept for P1 and P2.
    """

    in_flight: int = 32
    for_grave: int = 8
    per_host: int = 8
    timeout: timedelta = TIMEOUT
    tick: timedelta = timedelta(seconds=1)
    skew_most: timedelta | None = timedelta(seconds=1)
    skew_every: timedelta = timedelta(minutes=1)


class Sender:
    """One for each process; any number of processes may run one."""

    def __init__(
        self,
        db: Database,
        outside: Outside,
        clock: Clock,
        notices: Notices,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._db = db
        self._outside = outside
        self._clock = clock
        self._notices = notices
        self._limits = limits or Limits()
        self._recorder = Recorder(db, clock)
        self._aside: dict[UUID, datetime] = {}
        self._in_flight: dict[asyncio.Task[None], Leaving] = {}
        self._asking: asyncio.TimerHandle | None = None
        self._closing = asyncio.Event()
        self._skew_checked_at: datetime | None = None
        self.skewed = False
        """Our clock and PostgreSQL's differ too much: nothing is claimed."""

    @property
    def in_flight(self) -> int:
        """How many sends are under way."""
        return len(self._in_flight)

    async def run(self) -> None:
        """Send what becomes due until `close`."""
        async with self._notices.subscribe(commands.CHANNEL) as calls:
            while not self._closing.is_set():
                calls.clear()
                try:
                    await self.check_skew()
                    if await self.send_due(calls):
                        await asyncio.sleep(BREATH)
                except AWAY as error:
                    log.warning("cannot claim notifications, trying again: %s", error)
                await calls.get(timeout=self._limits.tick.total_seconds())

    async def close(self, grace: timedelta = timedelta(seconds=3)) -> None:
        """Claim nothing more; give what is under way `grace` to end, leave the rest its lease."""
        self._closing.set()
        self._notices.wake(commands.CHANNEL)
        if not self._in_flight:
            return
        _, late = await asyncio.wait(self._in_flight, timeout=grace.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def send_due(self, calls: Subscription | None = None) -> int:
        """Claim what there is room for and start sending it; return how many were claimed."""
        free = self._limits.in_flight - len(self._in_flight)
        if self.skewed or free <= 0 or self._closing.is_set():
            return 0
        under_way = self._in_flight.values()
        busy = Counter(notification.host for notification in under_way)
        minor = sum(notification.priority > GRAVE for notification in under_way)
        now = self._clock()
        self._aside = {one: until for one, until in self._aside.items() if until > now}
        aside = set(self._aside)
        async with self._db.transaction() as tx:
            claimed = await commands.claim(
                tx,
                now=now,
                limit=free,
                minor=self._limits.in_flight - self._limits.for_grave - minor,
                rooms={host: self._limits.per_host - count for host, count in busy.items()},
                per_host=self._limits.per_host,
                aside=aside,
            )
            if not claimed:
                await commands.hold_muted(tx, now=now)
        if claimed:
            batch = Batch(self._db, self._outside, claimed)
            for notification in claimed:
                self._start(notification, batch, calls)
        refused = aside - self._aside.keys()
        self._aside |= dict.fromkeys(refused, now + ASIDE_FOR)
        if refused and calls is not None:
            calls.put("some could not be claimed")
        return len(claimed)

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._in_flight:
            await asyncio.wait(list(self._in_flight))

    def _start(self, notification: Leaving, batch: Batch, calls: Subscription | None) -> None:
        name = f"send {notification.sent_key}"
        task = asyncio.create_task(self._keep(notification, batch), name=name)
        self._in_flight[task] = notification

        def ended(done: asyncio.Task[None]) -> None:
            self._in_flight.pop(done, None)
            if calls is not None:
                self._ask(calls, notification.host)

        task.add_done_callback(ended)

    def _ask(self, calls: Subscription, host: str) -> None:
        """Ask for more once nothing is under way to a receiver, or a little later.

        A claim costs as much for one notification as for all that there is room for.
        """
        if all(other.host != host for other in self._in_flight.values()):
            self._ask_now(calls)
        elif self._asking is None:
            later = asyncio.get_running_loop().call_later
            self._asking = later(GATHERED, self._ask_now, calls)

    def _ask_now(self, calls: Subscription) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        calls.put("places are free")

    async def _keep(self, notification: Leaving, batch: Batch) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = await self._attempt(notification, batch)
        took = loop.time() - began
        self._outside.observe(outcome.kind.value, took)
        lost = self._recorder.lost
        status = await self._recorder.keep(Done(notification, outcome, timedelta(seconds=took)))
        if status is None and self._recorder.lost != lost:
            self._outside.observe("unrecorded", took)
        if status is Status.SENT and notification.attempts == 1 and not notification.held_reason:
            waited = self._clock() - notification.created_at
            self._outside.observe("waited", waited.total_seconds())

    async def _attempt(self, notification: Leaving, batch: Batch) -> Outcome:
        try:
            async with asyncio.timeout(self._limits.timeout.total_seconds()):
                return await self._send(notification, batch)
        except TimeoutError:
            return Outcome(Kind.TRY_AGAIN, detail=f"no answer within {self._limits.timeout}")
        except Exception as error:
            log.exception("sending %s raised", notification.sent_key)
            return Outcome(Kind.TRY_AGAIN, detail=f"raised {error!r}")

    async def _send(self, notification: Leaving, batch: Batch) -> Outcome:
        channel = self._outside.channels.get(notification.contact.channel)
        if channel is None:
            detail = f"there is no channel {notification.contact.channel!r}"
            return Outcome(Kind.REFUSED, detail=detail)
        message = await batch.message(notification)
        if isinstance(message, Outcome):
            return message
        return await channel.send(
            _addressed(message, notification),
            notification.contact,
            key=notification.sent_key,
            now=self._clock(),
        )

    async def check_skew(self) -> None:
        """Compare our clock with PostgreSQL's, once in a while."""
        most, now = self._limits.skew_most, self._clock()
        checked_at = self._skew_checked_at
        if most is None or (checked_at and now - checked_at < self._limits.skew_every):
            return
        async with self._db.snapshot() as session:
            before = self._clock()
            ahead = await queries.clock_skew(session, before)
            round_trip = self._clock() - before
        skew = max(ahead - round_trip, timedelta()) if ahead > timedelta() else -ahead
        self._skew_checked_at = now
        self._outside.observe("clock_skew", skew.total_seconds())
        self.skewed = skew > most
        if self.skewed:
            log.error("our clock and PostgreSQL's differ by %s: nothing is claimed", skew)


def _addressed(message: Message, notification: Leaving) -> Message:
    marks = {"event": notification.event, **message.payload}
    return replace(message, payload={**marks, "idempotency_key": notification.sent_key})
