"""Long work on the event loop in slices: between two of them everybody else has a turn."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

SLICE = 0.003
"""Seconds of work after which the loop is let go."""
PAUSE = 0.012
"""Seconds between two slices while somebody is served ahead of them."""

S = TypeVar("S")
T = TypeVar("T")


class _Queue:
    """Who waits for the next slice: in one turn of the loop one of them has it.

    Ten of them at once would otherwise make each turn ten slices long for everybody else.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.ahead = 0
        self._ends_at = 0.0

    def begin(self) -> float:
        """Return until when whoever begins in this turn of the loop may work, all together."""
        if not self._ends_at:
            self._ends_at = time.perf_counter() + SLICE
            asyncio.get_running_loop().call_soon(self._over)
        return self._ends_at

    def _over(self) -> None:
        self._ends_at = 0.0

    async def turn(self) -> None:
        """Let the loop go; return when it is our turn."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            self._go_on(loop)
        await mine

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.ahead:
            loop.call_later(PAUSE, self._next)
        else:
            loop.call_soon(self._next)

    def _next(self) -> None:
        mine = self._waiting.popleft()
        if not mine.done():  # else whoever waited was cancelled
            mine.set_result(None)
        if self._waiting:
            self._go_on(asyncio.get_running_loop())


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = WeakKeyDictionary()


def _queue() -> _Queue:
    loop = asyncio.get_running_loop()
    return _queues.get(loop) or _queues.setdefault(loop, _Queue())


@asynccontextmanager
async def ahead() -> AsyncIterator[None]:
    """Serve a person ahead of long work: until the block ends it has a slice each `PAUSE` only."""
    queue = _queue()
    queue.ahead += 1
    try:
        yield
    finally:
        queue.ahead -= 1


async def one_ahead(
    items: Sequence[S], make: Callable[[S], Coroutine[Any, Any, T]]
) -> AsyncGenerator[T, None]:
    """Yield what `make` makes of each item; the next is made while the last one is used.

    Whoever may leave early closes it (`contextlib.aclosing`), which ends what is being made.
    """
    if not items:
        return
    making = asyncio.create_task(make(items[0]))
    try:
        for item in items[1:]:
            made = await making
            making = asyncio.create_task(make(item))
            yield made
        yield await making
    finally:
        making.cancel()


async def sliced(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield each item; let the loop go whenever a slice of work is done."""
    queue = _queue()
    until = queue.begin()
    for item in items:
        yield item
        if time.perf_counter() > until:
            await queue.turn()
            until = time.perf_counter() + SLICE
