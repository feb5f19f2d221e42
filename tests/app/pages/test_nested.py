"""Fields with lists in them, there and back."""

from hypothesis import given
from hypothesis import strategies as st

from app.pages.forms import Form
from app.pages.nested import flat, grown, pressed, rearranged

SENT = {
    "name": "night",
    "steps.7.wait": "5m",
    "steps.7.notify": "person:li",
    "steps.3.wait": "9m",
    "steps.3.only.12.from": "09:00",
}
BLANK = {"steps": {"wait": "1m"}, "only": {"from": "08:00"}}


def test_rows_stand_in_the_order_of_the_form_whatever_their_numbers() -> None:
    assert grown(SENT) == {
        "name": "night",
        "steps": [
            {"wait": "5m", "notify": "person:li"},
            {"wait": "9m", "only": [{"from": "09:00"}]},
        ],
    }


def test_rows_are_numbered_anew() -> None:
    assert flat(grown(SENT))["steps.1.only.0.from"] == "09:00"
    assert Form(flat(grown(SENT))).rows("steps") == [0, 1]
    assert Form(flat(grown(SENT))).rows("steps.1.only") == [0]
    assert Form().rows("steps") == []


def test_a_row_is_added_where_the_button_says() -> None:
    assert rearranged({**SENT, "add": "steps"}, BLANK)["steps.2.wait"] == "1m"
    assert rearranged({"name": "x", "add": "steps"}, BLANK)["steps.0.wait"] == "1m"
    within = rearranged({**flat(grown(SENT)), "add": "steps.1.only"}, BLANK)
    assert within["steps.1.only.1.from"] == "08:00"


def test_a_row_is_dropped_and_moved_up() -> None:
    fields = flat(grown(SENT))

    assert rearranged({**fields, "drop": "steps.0"}, BLANK)["steps.0.wait"] == "9m"
    assert rearranged({**fields, "up": "steps.1"}, BLANK)["steps.0.wait"] == "9m"
    assert rearranged({**fields, "up": "steps.0"}, BLANK) == fields


def test_what_no_form_of_ours_sends_does_no_harm() -> None:
    for odd in ("steps.99", "steps.x", "name", "", "other.0", "steps.1.only.5"):
        assert rearranged({**SENT, "drop": odd}, BLANK) == flat(grown(SENT))
        assert rearranged({**SENT, "up": odd}, BLANK) == flat(grown(SENT))
    assert "name.0" not in rearranged({**SENT, "add": "name"}, BLANK)
    assert grown({"a": "1", "a.b": "2"}) == {"a": "1"}
    assert grown({"a.b": "2", "a": "1"}) == {"a": {"b": "2"}}


def test_only_the_buttons_of_a_list_are_pressed() -> None:
    assert pressed({"add": "steps"})
    assert not pressed(SENT)


NAMES = st.lists(st.sampled_from(["a", "b", "0", "1", "7", ""]), min_size=1, max_size=9)


@given(st.dictionaries(NAMES.map(".".join), st.text(max_size=3), max_size=12))
def test_what_was_grown_once_stays_as_it_is(sent: dict[str, str]) -> None:
    once = flat(grown(sent))

    assert flat(grown(once)) == once
