"""A signed word holds for its purpose, its time, and as it was written."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Unauthorized
from kit.keys import Former, Ring
from kit.signing import Signer
from tests.support.clock import NOON

SIGNER = Signer("k" * 32)
DAY = timedelta(days=1)
TOKEN = SIGNER.sign("acknowledge", {"incident": 7}, now=NOON, ttl=DAY)


def test_a_signed_word_says_what_was_signed() -> None:
    assert SIGNER.read("acknowledge", TOKEN, now=NOON + DAY / 2) == {"incident": 7}


def test_after_its_time_it_is_refused() -> None:
    with pytest.raises(Unauthorized, match="over"):
        SIGNER.read("acknowledge", TOKEN, now=NOON + DAY)


def test_it_is_good_for_one_purpose_and_one_installation() -> None:
    with pytest.raises(Unauthorized):
        SIGNER.read("session", TOKEN, now=NOON)
    with pytest.raises(Unauthorized):
        Signer("other").read("acknowledge", TOKEN, now=NOON)


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_a_changed_letter_breaks_it(place: int, letter: str) -> None:
    changed = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if changed != TOKEN:
        with pytest.raises(Unauthorized):
            SIGNER.read("acknowledge", changed, now=NOON)


@given(st.text())
def test_any_text_at_all_is_refused_politely(text: str) -> None:
    with pytest.raises(Unauthorized):
        SIGNER.read("acknowledge", text, now=NOON)


def test_a_former_key_signs_nothing_and_its_words_hold_for_their_while() -> None:
    both = Signer(Ring("new", [Former("k" * 32, NOON + DAY / 2)]))

    assert both.read("acknowledge", TOKEN, now=NOON) == {"incident": 7}
    with pytest.raises(Unauthorized):
        both.read("acknowledge", TOKEN, now=NOON + DAY / 2)
    with pytest.raises(Unauthorized):
        SIGNER.read("a", both.sign("a", {}, now=NOON, ttl=DAY), now=NOON)
