"""What ticks: a fixed table of jobs. APScheduler only ticks; all state stands in rows."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from kit.clock import Clock

log = logging.getLogger(__name__)

Job = Callable[[datetime], Awaitable[object]]
LATE = 5
"""A tick is late when it has not succeeded for so many intervals, and ten seconds more."""


@dataclass
class Tick:
    """One job: what it does, how often, when it last succeeded and what went wrong since."""

    name: str
    every: timedelta
    job: Job
    succeeded_at: datetime | None = None
    failures: int = 0
    last_error: str | None = None

    def late(self, now: datetime, *, since: datetime) -> bool:
        """Tell whether the last success lies too far back."""
        last = self.succeeded_at or since
        return now - last > self.every * LATE + timedelta(seconds=10)


@dataclass
class Scheduler:
    """Runs the table; a tick that fails is logged and comes again."""

    ticks: Sequence[Tick]
    clock: Clock
    started_at: datetime | None = None
    _ticking: AsyncIOScheduler = field(default_factory=lambda: AsyncIOScheduler(timezone="UTC"))

    def start(self) -> None:
        """Begin to tick."""
        self.started_at = self.clock()
        for tick in self.ticks:
            self._ticking.add_job(
                self.run,
                "interval",
                args=[tick],
                seconds=tick.every.total_seconds(),
                misfire_grace_time=None,  # its default of one second drops late runs
                coalesce=True,
                max_instances=1,
                id=tick.name,
            )
        self._ticking.start()

    def close(self) -> None:
        """Stop ticking; what runs is cancelled, and begins anew after the next start."""
        if self._ticking.running:
            self._ticking.shutdown(wait=False)

    def hurry(self, name: str) -> None:
        """Have a tick run at once, and then as often as before."""
        if self._ticking.running:
            self._ticking.modify_job(name, next_run_time=self.clock())

    async def run(self, tick: Tick) -> None:
        """Run one tick now and write down how it went."""
        try:
            await tick.job(self.clock())
        except asyncio.CancelledError:
            if self._ticking.running:
                raise
            log.info("the tick %s did not come to its end", tick.name)
        except Exception as error:
            tick.failures += 1
            tick.last_error = repr(error)
            log.exception("the tick %s failed", tick.name)
        else:
            tick.succeeded_at = self.clock()
            tick.last_error = None

    def late(self, now: datetime) -> list[str]:
        """Return the names of ticks that are late."""
        since = self.started_at or now
        return [tick.name for tick in self.ticks if tick.late(now, since=since)]
