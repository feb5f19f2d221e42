"""The rules of the house that no linter knows: sizes, names, and that our names are ours."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from kit.settings import ROOT

ROOMS = [
    *("app", "drills", "inspections", "projects", "collectors", "incidents"),
    *("alerting", "oncall", "notifications", "metrics", "access", "kit"),
]
BANNED = {"helper", "helpers", "util", "utils", "common", "misc", "service", "models", "manager"}
MEASURED = "# measured:"


def ours() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in found if path.exists()]


FILES = ours()
LIVING = [path for path in FILES if "versions" not in path.parts]


def functions(path: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    lines = path.read_text().splitlines()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            yield node, lines[first - 2].strip() if first > 1 else ""


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 30


@pytest.mark.parametrize("path", LIVING, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_keep_their_size(path: Path) -> None:
    most = 500 if path.is_relative_to(ROOT / "tests") else 400
    assert len(path.read_text().splitlines()) <= most

    for node, above in functions(path):
        length = (node.end_lineno or 0) - node.lineno + 1
        hot = path.is_relative_to(ROOT / "metrics") and above.startswith(MEASURED)
        assert length <= 60 or hot, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_has_a_name_that_says_nothing(path: Path) -> None:
    assert path.stem not in BANNED
    assert not set(path.stem.split("_")) & {"helper", "helpers", "util", "utils", "manager"}


def test_packages_of_tests_and_migrations_are_bare_folders() -> None:
    strays = [p for p in FILES if p.name == "__init__.py" and p.parts[len(ROOT.parts)] not in ROOMS]
    assert strays == []


@pytest.mark.parametrize("name", ROOMS)
def test_our_names_are_ours(name: str) -> None:
    assert name not in sys.stdlib_module_names
    assert set(packages_distributions().get(name, [])) <= {"langyan"}


def test_every_module_says_what_it_is_for() -> None:
    silent = [p for p in LIVING if not ast.get_docstring(ast.parse(p.read_text()))]
    assert [p for p in silent if p.parts[len(ROOT.parts)] != "alembic"] == []


def _passes_it_on(node: ast.ExceptHandler) -> bool:
    last = node.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_a_broad_except_stands_in_three_places_only() -> None:
    broad = set()
    for path in LIVING:
        if path.parts[len(ROOT.parts)] not in ROOMS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                name = getattr(node.type, "id", None)
                if _passes_it_on(node):
                    continue
                if node.type is None or name in ("Exception", "BaseException"):
                    broad.add(str(path.relative_to(ROOT)))
    assert broad <= {"kit/outbox.py", "app/scheduler.py", "notifications/sender.py"}
