"""Who is on call: now, next, in the coming days, and when nobody is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.reading import read
from tests.support.world import STANDING, World, world

LAYERS = 'layers: [{rotation: weekly, handoff: "Mon 09:00", people: [li]}]'
BY_NIGHT = (
    'layers: [{rotation: daily, handoff: "20:00", people: [li, han], start: 2026-11-02,'
    ' only: [{days: [Mon-Fri], from: "20:00", to: "08:00"}]}]'
)


@pytest.fixture(name="nights")
async def by_night(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock, yaml=STANDING.replace(LAYERS, BY_NIGHT)) as found:
        yield found


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["李雷 until Nov 3 08:00", "Next · Nobody is on call · from Nov 3 08:00", "Today"]),
        ("zh", ["李雷 到 11月3日 08:00", "下一班 · 无人值班 · 11月3日 08:00 开始", "今天"]),
    ],
)
async def test_now_and_next_are_said_with_their_times(
    nights: World, language: str, words: list[str]
) -> None:
    page = await read(nights, "/oncall", language)

    assert all(each in page.words for each in words)


async def test_a_gap_is_drawn_and_named(nights: World) -> None:
    page = (await read(nights, "/oncall")).part("schedule-primary")

    assert 'class="none"' in page.markup
    assert "Gap: nobody from 00:00 to 20:00" in page.markup
    assert "韩梅梅, Nov 3 20:00 – Nov 4 00:00" in page.markup


async def test_in_a_gap_nobody_is_on_call(nights: World) -> None:
    nights.clock.advance(hours=14)

    assert "Nobody is on call" in (await read(nights, "/oncall")).words
    assert "无人值班" in (await read(nights, "/", "zh")).words


async def test_a_week_has_seven_days_in_the_zone_of_the_schedule(world: World) -> None:
    page = await read(world, "/oncall")

    assert page.markup.count('<svg class="strip"') == 7
    assert page.before("Today", "Tue, Nov 3", "Sun, Nov 8")
    assert "Asia/Shanghai" in page.words
