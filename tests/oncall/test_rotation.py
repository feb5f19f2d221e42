"""Whose turn it is, on both sides of a change of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.rotation import DAY, WEEK, Hours, Layer, changes, holder, turn

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAILY = Layer(("li", "han"), every=DAY, at=time(9))


def at(zone: ZoneInfo, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=zone).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("day", "hour_in_utc"),
    [
        pytest.param((2026, 3, 28), 8, id="the day before the clocks go forward in Berlin"),
        pytest.param((2026, 3, 29), 7, id="the day on which they go forward"),
        pytest.param((2026, 10, 24), 7, id="the day before they go back"),
        pytest.param((2026, 10, 25), 8, id="the day on which they go back"),
    ],
)
def test_a_handoff_is_at_nine_by_the_wall_clock_in_berlin(
    day: tuple[int, int, int], hour_in_utc: int
) -> None:
    start = datetime(*day, 3, tzinfo=UTC)

    handoffs = list(changes(DAILY, BERLIN, start, start + timedelta(hours=12)))

    assert handoffs == [datetime(*day, hour_in_utc, tzinfo=UTC)]
    before = holder(DAILY, BERLIN, handoffs[0] - timedelta(microseconds=1))
    assert {before, holder(DAILY, BERLIN, handoffs[0])} == {"li", "han"}


@pytest.mark.parametrize(
    ("sunday", "hours"),
    [
        pytest.param((2026, 3, 29), 23, id="forward: a turn of 23 hours"),
        pytest.param((2026, 10, 25), 25, id="back: a turn of 25 hours"),
    ],
)
def test_the_turn_over_a_change_of_the_clocks_is_an_hour_off(
    sunday: tuple[int, int, int], hours: int
) -> None:
    end = at(BERLIN, *sunday, 9)
    begun, ended = list(changes(DAILY, BERLIN, end - timedelta(hours=30), end + timedelta(hours=1)))

    assert ended - begun == timedelta(hours=hours)


def test_shanghai_knows_no_change_of_the_clocks() -> None:
    start, end = at(SHANGHAI, 2026, 1, 1, 9), at(SHANGHAI, 2027, 1, 1, 9)

    handoffs = [start, *changes(DAILY, SHANGHAI, start, end)]

    assert {b - a for a, b in pairwise(handoffs)} == {DAY}
    assert {moment.hour for moment in handoffs} == {1}


def test_a_handoff_that_the_clocks_skip_comes_when_they_have_jumped() -> None:
    layer = Layer(("li", "han"), every=DAY, at=time(2, 30))
    start = at(BERLIN, 2026, 3, 29, 0)

    assert list(changes(layer, BERLIN, start, start + timedelta(hours=6))) == [
        at(BERLIN, 2026, 3, 29, 3, 30)
    ]


def test_a_handoff_that_the_clocks_show_twice_comes_the_first_time() -> None:
    layer = Layer(("li", "han"), every=DAY, at=time(2, 30))
    start = at(BERLIN, 2026, 10, 25, 0)

    assert list(changes(layer, BERLIN, start, start + timedelta(hours=6))) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    ]


def test_a_week_begins_on_its_day_and_people_follow_in_order() -> None:
    layer = Layer(("li", "han", "wei"), every=WEEK, at=time(9), weekday=0, start=date(2026, 1, 5))
    monday = at(SHANGHAI, 2026, 1, 5, 9)

    weeks = [holder(layer, SHANGHAI, monday + number * WEEK) for number in range(4)]

    assert weeks == ["li", "han", "wei", "li"]
    assert holder(layer, SHANGHAI, monday + WEEK - timedelta(seconds=1)) == "li"


def test_a_start_in_the_middle_of_a_week_gives_its_rest_to_the_first() -> None:
    layer = Layer(("li", "han"), every=WEEK, at=time(9), weekday=0, start=date(2026, 1, 7))
    wednesday = at(SHANGHAI, 2026, 1, 7, 9)

    assert holder(layer, SHANGHAI, wednesday - timedelta(seconds=1)) is None
    assert holder(layer, SHANGHAI, wednesday) == "li"
    assert holder(layer, SHANGHAI, at(SHANGHAI, 2026, 1, 12, 9)) == "han"


def test_night_hours_end_on_the_next_morning() -> None:
    nights = Hours(frozenset({4}), time(20), time(8))  # from Friday evening
    layer = Layer(("li",), only=(nights,))

    assert holder(layer, SHANGHAI, at(SHANGHAI, 2026, 1, 9, 19, 59)) is None
    assert holder(layer, SHANGHAI, at(SHANGHAI, 2026, 1, 9, 20)) == "li"
    assert holder(layer, SHANGHAI, at(SHANGHAI, 2026, 1, 10, 7, 59)) == "li"
    assert holder(layer, SHANGHAI, at(SHANGHAI, 2026, 1, 10, 8)) is None


moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC)
)
layers = st.builds(
    Layer,
    people=st.sampled_from([("li",), ("li", "han"), ("li", "han", "wei")]),
    every=st.integers(1, 400).map(lambda hours: timedelta(hours=hours)),
    at=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    weekday=st.none() | st.integers(0, 6),
)
zones = st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "UTC"]).map(ZoneInfo)


@given(layers, zones, moments, moments)
def test_turns_never_go_back(layer: Layer, zone: ZoneInfo, a: datetime, b: datetime) -> None:
    first, second = sorted((a, b))

    assert turn(layer, zone, first) <= turn(layer, zone, second)


@given(layers, zones, moments)
def test_nobody_changes_between_two_handoffs(layer: Layer, zone: ZoneInfo, a: datetime) -> None:
    edges = [a, *changes(layer, zone, a, a + 5 * DAY), a + 5 * DAY]

    for begins, ends in pairwise(edges):
        middle = begins + (ends - begins) / 2
        assert holder(layer, zone, begins) == holder(layer, zone, middle)
