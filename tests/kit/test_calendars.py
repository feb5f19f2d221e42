"""Working time between two moments, and when a length of it is over."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kit.calendars import Calendar, Hours, after, elapsed

ALWAYS = Calendar()
SHANGHAI = Calendar(Hours.BUSINESS, "Asia/Shanghai")
BERLIN = Calendar(Hours.BUSINESS, "Europe/Berlin")
FRIDAY = datetime(2026, 11, 6, 17, 0, tzinfo=UTC)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
lengths = st.integers(0, 14 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


def test_a_weekend_does_not_count() -> None:
    friday_four_pm = datetime(2026, 11, 6, 8, 0, tzinfo=UTC)  # 16:00 in Shanghai

    assert after(SHANGHAI, friday_four_pm, timedelta(hours=3)) == datetime(
        2026, 11, 9, 2, tzinfo=UTC
    )


def test_a_day_has_nine_hours_whatever_the_clocks_do() -> None:
    before_the_change = datetime(2026, 10, 23, 0, tzinfo=UTC)

    assert elapsed(BERLIN, before_the_change, before_the_change + timedelta(days=7)) == timedelta(
        hours=45
    )


def test_time_that_runs_backwards_counts_nothing() -> None:
    assert elapsed(ALWAYS, FRIDAY, FRIDAY - timedelta(hours=1)) == timedelta()


@given(moments, lengths)
def test_what_has_gone_by_when_a_length_is_over_is_that_length(
    start: datetime, length: timedelta
) -> None:
    for calendar in (ALWAYS, SHANGHAI, BERLIN):
        assert elapsed(calendar, start, after(calendar, start, length)) == length


@given(moments, lengths, lengths)
def test_two_spans_side_by_side_count_as_one(
    start: datetime, first: timedelta, second: timedelta
) -> None:
    middle, end = start + first, start + first + second
    for calendar in (ALWAYS, SHANGHAI, BERLIN):
        whole = elapsed(calendar, start, end)
        assert elapsed(calendar, start, middle) + elapsed(calendar, middle, end) == whole
