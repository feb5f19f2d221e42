"""Moments, lengths and amounts as people say them."""

from datetime import UTC, datetime, timedelta

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from kit import wording
from kit.i18n import Locale

NOW = datetime(2026, 11, 23, 19, 12, 5, tzinfo=UTC)  # 24 November, 03:12:05 in Shanghai
SHANGHAI = "Asia/Shanghai"
ZH, EN = Locale.ZH, Locale.EN


def test_today_is_only_a_time_of_day() -> None:
    assert wording.moment(NOW, ZH, SHANGHAI, now=NOW) == "03:12:05"


def test_yesterday_in_the_zone_has_its_date() -> None:
    at = NOW - timedelta(hours=4)

    assert wording.moment(at, ZH, SHANGHAI, now=NOW) == "11月23日 23:12:05"
    assert wording.moment(at, EN, SHANGHAI, now=NOW) == "Nov 23 23:12:05"
    assert wording.moment(at, EN, "UTC", now=NOW, seconds=False) == "15:12"


def test_another_year_is_named() -> None:
    at = NOW - timedelta(days=400)

    assert wording.day(at, ZH, SHANGHAI, now=NOW) == "2025年10月20日"
    assert wording.day(at, EN, SHANGHAI, now=NOW) == "Oct 20, 2025"


def test_a_day_of_the_week_is_said_where_it_helps() -> None:
    assert wording.day(NOW, ZH, SHANGHAI, now=NOW, weekday=True) == "11月24日 周二"
    assert wording.day(NOW, EN, SHANGHAI, now=NOW, weekday=True) == "Tue, Nov 24"


def test_a_moment_in_full_has_its_distance_from_utc() -> None:
    assert wording.exact(NOW, SHANGHAI) == "2026-11-24 03:12:05 UTC+0800"


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0 秒", "0 s"),
        (59, "59 秒", "59 s"),
        (252, "4 分 12 秒", "4 min 12 s"),
        (5700, "1 小时 35 分", "1 h 35 min"),
        (7200, "2 小时", "2 h"),
        (90_061, "1 天 1 小时", "1 d 1 h"),
        (86_460, "1 天", "1 d"),
    ],
)
def test_a_length_is_said_in_its_two_greatest_units(seconds: int, zh: str, en: str) -> None:
    length = timedelta(seconds=seconds)

    assert (wording.duration(length, ZH), wording.duration(length, EN)) == (zh, en)


@pytest.mark.parametrize(
    ("apart", "zh", "en"),
    [
        (timedelta(seconds=-5), "刚刚", "just now"),
        (timedelta(seconds=-50), "1 分前", "1 min ago"),
        (timedelta(minutes=-9, seconds=-50), "9 分前", "9 min ago"),
        (timedelta(hours=-30), "1 天前", "1 d ago"),
        (timedelta(minutes=5), "5 分后", "in 5 min"),
    ],
)
def test_how_long_ago(apart: timedelta, zh: str, en: str) -> None:
    at = NOW + apart

    assert (wording.ago(at, ZH, now=NOW), wording.ago(at, EN, now=NOW)) == (zh, en)


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [(333, "5:33"), (3933, "1:05:33"), (0, "0:00"), (-12, "+0:12"), (-3600, "+1:00:00")],
)
def test_what_is_left_is_shown_as_digits(seconds: int, digits: str) -> None:
    assert wording.countdown(timedelta(seconds=seconds)) == digits


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "100%"), (0.99996, "99.99%"), (0.9987, "99.87%"), (0.5, "50%"), (0.0, "0%")],
)
def test_only_a_time_without_any_outage_is_a_hundred_percent(share: float, words: str) -> None:
    assert wording.availability(share, EN) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (92.44, "percent", "92.4%"),
        (0.9244, "ratio", "92.4%"),
        (1536.0, "bytes", "1.5 KiB"),
        (12_582_912.0, "bytes_per_second", "12 MiB/s"),
        (0.0421, "seconds", "42.1 ms"),
        (2.8, "seconds", "2.8 s"),
        (5700.0, "seconds", "1 h 35 min"),
        (1.84, "", "1.84"),
        (12_345.0, "", "12.3k"),
        (5000.0, "", "5,000"),
        (float("nan"), "percent", "–"),
    ],
)
def test_an_amount_is_said_with_its_unit(value: float, unit: str, words: str) -> None:
    assert wording.quantity(value, unit, EN) == words


UNITS = ("", "percent", "ratio", "bytes", "bytes_per_second", "seconds", "V")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("value", [1e308, -1e308, 1e22, 5e-324, float("inf"), float("nan")])
def test_no_value_is_too_odd_to_be_said(value: float, unit: str) -> None:
    assert len(wording.quantity(value, unit, ZH)) < 24


@given(st.floats(-9e14, 9e14), st.integers(0, 4))
def test_numbers_are_written_as_both_languages_write_them(value: float, digits: int) -> None:
    shape = "#,##0" + ("." + "#" * digits if digits else "")

    for locale in Locale:
        expected = format_decimal(value, shape, locale=locale.babel)
        assert wording.number(value, locale, digits=digits) == expected
