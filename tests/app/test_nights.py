"""Nights of a zone, as they are shaded and as they count."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.replay.nights import at_night, nights

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_nights_are_cut_off_at_the_ends() -> None:
    found = list(nights(NOON - timedelta(hours=15), NOON + timedelta(hours=4), "Asia/Shanghai"))
    hours = [[edge.astimezone(UTC).strftime("%d %H") for edge in night] for night in found]
    assert hours == [["01 21", "01 23"], ["02 14", "02 16"]]


@given(
    st.integers(0, 24 * 365),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
)
def test_what_counts_as_night_is_shaded(hour: int, zone: str) -> None:
    moment = NOON + timedelta(hours=hour)
    around = nights(moment - timedelta(days=2), moment + timedelta(days=2), zone)
    shaded = any(begin <= moment < end for begin, end in around)
    assert shaded is at_night(moment, zone)
