"""One drawing for all who see the same: made once, given while it stands, failed for its own."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kit.drawn import Drawn

pytestmark = pytest.mark.asyncio

NOW, HOUR = datetime(2026, 11, 26, 3, 2, tzinfo=UTC), timedelta(hours=1)


class Painter:
    """Counts what it draws; waits if told to."""

    def __init__(self) -> None:
        self.drawn = 0
        self.go = asyncio.Event()
        self.go.set()

    async def draw(self) -> int:
        await self.go.wait()
        self.drawn += 1
        return self.drawn


async def test_who_comes_meanwhile_waits_for_it_and_who_leaves_takes_it_from_nobody() -> None:
    board, painter = Drawn[int](age=HOUR, most=4), Painter()
    painter.go.clear()
    first, *others = (
        asyncio.create_task(board.get("li", 1, painter.draw, now=NOW)) for _ in range(3)
    )
    await asyncio.sleep(0)
    first.cancel()
    painter.go.set()

    assert await asyncio.gather(*others) == [1, 1]
    assert first.cancelled()


async def test_it_is_drawn_anew_for_another_version_another_reader_and_when_it_is_old() -> None:
    board, painter = Drawn[int](age=HOUR, most=4), Painter()

    again = [await board.get("li", version, painter.draw, now=NOW) for version in (1, 1, 2, 2)]
    assert again == [1, 1, 2, 2]
    assert await board.get("han", 2, painter.draw, now=NOW) == 3
    assert await board.get("li", 2, painter.draw, now=NOW + HOUR) == 4


async def test_what_is_drawn_under_an_older_version_is_not_given_for_a_newer() -> None:
    board, painter = Drawn[int](age=HOUR, most=4), Painter()
    painter.go.clear()
    older = asyncio.create_task(board.get("li", 1, painter.draw, now=NOW))
    await asyncio.sleep(0)
    newer = asyncio.create_task(board.get("li", 2, painter.draw, now=NOW))
    await asyncio.sleep(0)
    painter.go.set()

    assert await newer != await older


async def test_what_is_new_is_drawn_at_once_but_for_who_may_be_late() -> None:
    board, painter = Drawn[int](age=HOUR, most=4), Painter()

    async def get(news: str, *, late: bool, after: float = 0) -> int:
        now = NOW + timedelta(seconds=after)
        return await board.get("li", 1, painter.draw, now=now, news=news, late=late)

    assert await get("a", late=True) == 1
    assert await get("b", late=True) == 1
    assert await get("b", late=False) == 2
    assert await get("c", late=True, after=60) == 3


async def test_the_longer_it_takes_the_less_often_it_is_drawn_for_who_may_be_late() -> None:
    board, painter = Drawn[int](age=HOUR, most=4), Painter()
    painter.go.clear()
    first, meanwhile = (
        asyncio.create_task(board.get("li", 1, painter.draw, now=NOW, news=news, late=True))
        for news in ("a", "b")
    )
    await asyncio.sleep(0.05)
    painter.go.set()
    assert await first == await meanwhile == 1

    for after, drawn in ((0.19, 1), (1.0, 2)):
        now = NOW + timedelta(seconds=after)
        assert await board.get("li", 1, painter.draw, now=now, news="c", late=True) == drawn


async def test_what_this_process_has_changed_is_shown_even_to_who_may_be_late() -> None:
    board, painter = Drawn[int](age=HOUR, most=4), Painter()
    assert await board.get("li", 1, painter.draw, now=NOW, late=True) == 1
    assert await board.get("li", 2, painter.draw, now=NOW, late=True) == 2


async def test_an_error_is_for_those_who_waited_for_it() -> None:
    board, painter = Drawn[int](age=HOUR, most=4), Painter()

    async def failing() -> int:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        await board.get("li", 1, failing, now=NOW)
    assert await board.get("li", 1, painter.draw, now=NOW) == 1


async def test_only_the_last_kinds_of_reader_are_kept() -> None:
    board, painter = Drawn[int](age=HOUR, most=2), Painter()
    for reader in ("a", "b", "a", "c"):
        await board.get(reader, 1, painter.draw, now=NOW)

    assert await board.get("a", 1, painter.draw, now=NOW) == 1
    assert await board.get("b", 1, painter.draw, now=NOW) == 4
