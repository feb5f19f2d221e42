"""A strip of time: spans that overlap count once, and every cell knows its gravest."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from alerting.lifecycle import Priority
from app.pages.history import cells, days, hours
from incidents.queries.history import Firing

NOW = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def firing(began: int, ended: int | None, priority: Priority = Priority.P2) -> Firing:
    """Return a firing from so many minutes ago to so many minutes ago."""
    end = None if ended is None else NOW - ended * MINUTE
    return Firing(1, "acme", "disk", uuid4(), priority, NOW - began * MINUTE, end, 1)


def test_spans_that_overlap_count_once() -> None:
    fired = [firing(50, 30), firing(40, 20, Priority.P1), firing(10, None)]

    strip = cells(fired, hours(NOW), now=NOW)

    assert [cell.priority for cell in strip[-2:]] == ["P1", "P2"]
    assert strip[-2].burnt == 30 * MINUTE
    assert strip[-1].burnt == 10 * MINUTE


def test_days_are_the_days_of_the_zone() -> None:
    edges = days(NOW, "Asia/Shanghai")

    assert len(edges) == 31
    assert edges[-2].isoformat() == "2026-11-24T00:00:00+08:00"
    assert edges[0].isoformat() == "2026-10-26T00:00:00+08:00"


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000))))
def test_no_cell_burns_longer_than_it_lasts(spans: list[tuple[int, int]]) -> None:
    fired = [firing(max(span), min(span)) for span in spans]

    for cell in cells(fired, hours(NOW), now=NOW):
        assert timedelta() <= cell.burnt <= cell.until - cell.since
        assert bool(cell.priority) == bool(cell.times)
