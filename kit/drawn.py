"""What many look at is drawn once: the same for all who see the same, as long as it stands."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Drawing(Generic[T]):
    version: object
    began: datetime
    made: asyncio.Future[T]


class Drawn(Generic[T]):
    """Keeps for each kind of reader the newest drawing, of the last `most` kinds that came.

    It is given again until it is of `age`, if what it shows is still of the same version. Who comes
    while it is made waits for it; who leaves takes it from nobody. An error is given to those who
    waited for it, and to nobody after them.
    """

    def __init__(self, *, age: timedelta, most: int) -> None:
        self._age, self._most = age, most
        self._newest: dict[Hashable, _Drawing[T]] = {}

    async def get(
        self,
        reader: Hashable,
        version: object,
        draw: Callable[[], Awaitable[T]],
        *,
        now: datetime,
    ) -> T:
        """Return what `draw` makes for such a reader, or made a moment ago of this version."""
        known = self._newest.pop(reader, None)
        if known is None or not self._stands(known, version, now):
            known = _Drawing(version, now, asyncio.ensure_future(draw()))
        self._newest[reader] = known
        while len(self._newest) > self._most:
            del self._newest[next(iter(self._newest))]
        return await asyncio.shield(known.made)

    def _stands(self, known: _Drawing[T], version: object, now: datetime) -> bool:
        if known.version != version or not timedelta() <= now - known.began < self._age:
            return False
        made = known.made
        return not made.done() or not (made.cancelled() or made.exception())
