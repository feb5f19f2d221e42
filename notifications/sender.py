"""The worker that keeps promises: claims what is due, sends it, records the receipt.

Claims go on while slow sends run; one that hangs holds only the places of its own receiver.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from kit.clock import Clock
from kit.db import Database
from kit.notices import Notices, Subscription
from notifications import commands, queries
from notifications.lifecycle import ALWAYS_PASS, TIMEOUT, Kind, Outcome, Status
from notifications.schemas import Channels, Gate, Leaving, Message, Render

log = logging.getLogger(__name__)

BREATH = 0.02
"""Seconds between two claims, so that the places that become free are filled by one statement."""

Observe = Callable[[str, float], None]
"""Told of each outcome (its kind, seconds it took), of `waited` and of `clock_skew`."""

AWAY = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""How a database that is away shows itself."""


def unheard(event: str, seconds: float) -> None:
    """Observe nothing."""


async def open_gate(session: object, notification: Leaving) -> None:
    """Hold nothing back."""


@dataclass(frozen=True)
class Outside:
    """What the sender is handed: ways out, words for a notification, who may hold it back."""

    channels: Channels
    render: Render
    gate: Gate = open_gate
    observe: Observe = unheard


@dataclass(frozen=True)
class Limits:
    """How much at once, how long an attempt may take; `skew_most` None: trust our own clock."""

    in_flight: int = 32
    per_host: int = 4
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
        self._in_flight: dict[asyncio.Task[None], str] = {}
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
        busy = Counter(self._in_flight.values())
        rooms = {host: self._limits.per_host - count for host, count in busy.items()}
        async with self._db.transaction() as tx:
            claimed = await commands.claim(
                tx, now=self._clock(), limit=free, rooms=rooms, per_host=self._limits.per_host
            )
        for notification in claimed:
            self._start(notification, calls)
        return len(claimed)

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._in_flight:
            await asyncio.wait(list(self._in_flight))

    def _start(self, notification: Leaving, calls: Subscription | None) -> None:
        name = f"send {notification.sent_key}"
        task = asyncio.create_task(self._keep(notification), name=name)
        self._in_flight[task] = notification.host

        def ended(done: asyncio.Task[None]) -> None:
            self._in_flight.pop(done, None)
            if calls is not None:
                calls.put("a place is free")

        task.add_done_callback(ended)

    async def _keep(self, notification: Leaving) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = await self._attempt(notification)
        took = loop.time() - began
        self._outside.observe(outcome.kind.value, took)
        status = await self._record(notification, outcome, timedelta(seconds=took))
        if status is Status.SENT and notification.attempts == 1 and not notification.held_reason:
            waited = self._clock() - notification.created_at
            self._outside.observe("waited", waited.total_seconds())

    async def _attempt(self, notification: Leaving) -> Outcome:
        try:
            async with asyncio.timeout(self._limits.timeout.total_seconds()):
                return await self._send(notification)
        except TimeoutError:
            return Outcome(Kind.TRY_AGAIN, detail=f"no answer within {self._limits.timeout}")
        except Exception as error:
            log.exception("sending %s raised", notification.sent_key)
            return Outcome(Kind.TRY_AGAIN, detail=f"raised {error!r}")

    async def _send(self, notification: Leaving) -> Outcome:
        channel = self._outside.channels.get(notification.contact.channel)
        if channel is None:
            detail = f"there is no channel {notification.contact.channel!r}"
            return Outcome(Kind.REFUSED, detail=detail)
        async with self._db.snapshot() as session:
            if notification.event not in ALWAYS_PASS:
                reason = await self._outside.gate(session, notification)
                if reason is not None:
                    return Outcome(Kind.HELD, detail=reason)
            message = await self._outside.render(session, notification)
        return await channel.send(
            _addressed(message, notification),
            notification.contact,
            key=notification.sent_key,
            now=self._clock(),
        )

    async def _record(
        self, notification: Leaving, outcome: Outcome, took: timedelta
    ) -> Status | None:
        while True:
            try:
                async with self._db.transaction() as tx:
                    return await commands.record(
                        tx, notification, outcome, took=took, now=self._clock()
                    )
            except AWAY as error:
                log.warning("cannot record %s yet: %s", notification.sent_key, error)
                if self._clock() >= notification.leased_until:
                    log.error("%s was %s, unrecorded", notification.sent_key, outcome.kind)
                    self._outside.observe("unrecorded", took.total_seconds())
                    return None
            await asyncio.sleep(0.5)

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
