"""Secrets at rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.keys import Former, Ring, fingerprint
from kit.sealing import SealBroken, Sealer

SEALER = Sealer("a key")


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_what_was_sealed_is_read_with_the_same_key(text: str) -> None:
    sealed = SEALER.seal(text)

    assert SEALER.unseal(sealed) == text
    assert SEALER.seal(text) == sealed


def test_what_was_sealed_shows_nothing_of_it() -> None:
    assert SEALER.seal("s3cret") != SEALER.seal("s3creT")
    assert "s3cret" not in SEALER.seal("s3cret")


def test_another_key_is_refused() -> None:
    with pytest.raises(SealBroken):
        Sealer("another key").unseal(SEALER.seal("s3cret"))


@pytest.mark.parametrize(
    "sealed", ["", "s3cret", "s1.", "s1.AAAA", "s1.!!!", "s1.A", "s2.", "s2.x.AAAA"]
)
def test_what_is_no_seal_is_refused(sealed: str) -> None:
    with pytest.raises(SealBroken):
        SEALER.unseal(sealed)


def test_a_seal_that_was_changed_is_refused() -> None:
    sealed = SEALER.seal("s3cret")
    for place in range(len(sealed) - 3):  # the last letters carry bits that nobody reads
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(SealBroken):
            SEALER.unseal(changed)


def test_a_seal_names_its_key_and_a_former_one_still_opens_it() -> None:
    both = Sealer(Ring("new", [Former("a key")]))
    sealed = SEALER.seal("s3cret")

    assert sealed.startswith(f"s2.{fingerprint('a key')}.")
    assert both.unseal(sealed) == "s3cret"
    assert (both.is_current(sealed), both.is_current(both.seal("s3cret"))) == (False, True)


def test_a_seal_from_before_keys_had_names_is_opened() -> None:
    nameless = "s1.IeGXMyG9_9nRbcVsVnYvf0gbE8FosA=="

    assert Sealer(Ring("new", [Former("a key")])).unseal(nameless) == "s3cret"
