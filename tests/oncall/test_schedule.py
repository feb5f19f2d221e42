"""Layers over layers, and who stands in."""

from datetime import UTC, date, datetime, time, timedelta

from oncall.rotation import DAY, Hours, Layer
from oncall.schedule import (
    OVERRIDE,
    Schedule,
    Shift,
    StandIn,
    gaps,
    next_change,
    on_call,
    shifts,
)

MONDAY = datetime(2026, 1, 5, 1, tzinfo=UTC)  # 09:00 in Shanghai
WEEKEND = Hours(frozenset({5, 6}), time(0), time(0))
DAILY = Layer(("li", "han"), every=DAY, at=time(9), start=date(2026, 1, 5))


def schedule(*layers: Layer, overrides: tuple[StandIn, ...] = ()) -> Schedule:
    return Schedule("Asia/Shanghai", layers, overrides)


def test_a_later_layer_wins_where_it_has_somebody() -> None:
    plan = schedule(DAILY, Layer(("wei",), only=(WEEKEND,)))

    saturday = datetime(2026, 1, 10, 4, tzinfo=UTC)
    assert on_call(plan, saturday) == ["wei"]
    assert on_call(plan, saturday - DAY) == ["li"]


def test_nobody_is_on_call_in_a_gap() -> None:
    plan = schedule(Layer(("wei",), only=(WEEKEND,)))

    assert on_call(plan, MONDAY) == []
    assert on_call(schedule(), MONDAY) == []
    assert on_call(schedule(Layer(())), MONDAY) == []


def test_shifts_follow_each_other_and_are_cut_at_the_edges() -> None:
    half = timedelta(hours=12)

    assert shifts(schedule(DAILY), MONDAY + half, MONDAY + 2 * DAY + half) == [
        Shift("li", MONDAY + half, MONDAY + DAY, 0),
        Shift("han", MONDAY + DAY, MONDAY + 2 * DAY, 0),
        Shift("li", MONDAY + 2 * DAY, MONDAY + 2 * DAY + half, 0),
    ]


def test_one_person_alone_has_one_long_shift() -> None:
    plan = schedule(Layer(("li",), every=DAY))

    assert shifts(plan, MONDAY, MONDAY + 30 * DAY) == [Shift("li", MONDAY, MONDAY + 30 * DAY, 0)]


def test_who_stands_in_takes_over_and_gives_back() -> None:
    hour = timedelta(hours=1)
    first = StandIn("wei", MONDAY + hour, MONDAY + 5 * hour)
    later = StandIn("mei", MONDAY + 2 * hour, MONDAY + 3 * hour)
    plan = schedule(DAILY, overrides=(first, later))

    found = shifts(plan, MONDAY, MONDAY + 6 * hour)

    assert [shift.person for shift in found] == ["li", "wei", "mei", "wei", "li"]
    assert [shift.layer for shift in found] == [0, OVERRIDE, OVERRIDE, OVERRIDE, 0]


def test_gaps_are_what_no_shift_covers() -> None:
    plan = schedule(Layer(("wei",), only=(Hours(frozenset(range(7)), time(9), time(18)),)))

    nine = timedelta(hours=9)
    assert gaps(plan, MONDAY, MONDAY + 2 * DAY) == [
        (MONDAY + nine, MONDAY + DAY),
        (MONDAY + DAY + nine, MONDAY + 2 * DAY),
    ]
    assert gaps(schedule(), MONDAY, MONDAY + DAY) == [(MONDAY, MONDAY + DAY)]


def test_the_next_change_is_when_somebody_else_is_on_call() -> None:
    assert next_change(schedule(DAILY), MONDAY) == MONDAY + DAY
    assert next_change(schedule(Layer(("li",))), MONDAY) is None
    far = Layer(("li", "han"), every=DAY * 100, at=time(9), start=date(2026, 1, 5))
    assert next_change(schedule(far), MONDAY) == MONDAY + 100 * DAY


def test_the_change_of_a_turn_to_the_same_person_is_no_change() -> None:
    plan = schedule(DAILY, Layer(("li",), start=date(2026, 1, 5)))

    assert next_change(plan, MONDAY) is None


def test_a_change_exactly_at_a_horizon_is_seen() -> None:
    ends = MONDAY + timedelta(days=2)
    plan = schedule(Layer(("li",)), overrides=(StandIn("wei", MONDAY, ends),))

    assert next_change(plan, MONDAY) == ends


def test_the_turns_of_somebody_gone_fall_to_the_layer_below_or_to_nobody() -> None:
    below, above = Layer(("mei",), every=DAY), Layer(("li", "han"), every=DAY)
    stand_in = StandIn("li", MONDAY, MONDAY + DAY)
    gone = frozenset({"li"})

    alone = Schedule("Asia/Shanghai", (DAILY,), (), gone)
    assert on_call(alone, MONDAY) == []
    assert gaps(alone, MONDAY, MONDAY + 2 * DAY) == [(MONDAY, MONDAY + DAY)]
    assert on_call(Schedule("Asia/Shanghai", (below, above), (stand_in,), gone), MONDAY) != ["li"]
    assert on_call(Schedule("Asia/Shanghai", (below,), (stand_in,), gone), MONDAY) == ["mei"]
