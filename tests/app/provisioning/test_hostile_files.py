"""Files that were not written in good faith, or not written well: never anything but mistakes."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.provisioning import DEFAULTS, Mistakes, load, report
from app.provisioning.yaml_tree import NotRead, read
from kit.settings import ROOT

GOOD = [path.read_text("utf-8") for path in sorted(DEFAULTS.glob("*.yml"))]
GOOD += [path.read_text("utf-8") for path in sorted((ROOT / "examples").rglob("*.yml"))]
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def refused(raw: bytes) -> tuple[int, str]:
    with pytest.raises(NotRead) as found:
        read(raw)
    return found.value.line, found.value.message


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (BOMB, 1, "aliases"),
        ("a: *b", 1, "aliases"),
        ("x:\n  <<: *b", 2, "aliases"),
        ("a: !!python/object/apply:os.system [x]", 1, "tags are not read"),
        ("a: !!str 7", 1, "tags are not read"),
        ("a: 1\n---\nb: 2", 2, "one document"),
        ("a: [1, 2", 1, "this is not YAML"),
        ("a:\n\t- b", 2, "this is not YAML"),
        ("? [a, b]\n: c", 1, "a key is plain text"),
        ("a: \x07", 1, "not allow"),
        ("a: " + "[" * 30 + "]" * 30, 1, "nested deeper"),
        ("a: " + "[" * 100_000, 1, ""),
        ("a: " + "x" * 1_000_001, 1, "longer than"),
    ],
)
def test_what_could_hurt_is_refused_at_its_line(text: str, line: int, why: str) -> None:
    at, message = refused(text.encode())
    assert at == line
    assert why in message


def test_what_is_not_utf8_is_refused_at_its_line() -> None:
    assert refused("a: 1\nb: 点餐".encode("gbk")) == (2, "the file is not UTF-8")


def test_a_key_twice_is_a_mistake_with_both_lines() -> None:
    tree = read(b"clients:\n  - name: a\n    title: b\n    name: c")
    assert tree.wrong == [(("clients", 0, "name"), 4, "name stands here twice; first in line 2")]


def test_words_are_those_of_the_core_schema() -> None:
    text = "{a: no, b: 12:30, c: 2026-11-02, d: ~, e: true, f: 1e3, g: 0x10, h: '7', i: .5, j: 007}"
    assert read(text.encode()).value == {
        "a": "no",
        "b": "12:30",
        "c": "2026-11-02",
        "d": None,
        "e": True,
        "f": 1000.0,
        "g": "0x10",
        "h": "7",
        "i": 0.5,
        "j": 7,
    }


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "-" + "9" * 30])
def test_a_number_beyond_measure_is_a_mistake(number: str) -> None:
    ((_, _, why),) = read(f"a: {number}".encode()).wrong
    assert why == "this number is too large"


@pytest.mark.parametrize(
    ("odd", "place", "why"),
    [
        ("9" * 35, ".P2.above", "this number is too large"),
        ("1e400", ".P2.above", "this number is too large"),
        (".nan", ".P2.above", "write a number"),
        ('"a\\0b"', ".P2.above", "there is a control character in this text"),
        ("[" * 30 + "]" * 30, "", "this is nested deeper than 20 levels"),
    ],
)
def test_an_override_that_cannot_be_kept_is_a_mistake_with_file_and_line(
    tmp_path: Path, odd: str, place: str, why: str
) -> None:
    (tmp_path / "a.yml").write_text(
        f"clients:\n  - name: acme\n    title: A\n    overrides:\n"
        f"      host-load:\n        P2: {{above: {odd}}}\n"
    )
    found = load([DEFAULTS, tmp_path], environ=None)
    assert isinstance(found, Mistakes)
    field = f"clients[0].overrides.host-load{place}" if place else ""
    told = [(one.line, one.message) for one in found.mistakes if one.field == field]
    assert any(line == 6 and why in message for line, message in told), found.mistakes


def test_a_control_character_that_quotes_smuggle_in_is_a_mistake() -> None:
    ((place, line, _),) = read(b'a:\n  b: "x\\0y"').wrong
    assert (place, line) == (("a", "b"), 2)


@pytest.mark.parametrize("text", ["", "# nothing", "---", "\ufeffclients: []"])
def test_an_empty_file_says_nothing(text: str) -> None:
    assert read(text.encode()).wrong == []


def only_mistakes(raw: bytes, environ: dict[str, str] | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.yml").write_bytes(raw)
        found = load([DEFAULTS, Path(folder)], environ=environ)
        if isinstance(found, Mistakes):
            assert report(found.mistakes)
            assert all(mistake.line >= 1 and mistake.message for mistake in found.mistakes)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_good_file_with_something_cut_out_or_put_in_gives_mistakes_or_nothing(
    data: st.DataObject,
) -> None:
    text = data.draw(st.sampled_from(GOOD))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 40))
        put = data.draw(
            st.text(st.sampled_from("[]{}:,-&*!|>'\"#%@ \n\taP1~0.é火\x00"), max_size=6)
        )
        text = text[:start] + put + text[start + length :]
    only_mistakes(text.encode("utf-8", "replace"))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_mistakes_or_nothing(raw: bytes) -> None:
    only_mistakes(raw)


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "house", "admin", "5m", "99999y", "up", "Mon 09:00", "x" * 300, "("])
    | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside),
    max_leaves=6,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = [at] if at else []
    for key, part in inside:
        deeper = isinstance(part, dict | list)
        found += places(part, (*at, key)) if deeper else [(*at, key)]
    return found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_value_anywhere_in_a_good_file_gives_mistakes_or_nothing(data: st.DataObject) -> None:
    tree = yaml.safe_load(data.draw(st.sampled_from(GOOD)))
    *way, last = data.draw(st.sampled_from(places(tree)))
    inside = tree
    for part in way:
        inside = inside[part]
    inside[last] = data.draw(ODD)
    only_mistakes(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace"), {})
