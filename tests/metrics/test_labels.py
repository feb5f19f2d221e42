"""Labels: one canonical form, limits, and labels that senders cannot set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Invalid
from metrics.labels import Limits, canonical, key_of, stamped, text

LIMITS = Limits(labels=4, name_bytes=10, value_bytes=12)
KNOWN = {"house", "acme"}


def test_labels_are_sorted_and_empty_values_are_dropped() -> None:
    assert canonical([("b", "2"), ("a", "1"), ("c", "")], LIMITS) == (("a", "1"), ("b", "2"))


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        pytest.param([], "without labels", id="no labels"),
        pytest.param([("a", "")], "without labels", id="only empty values"),
        pytest.param([("a", "1"), ("a", "2")], "twice", id="a name twice"),
        pytest.param([("", "1")], "empty label name", id="an empty name"),
        pytest.param([("a\0", "1")], "NUL", id="a NUL in a name"),
        pytest.param([("a", "\0")], "NUL", id="a NUL in a value"),
        pytest.param([("a", "\ud800")], "UTF-8", id="half a surrogate"),
        pytest.param([("a" * 11, "1")], "11 bytes", id="a long name"),
        pytest.param([("a", "狼狼狼狼狼")], "15 bytes", id="a value long in bytes"),
        pytest.param([(c, "1") for c in "abcde"], "5 labels", id="many labels"),
    ],
)
def test_what_is_not_allowed_is_refused(pairs: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        canonical(pairs, LIMITS)


def test_a_token_of_one_client_overwrites_the_label_client() -> None:
    given = stamped([("client", "other"), ("a", "1")], client="acme", known_clients=KNOWN)
    assert given == (("a", "1"), ("client", "acme"), ("exported_client", "other"))


def test_a_sender_that_names_its_own_client_is_not_renamed() -> None:
    assert stamped([("client", "acme")], client="acme", known_clients=KNOWN) == (
        ("client", "acme"),
    )


def test_a_token_for_all_clients_names_a_known_one_or_means_the_house() -> None:
    assert stamped([("client", "acme")], client=None, known_clients=KNOWN) == (("client", "acme"),)
    assert stamped([], client=None, known_clients=KNOWN) == (("client", "house"),)
    with pytest.raises(Invalid, match="no client is called"):
        stamped([("client", "nobody")], client=None, known_clients=KNOWN)


def test_senders_cannot_set_drill_and_drills_can() -> None:
    pairs = [("drill", "1"), ("exported_drill", "0")]
    sent = stamped(pairs, client="acme", known_clients=KNOWN)
    assert dict(sent) == {
        "exported_exported_drill": "1",
        "exported_drill": "0",
        "client": "acme",
    }
    ours = stamped(pairs, client="acme", known_clients=KNOWN, drills=True)
    assert dict(ours)["drill"] == "1"


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_canonical_labels_are_their_own_canonical_form(labels: dict[str, str]) -> None:
    try:
        once = canonical(labels.items(), Limits())
    except Invalid:
        return
    assert canonical(once, Limits()) == once
    assert canonical(reversed(once), Limits()) == once
    assert len(key_of(once)) == 16


def test_a_series_is_shown_as_prometheus_writes_it() -> None:
    assert text((("__name__", "up"), ("job", "node"))) == 'up{job="node"}'
