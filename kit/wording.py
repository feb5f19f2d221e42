"""Moments, lengths and amounts as people say them, in a language and a zone."""

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import babel
from babel.dates import format_date

from kit.i18n import Locale, t

_DAY = {Locale.ZH: "M月d日", Locale.EN: "MMM d"}
_DAY_OF_YEAR = {Locale.ZH: "y年M月d日", Locale.EN: "MMM d, y"}
_WEEKDAY = {Locale.ZH: "M月d日 EEE", Locale.EN: "EEE, MMM d"}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("", "k", "M", "G", "T")
_WRITTEN_OUT = 1e15
"""From here on a number is said by its power of ten: no reader counts groups."""
_AWAY = len("2026-11-26 19:32:05")
DATES = 4096
_LONGEST = timedelta.max.total_seconds()


@cache
def _babel(locale: Locale) -> babel.Locale:
    """Babel reads a locale's name anew each time, which takes longer than what it is asked for."""
    return babel.Locale.parse(locale.babel)


def moment(
    at: datetime,
    locale: str,
    zone: str,
    *,
    now: datetime,
    seconds: bool = True,
    dated: bool = False,
) -> str:
    """Return the time of day in `zone`, with the date before it if not today's, or if `dated`."""
    local, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    time = local.time().isoformat("seconds" if seconds else "minutes")
    return (
        time if local.date() == today and not dated else f"{day(at, locale, zone, now=now)} {time}"
    )


def exact(at: datetime, zone: str) -> str:
    """Return the moment in full with its distance from UTC, for a title or a log."""
    local = at.astimezone(ZoneInfo(zone)).isoformat(" ", "seconds")
    return f"{local[:_AWAY]} UTC{local[_AWAY:].replace(':', '')}"


def day(at: datetime, locale: str, zone: str, *, now: datetime, weekday: bool = False) -> str:
    """Return the date in `zone`; the year only when it is another one."""
    spoken, local = Locale(locale), at.astimezone(ZoneInfo(zone))
    shape = _WEEKDAY[spoken] if weekday else _DAY[spoken]
    if local.year != now.astimezone(ZoneInfo(zone)).year:
        shape = _DAY_OF_YEAR[spoken]
    return _date(local.date(), shape, spoken)


@lru_cache(DATES)
def _date(date: date, shape: str, locale: Locale) -> str:
    """Pages say the same dates over and over."""
    return format_date(date, shape, locale=_babel(locale))


def duration(length: timedelta, locale: str) -> str:
    """Return a length in its two greatest units: 1 h 35 min, 1 小时 35 分."""
    left = max(0, int(length.total_seconds()))
    if left == 0:
        return t("unit.seconds", locale, n=0)
    parts: list[str] = []
    for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(t(f"unit.{name}", locale, n=count))
        if parts and (len(parts) == 2 or not count):
            break
    return " ".join(parts)


def ago(at: datetime, locale: str, *, now: datetime) -> str:
    """Return how long ago `at` was, or how far ahead it lies, in its greatest unit."""
    apart = now - at
    size = abs(apart)
    if size < timedelta(seconds=45):
        return t("unit.just_now" if apart >= timedelta() else "unit.in_a_moment", locale)
    for name, unit in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        count = int(size.total_seconds() // unit)
        if count or name == "minutes":
            length = t(f"unit.{name}", locale, n=max(1, count))
            break
    return t("unit.ago" if apart > timedelta() else "unit.ahead", locale, length=length)


def countdown(left: timedelta) -> str:
    """Return what is left as digits, 5:33 or 1:05:33; past its end +0:12."""
    seconds = math.floor(left.total_seconds())
    sign, seconds = ("+", -seconds) if seconds < 0 else ("", seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{sign}{hours}:{minutes:02}:{secs:02}" if hours else f"{sign}{minutes}:{secs:02}"


def number(value: float, locale: str, *, digits: int = 2) -> str:
    """Return a number with its groups and at most `digits` decimals."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "-∞"}.get(value, "–")
    if abs(value) >= _WRITTEN_OUT:
        return f"{value:.3g}"
    written = f"{Decimal(str(value)):,.{digits}f}"  # groups and point are so in both languages
    return written.rstrip("0").rstrip(".") if digits else written


def percent(share: float, locale: str) -> str:
    """Return a share of one as percent."""
    return f"{number(share * 100, locale, digits=1)}%"


def availability(share: float, locale: str) -> str:
    """Return a share of the time as percent, rounded down: 100% is said of no outage at all."""
    return f"{number(math.floor(share * 10_000 + 1e-6) / 100, locale)}%"


def quantity(value: float, unit: str, locale: str) -> str:
    """Return an amount with its unit, scaled so that it has three or four digits."""
    if not math.isfinite(value):
        return number(value, locale)
    return _UNITS.get(unit, _plain)(value, unit, locale)


def _plain(value: float, unit: str, locale: str) -> str:
    size, step = abs(value), 0
    while size >= 10_000 and step < len(_DECIMAL) - 1 and not unit:
        size, value, step = size / 1000, value / 1000, step + 1
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or not size else 4
    written = number(value, locale, digits=digits)
    return f"{written}{_DECIMAL[step]}" + (f" {unit}" if unit else "")


def _percent(value: float, unit: str, locale: str) -> str:
    return f"{number(value, locale, digits=1)}%"


def _share(value: float, unit: str, locale: str) -> str:
    return percent(value, locale)


def _bytes(value: float, unit: str, locale: str) -> str:
    step = 0
    while abs(value) >= 1024 and step < len(_BINARY) - 1:
        value, step = value / 1024, step + 1
    written = number(value, locale, digits=0 if abs(value) >= 100 or not step else 1)
    return f"{written} {_BINARY[step]}" + ("/s" if unit == "bytes_per_second" else "")


def _seconds(value: float, unit: str, locale: str) -> str:
    if 120 <= abs(value) < _LONGEST:
        return duration(timedelta(seconds=value), locale)
    if 0 < abs(value) < 1:
        return f"{number(value * 1000, locale, digits=0 if abs(value) >= 0.1 else 1)} ms"
    return f"{number(value, locale, digits=1)} s"


_UNITS: dict[str, Callable[[float, str, str], str]] = {
    "percent": _percent,
    "ratio": _share,
    "bytes": _bytes,
    "bytes_per_second": _bytes,
    "seconds": _seconds,
}
