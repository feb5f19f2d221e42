"""Work without an end: kept running, started again when it falls, and seen when it does."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class Keeper:
    """Runs each piece of work as a task of its own."""

    falls: dict[str, int] = field(default_factory=dict)
    _work: dict[str, Work] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def keep(self, name: str, work: Work) -> None:
        """Start `work` and keep it running."""
        self._work[name] = work
        self._tasks[name] = asyncio.create_task(work(), name=name)

    async def look_after(self, now: datetime) -> None:
        """Start again what has ended; nothing of ours ends by itself."""
        for name, task in list(self._tasks.items()):
            if not task.done():
                continue
            self.falls[name] = self.falls.get(name, 0) + 1
            fault = None if task.cancelled() else task.exception()
            log.error("%s ended by itself and is started again", name, exc_info=fault)
            self.keep(name, self._work[name])

    async def close(self, *names: str) -> None:
        """End these pieces of work, or all of them."""
        chosen = names or tuple(self._tasks)
        tasks = [self._tasks.pop(name) for name in chosen if name in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
