"""Turns are spread over the interval, and none is missed or taken twice."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.turns import TargetFacts, due

FIFTY = [TargetFacts("acme", f"host-{i}", "scrape", "http://h/") for i in range(50)]


def test_fifty_targets_are_spread_over_their_interval() -> None:
    seconds = [len(due(FIFTY, since_ms=s * 1000, now_ms=(s + 1) * 1000)) for s in range(15)]

    assert sum(seconds) == 50
    assert max(seconds) < 12


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=40))
def test_however_the_tick_stutters_every_turn_is_taken_once(lengths: list[int]) -> None:
    target, now, taken = FIFTY[0], 0, 0
    for length in lengths:
        taken += len(due([target], since_ms=now, now_ms=now + length))
        now += length

    whole = (now - target.offset_ms) // target.interval_ms - (-target.offset_ms) // 15_000
    assert taken == whole


def test_a_long_sleep_gives_one_turn_and_not_many() -> None:
    assert len(due(FIFTY[:1], since_ms=0, now_ms=3_600_000)) == 1
