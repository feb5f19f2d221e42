"""A threshold as fields of a form, and back. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from alerting.lifecycle import Priority, Test
from app.pages.admin.desks import text, words
from app.pages.nested import Tree

LEVELS = (*(priority.value for priority in Priority), "recover")
CORE = {"": None, "true": True, "false": False}


def said(tree: Tree) -> dict[str, Any]:
    """Return what the fields say, as a file writes it."""
    names = ("name", "expr", "unit")
    found: dict[str, Any] = {name: text(tree, name) for name in names if name in tree}
    title = tree.get("title")
    if isinstance(title, dict):
        found["title"] = _title(title)
    for name in LEVELS:
        part = tree.get(name)
        found[name] = _level(part) if isinstance(part, dict) else None
    absent = tree.get("absent")
    found["absent"] = _absent(absent) if isinstance(absent, dict) else None
    return {
        **found,
        "core": CORE.get(text(tree, "core")),
        "clients": words(tree.get("clients")) or None,
        "systems": words(tree.get("systems")) or None,
        "escalation": text(tree, "escalation") or None,
    }


def _title(title: Mapping[str, Any]) -> dict[str, str]:
    """Return the title in both languages; one that is left empty is as the other."""
    zh, en = text(title, "zh"), text(title, "en")
    return {"zh": zh or en, "en": en or zh}


def _level(part: Tree) -> dict[str, Any] | None:
    """Return one level; without a limit it is not used."""
    test, limit, held = text(part, "test"), text(part, "limit"), text(part, "for")
    if test not in set(Test) or (not limit and test != Test.PRESENT):
        return None
    level: dict[str, Any] = {test: True if test == Test.PRESENT else limit}
    return {**level, "for": held} if held else level


def _absent(part: Tree) -> dict[str, Any] | None:
    priority, held = text(part, "priority"), text(part, "for")
    return {"priority": priority, "for": held or "0s"} if priority else None


def fields(written: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a threshold that stands."""
    title = written["title"]
    return {
        "title.zh": title.get("zh", ""),
        "title.en": title.get("en", ""),
        "expr": written["expr"],
        "unit": written["unit"],
        "core": next(word for word, core in CORE.items() if core is written["core"]),
        "clients": " ".join(written["clients"] or ()),
        "systems": " ".join(written["systems"] or ()),
        "escalation": written["escalation"] or "",
        **dict(levels(written)),
    }


def levels(written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a ladder that stands."""
    for name in LEVELS:
        level = written.get(name) or {}
        test = next((test.value for test in Test if test.value in level), "")
        limit = level.get(test)
        yield f"{name}.test", test
        yield f"{name}.limit", "" if limit is None or limit is True else _number(limit)
        held = level.get("for", "")
        yield f"{name}.for", "" if held == "0s" else held
    absent = written.get("absent") or {}
    yield "absent.priority", absent.get("priority", "")
    yield "absent.for", absent.get("for", "")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
