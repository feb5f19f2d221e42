"""Whatever we refuse with can be said in every language that we speak."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple, get_args

import pytest
from pydantic_core import core_schema

from kit.i18n import PLACE, Locale, sayings
from kit.settings import ROOT
from tests.support.refusals import KINDS, ROOMS

IN_ENGLISH = (
    *(
        "metrics/ports/",
        "metrics/pushed/",
        "metrics/labels.py",
        "metrics/series.py",
        "metrics/journal.py",
    ),
    *("metrics/ownership.py", "collectors/", "app/backup/", "app/provisioning/applying.py"),
    "app/rekeying.py",
    *("kit/errors.py", "kit/i18n.py"),
)
"""What only senders of samples and whoever starts the program read; and the translation itself."""
HANDED_ON = {"detail", "wrong"}
"""Names under which words that stand in constants elsewhere come to a refusal."""
OURS = sayings(Locale.ZH)
PLACES = re.compile(r"\{(\w+)(?:!r|:word)?\}")


class Spoken(NamedTuple):
    """Words in the code that a person may read."""

    where: str
    words: str | None  # None: they are put together there and then


def test_every_kind_of_refusal_has_a_title_in_chinese() -> None:
    assert {kind.slug for kind in KINDS} == set(OURS.titles)


def test_refusals_are_patterns_with_facts() -> None:
    assert [one.where for one in SPOKEN if one.words is None] == []


def test_every_refusal_can_be_said_in_chinese() -> None:
    missing = {one.words: one.where for one in SPOKEN if one.words and one.words not in OURS.said}

    assert missing == {}


def test_no_translation_is_of_words_that_nobody_says() -> None:
    said = {one.words for one in SPOKEN} | set(get_args(core_schema.ErrorType))

    assert [words for words in OURS.said if words not in said] == []


@pytest.mark.parametrize(("english", "chinese"), OURS.said.items())
def test_a_translation_has_the_facts_of_the_original(english: str, chinese: str) -> None:
    facts = set(PLACES.findall(chinese))

    assert facts == set(PLACES.findall(english)) or english in get_args(core_schema.ErrorType)
    assert len(PLACE.findall(chinese)) == chinese.count("{")


def _spoken() -> Iterator[Spoken]:
    kinds = {kind.__name__ for kind in KINDS}
    for path, tree in _trees():
        constants = _constants(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
            name, said = _name(call), call.args[0]
            wrong = name == "ValueError" and path.endswith("schemas.py") and _name(said) != "Said"
            if name in kinds or wrong or (name == "Said" and isinstance(said, ast.Constant)):
                yield from _words(f"{path}:{call.lineno}", said, constants)


def _name(node: ast.expr) -> str:
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def _words(where: str, said: ast.expr, constants: dict[str, str]) -> Iterator[Spoken]:
    if isinstance(said, ast.Constant):
        yield Spoken(where, str(said.value))
    elif isinstance(said, ast.Name) and said.id in constants:
        yield Spoken(where, constants[said.id])
    elif _name(said) != "Said" and ast.unparse(said) not in HANDED_ON:
        yield Spoken(where, None)


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(IN_ENGLISH):
                yield name, ast.parse(path.read_text("utf-8"))


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


SPOKEN = list(_spoken())
