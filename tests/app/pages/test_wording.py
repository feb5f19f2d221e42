"""Words that the program itself asks for are in the catalogue."""

import re

import pytest

from app.pages.wording import failure, reading, step_title
from kit.i18n import Locale, catalogue
from kit.settings import ROOT

ASKED = re.compile(r'\bt\(\s*f?"([a-z_]+\.[A-Za-z0-9_.{}]+)"')


def test_every_text_that_code_asks_for_exists() -> None:
    known = catalogue(Locale.EN)
    asked = {
        key
        for room in ("app", "access", "kit", "incidents")
        for path in (ROOT / room).rglob("*.py")
        for key in ASKED.findall(path.read_text("utf-8"))
    }

    assert len(asked) > 15
    for key in asked:
        pattern = re.sub(r"\\\{[^}]*\\\}", r"\\w+", re.escape(key))
        assert any(re.fullmatch(pattern, name) for name in known), key


@pytest.mark.parametrize(
    ("label", "english", "chinese"),
    [
        ("0.0", "step 1", "第 1 步"),
        ("0.1", "step 2", "第 2 步"),
        ("2.1", "step 2, round 3", "第 3 轮第 2 步"),
        ("odd", "odd", "odd"),
    ],
)
def test_steps_are_counted_from_one(label: str, english: str, chinese: str) -> None:
    assert step_title(label, "en") == english
    assert step_title(label, "zh-CN") == chinese


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (97.4, "percent", "97.4%"),
        (749, "", "749"),
        (0, "", None),
        (1, "", None),
        (None, "ms", None),
    ],
)
def test_a_bare_yes_or_no_is_no_reading(value: float | None, unit: str, said: str | None) -> None:
    assert reading(value, unit, "en") == said


def test_a_failure_says_how_it_ended_and_what_was_answered() -> None:
    assert failure("refused", 404, "gone", "en") == "refused (404 gone)"
    assert failure("try_again", None, "", "zh-CN") == "没有应答"
    assert failure("exploded", None, "", "en") == "exploded"
