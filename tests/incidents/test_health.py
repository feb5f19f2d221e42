"""Availability: the share of the time in which nothing grave lasted."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.lifecycle import Priority
from incidents.health import Outage, availability

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
UNTIL = BEGAN + 100 * HOUR


def outage(begin: int, end: int | None, priority: Priority = Priority.P1) -> Outage:
    """Return what lasted from one hour to another."""
    until = None if end is None else BEGAN + end * HOUR
    return Outage(1, "pos", priority, BEGAN + begin * HOUR, until)


def share(*outages: Outage) -> float:
    """Return the availability of the hundred hours."""
    return availability(outages, since=BEGAN, until=UNTIL)


def test_time_that_two_incidents_share_is_lost_once() -> None:
    assert share(outage(10, 20), outage(15, 25, Priority.P2)) == 0.85


def test_what_is_not_grave_costs_nothing() -> None:
    assert share(outage(10, 20, Priority.P3), outage(30, 40, Priority.P4)) == 1.0


def test_only_the_time_asked_for_counts_and_what_lasts_lasts_until_now() -> None:
    assert share(outage(-50, 10), outage(90, None)) == 0.8


def test_no_time_is_no_outage() -> None:
    assert availability([outage(0, None)], since=UNTIL, until=UNTIL) == 1.0


@given(st.lists(st.tuples(st.integers(-50, 150), st.integers(-50, 150))))
def test_it_is_a_share_whatever_happened(spans: list[tuple[int, int]]) -> None:
    assert 0.0 <= share(*(outage(min(span), max(span)) for span in spans)) <= 1.0
