"""What can be kept and said again, and what cannot."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.plain import BIGGEST, DEEPEST, dotted, unkept

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inside: (
        st.lists(inside) | st.dictionaries(st.text(st.characters(exclude_categories=())), inside)
    ),
)


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else []


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": {"x": [-1.39e16, 30599629912649651886051608625958912]}}, "a.x.1"),
        ({"a": BIGGEST + 1}, "a"),
        ({"a": -BIGGEST - 1}, "a"),
        ([1.0, float("nan")], "1"),
        ({"a": float("inf")}, "a"),
        ({"a": "b\0c"}, "a"),
        ({"a": {"b\0c": 1}}, "a"),
        ({"a": "\ud800"}, "a"),
        ({"a": {"\ud800": 1}}, "a"),
        (deep(DEEPEST + 1), "0" + ".0" * DEEPEST),
    ],
)
def test_what_cannot_be_kept_is_named(value: Any, place: str) -> None:
    assert [dotted(where) for where, _ in unkept(value)] == [place]


@pytest.mark.parametrize(
    "value", [BIGGEST, -BIGGEST, 1e308, "a\r\n\tb", "🔥", True, None, deep(20)]
)
def test_what_can_be_kept_passes(value: Any) -> None:
    assert not list(unkept({"a": value} if not isinstance(value, list) else value))


@given(ANY)
def test_what_passes_can_be_written_and_where_it_does_not_the_place_can(value: Any) -> None:
    wrong = list(unkept(value))
    orjson.dumps([dotted(place) for place, _ in wrong])
    if not wrong:
        assert "\0" not in orjson.loads(orjson.dumps(str(value)))
        orjson.dumps(value)
