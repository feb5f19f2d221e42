"""What becomes of a notification after an attempt."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.lifecycle import (
    LEASE,
    PATIENCE,
    TIMEOUT,
    Kind,
    Outcome,
    Status,
    judge,
    key_for,
    receiver_host,
)
from tests.support.clock import NOON

SECOND = timedelta(seconds=1)
BUSY = Outcome(Kind.TRY_AGAIN, 503, "busy")
NEVER = Outcome(Kind.REFUSED, 404, "gone")


@dataclass
class Tries:
    attempts: int = 1
    tried_since: datetime = NOON
    at_contact: int = 0
    contacts: tuple[str, ...] = field(default=("first",))
    priority: int = 1


TWO = ("first", "second")


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 2), (2, 5), (3, 10), (4, 20), (5, 40), (6, 60), (50, 60)]
)
def test_each_try_waits_longer_up_to_a_minute(attempts: int, seconds: int) -> None:
    verdict = judge(Tries(attempts), BUSY, now=NOON)

    assert (verdict.status, verdict.at_contact) == (Status.DUE, 0)
    assert verdict.next_try_at == NOON + seconds * SECOND


def test_a_p1_goes_to_the_next_contact_while_it_matters() -> None:
    at_17 = judge(Tries(4, contacts=TWO), BUSY, now=NOON + 17 * SECOND)

    assert (at_17.status, at_17.at_contact, at_17.attempts) == (Status.DUE, 1, 0)
    assert at_17.next_try_at == NOON + 17 * SECOND
    assert at_17.tried_since is None


def test_a_p3_is_more_patient_with_the_first_contact() -> None:
    verdict = judge(Tries(4, contacts=TWO, priority=3), BUSY, now=NOON + 17 * SECOND)

    assert verdict.at_contact == 0


def test_a_refusal_goes_to_the_next_contact_at_once() -> None:
    verdict = judge(Tries(contacts=TWO), NEVER, now=NOON)

    assert (verdict.status, verdict.at_contact, verdict.next_try_at) == (Status.DUE, 1, NOON)


def test_a_refusal_by_the_last_contact_is_a_failure_with_a_reason() -> None:
    verdict = judge(Tries(at_contact=1, contacts=TWO), NEVER, now=NOON)

    assert (verdict.status, verdict.why) == (Status.FAILED, "refused: 404 gone")


def test_the_last_contact_is_tried_for_an_hour() -> None:
    almost = judge(Tries(60), BUSY, now=NOON + PATIENCE - 60 * SECOND)
    over = judge(Tries(61), BUSY, now=NOON + PATIENCE)

    assert (almost.status, over.status) == (Status.DUE, Status.FAILED)


@pytest.mark.parametrize(("asked", "given"), [(1, 2), (30, 30), (3600, 60)])
def test_a_receiver_may_ask_for_more_time_but_not_for_ever(asked: int, given: int) -> None:
    asks = Outcome(Kind.TRY_AGAIN, 429, retry_after=asked * SECOND)

    assert judge(Tries(), asks, now=NOON).next_try_at == NOON + given * SECOND


def test_what_is_held_back_was_not_tried() -> None:
    verdict = judge(Tries(1), Outcome(Kind.HELD, detail="maintenance"), now=NOON)

    assert (verdict.status, verdict.attempts, verdict.tried_since) == (Status.DUE, 0, None)
    assert verdict.next_try_at > NOON


def test_each_contact_has_a_key_of_its_own() -> None:
    assert [key_for("k", contact) for contact in range(3)] == ["k", "k:2", "k:3"]


@pytest.mark.parametrize(
    ("channel", "address", "host"),
    [
        ("webhook", "http://user:pw@Example.com:8080/hook?token=1", "example.com:8080"),
        ("webhook", "https://example.com/a", "example.com"),
        ("email", "li@example.com", "email"),
        ("webhook", "http://[half/li", "webhook"),
    ],
)
def test_a_receiver_is_the_host_of_a_url_or_the_channel(
    channel: str, address: str, host: str
) -> None:
    assert receiver_host(channel, address) == host


def test_an_attempt_ends_well_before_its_lease() -> None:
    assert TIMEOUT * 2 < LEASE


outcomes = st.builds(
    Outcome,
    kind=st.sampled_from(Kind),
    code=st.none() | st.integers(100, 599),
    retry_after=st.none() | st.timedeltas(timedelta(), timedelta(days=2)),
)
tries = st.builds(
    Tries,
    attempts=st.integers(1, 100),
    tried_since=st.timedeltas(timedelta(), 2 * PATIENCE).map(lambda ago: NOON - ago),
    at_contact=st.just(0),
    contacts=st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")]),
    priority=st.integers(1, 4),
)


@given(tries, outcomes)
def test_nothing_is_given_up_while_a_contact_is_left(tried: Tries, outcome: Outcome) -> None:
    verdict = judge(tried, outcome, now=NOON)

    if verdict.status is Status.FAILED:
        assert verdict.at_contact == len(tried.contacts) - 1
        assert verdict.why
    assert verdict.at_contact in (tried.at_contact, tried.at_contact + 1)
    assert verdict.next_try_at >= NOON
