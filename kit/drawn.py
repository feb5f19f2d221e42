"""What many look at is drawn once: the same for all who see the same, as long as it stands."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


REST = 3
"""What only others have changed is shown again after so many times as long as it took to draw."""


@dataclass
class _Drawing(Generic[T]):
    version: object
    news: object
    began: datetime
    made: asyncio.Future[T]
    rests: timedelta | None = None
    """For how long after it began news is no reason to draw again; None while it is made."""


class Drawn(Generic[T]):
    """Keeps for each kind of reader the newest drawing, of the last `most` kinds that came.

    It is given again until it is of `age`, if what it shows is still of the same version and no
    news has come. To who says that it may be `late` it is given in spite of news while it is made
    and a while after: a storm of news is not drawn at every word of it. Who comes while it is made
    waits for it; who leaves takes it from nobody. An error is given to those who waited for it,
    and to nobody after them.
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
        news: object = None,
        late: bool = False,
    ) -> T:
        """Return what `draw` makes for such a reader, or made a moment ago of this version."""
        known = self._newest.pop(reader, None)
        if known is None or not self._stands(known, version, news, now=now, late=late):
            known = self._begun(version, news, draw, now=now)
        self._newest[reader] = known
        while len(self._newest) > self._most:
            del self._newest[next(iter(self._newest))]
        return await asyncio.shield(known.made)

    def _begun(
        self, version: object, news: object, draw: Callable[[], Awaitable[T]], *, now: datetime
    ) -> _Drawing[T]:
        drawing = _Drawing(version, news, now, asyncio.ensure_future(draw()))
        clock = asyncio.get_running_loop().time
        began = clock()

        def ended(_: asyncio.Future[T]) -> None:
            drawing.rests = (1 + REST) * timedelta(seconds=clock() - began)

        drawing.made.add_done_callback(ended)
        return drawing

    def _stands(
        self, known: _Drawing[T], version: object, news: object, *, now: datetime, late: bool
    ) -> bool:
        age = now - known.began
        if known.version != version or not timedelta() <= age < self._age:
            return False
        rests = late and (known.rests is None or age < known.rests)
        if known.news != news and not rests:
            return False
        made = known.made
        return not made.done() or not (made.cancelled() or made.exception())
