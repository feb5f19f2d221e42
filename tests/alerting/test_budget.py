"""A share of a core that can be used up."""

from alerting.budget import MOST, SHARE, Budget


def test_who_has_used_up_the_share_waits_until_it_has_grown_again() -> None:
    budget = Budget()
    budget.left(100.0)
    budget.spend(MOST + 0.5)
    wait = budget.wait()
    assert wait >= 0.5 / SHARE
    assert budget.left(100.0 + wait) > 0
    assert budget.wait() == 0


def test_what_is_not_used_is_saved_up_to_a_limit() -> None:
    budget = Budget()
    assert budget.left(1_000_000.0) == MOST
