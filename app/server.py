"""Serving: in which order the house comes up, and how it goes down inside five seconds."""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import uvicorn

from app.house import House
from app.lines import Lines
from app.main import create_app
from app.migrations import upgrade
from app.opening import open_database, prepare
from app.wiring import build
from kit import allocation
from kit.clock import Clock
from kit.db import Database
from kit.folder import private
from kit.settings import Settings
from metrics.folder import FolderLock

log = logging.getLogger(__name__)

COLLECT = (20_000, 5, 400)
"""A storm makes objects by the ten thousand: Python's 700 would look at them again and again.

The second generation is what stalls the loop: 100,000 objects take 20 ms, four times as many 80.
"""
GRACE = 2
"""Seconds that requests under way get to end when we stop; then their lines are cut."""


class Server(uvicorn.Server):
    """Uvicorn that tells open event streams to end before it waits for them."""

    def __init__(self, config: uvicorn.Config, house: House) -> None:
        super().__init__(config)
        self._house = house

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `Stop`; uvicorn would raise them again before we have closed."""
        yield

    async def shutdown(self, sockets: object = None) -> None:
        """Stop answering; nothing new is claimed or fetched from here on."""
        self._house.begin_to_close()
        late = asyncio.get_running_loop().call_later(GRACE, self._hang_up)
        await super().shutdown()
        late.cancel()

    def _hang_up(self) -> None:
        """Cut the lines that are still open: whoever reads a body there learns that it is over."""
        for connection in list(self.server_state.connections):
            connection.transport.close()


@dataclass
class Stop:
    """What a signal does: it ends the start while we start, and the service once we serve."""

    task: asyncio.Task[None]
    server: Server | None = None
    said: bool = False

    def __call__(self) -> None:
        """Begin to end; a second signal adds nothing."""
        if self.said:
            return
        self.said = True
        if self.server is None:
            self.task.cancel()
        else:
            self.server.should_exit = True


@asynccontextmanager
async def opened(settings: Settings, clock: Clock) -> AsyncIterator[Database]:
    """The data folder owned by us alone, its database up and migrated; closed at the end."""
    owned = FolderLock(private(settings.data_dir))
    await owned.acquire()
    try:
        async with open_database(settings) as db:
            await upgrade(db)
            yield db
    finally:
        owned.release()


async def serve(settings: Settings, clock: Clock) -> None:
    """Serve until a signal says stop."""
    allocation.one_heap()
    task = asyncio.current_task()
    assert task is not None
    stop = Stop(task)
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop)
    async with opened(settings, clock) as db:
        secrets = await prepare(db, settings, now=clock())
        house = build(settings, secrets, db, clock)
        await house.open()
        settle_memory()
        warming = asyncio.create_task(house.warm(), name="warming")
        try:
            stop.server = Server(_configured(house), house)
            await stop.server.serve()
        finally:
            await asyncio.gather(warming, return_exceptions=True)
            await house.close()
            log.info("stopped")


def settle_memory() -> None:
    """Have the collector pass over what stays: going through all of it stalls the loop."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    allocation.give_back()


def _configured(house: House) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(house),
        host=house.settings.host,
        port=house.settings.port,
        loop="uvloop",
        http=Lines,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE + 1,
        timeout_keep_alive=75,
        proxy_headers=True,
        forwarded_allow_ips=house.settings.trusted_proxies,
    )


def run(settings: Settings, clock: Clock) -> None:
    """Serve on an event loop of its own."""
    with asyncio.Runner(loop_factory=_loop) as runner, suppress(asyncio.CancelledError):
        runner.run(serve(settings, clock))


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 - not there on every platform

    return uvloop.new_event_loop()
