"""Strips: each cell says in words what it shows, and the ends say which time it is."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from alerting.lifecycle import Priority
from app.pages.history import cells, days, hours, months
from app.pages.strips import Strips
from incidents.queries.history import Firing
from tests.support.reading import words_of

NOW = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
ZONE = "Asia/Shanghai"
FIRED = [
    Firing(1, "acme", "disk", uuid4(), Priority.P2, NOW - timedelta(hours=1), None, 1),
    Firing(2, "acme", "disk", uuid4(), Priority.P1, NOW - timedelta(minutes=30), NOW, 1),
]


@pytest.mark.parametrize(
    ("locale", "burnt", "ends"),
    [
        ("en", "Nov 24: P1, 1 h, 2 alerts", "Oct 26 Today"),
        ("zh-CN", "11月24日：一级，1 小时，2 条告警", "10月26日 今天"),
    ],
)
def test_a_day_that_burnt_says_how_gravely_and_how_long(locale: str, burnt: str, ends: str) -> None:
    strip = Strips(locale, ZONE, NOW)(cells(FIRED, days(NOW, ZONE), now=NOW), "<30>")

    assert words_of(strip) == f"{burnt} {ends}"
    assert '<li class="P1" title="' in strip
    assert strip.count('<li class="calm" title="') == 29
    assert 'aria-label="&lt;30&gt;"' in strip


def test_hours_and_months_are_named_as_such() -> None:
    draw = Strips("en", ZONE, NOW)

    assert words_of(draw(cells([], hours(NOW), now=NOW), "a day")) == "Nov 23 12:00 Now"
    assert words_of(draw(cells([], months(NOW, ZONE), now=NOW), "a year")) == "2025-12 This month"
    assert 'title="11:00: calm"' in draw(cells([], hours(NOW), now=NOW), "a day")
