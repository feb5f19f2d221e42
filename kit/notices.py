"""Wake-up calls between transactions and those who wait for them: LISTEN and NOTIFY.

A notice may be lost when a connection drops: it only shortens a wait, a tick is the safety net.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from kit.db import NOTICES, Database, say
from kit.keepalive import watch_over

log = logging.getLogger(__name__)

WAITING_MOST = 256
LIVELY = 5.0


def notify(tx: AsyncSession, channel: str, *payloads: str) -> None:
    """Tell the listeners of `channel`; the calls leave when the transaction commits."""
    say(tx, *(f"{channel} {payload}" for payload in payloads or ("",)))


class Subscription:
    """What one listener has not yet heard; when too much waits, the oldest goes."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING_MOST)

    def put(self, payload: str) -> None:
        """Keep `payload` for the listener."""
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(payload)

    async def get(self, timeout: float | None = None) -> str | None:
        """Return the next payload, or None when `timeout` seconds went by."""
        try:
            return await asyncio.wait_for(self._waiting.get(), timeout)
        except TimeoutError:
            return None

    def clear(self) -> None:
        """Forget what waits: one look at the database answers it all."""
        while not self._waiting.empty():
            self._waiting.get_nowait()


class Notices:
    """One LISTEN connection for the whole process; it comes back by itself."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._task: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._hears = False
        self._cuts = 0
        self._counts: Counter[str] = Counter()
        self._born = uuid4().hex

    async def start(self) -> None:
        """Connect; returns once the first LISTEN stands."""
        self._task = asyncio.create_task(self._listen(), name="notices")
        await self._connected.wait()

    async def close(self) -> None:
        """Stop listening."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Subscription]:
        """Hear `channel` inside the block."""
        subscription = Subscription()
        self._subscriptions.setdefault(channel, set()).add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions[channel].discard(subscription)

    def mark(self, channel: str) -> object:
        """Return what equals a later mark if nothing was heard on `channel` in between.

        Marks of other processes never do, nor those of a time when nobody would tell us.
        """
        if not self._hears:
            return uuid4().hex
        return self._born, self._cuts, self._counts[channel]

    def wake(self, channel: str, payload: str = "") -> None:
        """Tell this process's listeners at once, without the database."""
        self._counts[channel] += 1
        for subscription in self._subscriptions.get(channel, ()):
            subscription.put(payload)

    def _heard(self, _connection: object, _pid: int, _channel: str, text: object) -> None:
        channel, _, payload = str(text).partition(" ")
        self.wake(channel, payload)

    def _wake_all(self) -> None:
        for channel in self._subscriptions:
            self.wake(channel)

    async def _listen(self) -> None:
        url = self._db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                connection = await asyncpg.connect(url)
                watch_over(connection)
                try:
                    await self._hear(connection)
                finally:
                    self._hears = False
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("the LISTEN connection is down, trying again: %s", error)
                await asyncio.sleep(0.5)

    async def _hear(self, connection: asyncpg.Connection) -> None:
        cut = asyncio.Event()
        connection.add_termination_listener(lambda _: cut.set())
        await connection.add_listener(NOTICES, self._heard)
        self._hears, self._cuts = True, self._cuts + 1
        self._connected.set()
        self._wake_all()  # what was said while we were away
        while not cut.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(cut.wait(), LIVELY)
                return
            await connection.execute("SELECT 1")
