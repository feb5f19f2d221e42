"""The table of moves."""

from datetime import timedelta
from itertools import product

import pytest

from incidents.lifecycle import MOVES, Move, MoveNotAllowed, Status, after, takes_in
from tests.support.clock import NOON


@pytest.mark.parametrize(("status", "move"), list(product(Status, Move)))
def test_every_pair_is_either_in_the_table_or_refused(status: Status, move: Move) -> None:
    if (status, move) in MOVES:
        assert after(status, move) is MOVES[status, move]
    else:
        with pytest.raises(MoveNotAllowed, match=f"cannot {move} an incident that is {status}"):
            after(status, move)


def test_a_graver_alert_takes_an_incident_from_its_owner() -> None:
    assert after(Status.ACKNOWLEDGED, Move.RAISE) is Status.TRIGGERED


def test_acknowledging_what_is_over_changes_nothing() -> None:
    assert after(Status.RESOLVED, Move.ACKNOWLEDGE) is Status.RESOLVED
    assert after(Status.CLOSED, Move.ACKNOWLEDGE) is Status.CLOSED


def test_an_incident_takes_alerts_in_for_half_an_hour_from_its_last_new_one() -> None:
    assert takes_in(NOON, at=NOON + timedelta(minutes=29, seconds=59))
    assert not takes_in(NOON, at=NOON + timedelta(minutes=30))
