"""Secrets at rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.sealing import SealBroken, Sealer

SEALER = Sealer("a key")


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_what_was_sealed_is_read_with_the_same_key(text: str) -> None:
    sealed = SEALER.seal(text)

    assert SEALER.unseal(sealed) == text
    assert SEALER.seal(text) == sealed


def test_what_was_sealed_shows_nothing_of_it() -> None:
    assert SEALER.seal("s3cret")[3:] != SEALER.seal("s3creT")[3:]
    assert "s3cret" not in SEALER.seal("s3cret")


def test_another_key_is_refused() -> None:
    with pytest.raises(SealBroken):
        Sealer("another key").unseal(SEALER.seal("s3cret"))


@pytest.mark.parametrize("sealed", ["", "s3cret", "s1.", "s1.AAAA", "s1.!!!", "s1.A"])
def test_what_is_no_seal_is_refused(sealed: str) -> None:
    with pytest.raises(SealBroken):
        SEALER.unseal(sealed)


def test_a_seal_that_was_changed_is_refused() -> None:
    sealed = SEALER.seal("s3cret")
    other = "A" if sealed[9] != "A" else "B"

    with pytest.raises(SealBroken):
        SEALER.unseal(sealed[:9] + other + sealed[10:])
