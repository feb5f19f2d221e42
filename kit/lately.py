"""An answer that many ask for at once: found out once, and given to all for a moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(Generic[T]):
    """Asks again at most every `age` seconds; who comes meanwhile is given the same answer.

    An error is given to those who waited for it, and to nobody after them.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], *, age: float) -> None:
        self._ask, self._age = ask, age
        self._asked_at = 0.0
        self._answer: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """Return the answer, at most `age` seconds after it was asked for."""
        now = asyncio.get_running_loop().time()
        if self._answer is None or (self._answer.done() and self._is_stale(now)):
            self._asked_at, self._answer = now, asyncio.ensure_future(self._ask())
        return await asyncio.shield(self._answer)

    def _is_stale(self, now: float) -> bool:
        answer = self._answer
        failed = answer is None or answer.cancelled() or answer.exception() is not None
        return failed or now - self._asked_at >= self._age
