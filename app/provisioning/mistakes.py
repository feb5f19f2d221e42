"""What is wrong with a file, where, and in words that help."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from kit.plain import Place


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing to put right; `field` is a path such as thresholds[2].P1.for, "" for a file."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """Return it as one line that editors can jump to."""
        where = f" {self.field}:" if self.field else ""
        return f"{self.file}:{self.line}:{where} {self.message}"


@dataclass(frozen=True)
class Mistakes:
    """All that is wrong with some folders, in the order of files and lines."""

    mistakes: Sequence[Mistake]


def report(mistakes: Iterable[Mistake]) -> str:
    """Return all mistakes as lines, file by file, and how many there are."""
    lines = [str(mistake) for mistake in sorted(set(mistakes))]
    return "\n".join([*lines, f"{len(lines)} mistake{'s' if len(lines) != 1 else ''}"])


def written(place: Place) -> str:
    """Return a path as people write it: thresholds[2].P1.for."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


WORDS = {
    "string_type": "write text here; in quotes if it looks like a number",
    "bool_type": "write true or false",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "list_type": "write a list: [a, b]",
    "tuple_type": "write a list: [a, b]",
    "dict_type": "write a mapping: {name: value}",
    "model_type": "write a mapping: {name: value}",
    "model_attributes_type": "write a mapping: {name: value}",
    "time_delta_type": "write a duration: 90s, 15m, 1h30m",
    "time_delta_parsing": "write a duration: 90s, 15m, 1h30m",
    "missing": "this field is missing",
    "string_pattern_mismatch": "write a name of a-z, 0-9, '.', '_' and '-', at most 63 characters",
    "date_type": "write a date: 2026-11-02",
    "date_from_datetime_parsing": "write a date: 2026-11-02",
}


def mistakes_of(error: ValidationError, kind: type[BaseModel], raw: Any) -> list[tuple[Place, str]]:
    """Return what pydantic found as places inside `raw` and words for people."""
    found: dict[Place, str] = {}
    for one in error.errors(include_url=False, include_context=False):
        place = _place(one["loc"], raw, missing=one["type"] == "missing")
        found.setdefault(place, _words(one["type"], one["msg"], place, kind))
    return list(found.items())


def _place(loc: Sequence[str | int], raw: Any, *, missing: bool) -> Place:
    """Return those parts of `loc` that stand in the file; pydantic adds its own for unions."""
    place: list[str | int] = []
    inside = raw
    for part in loc:
        known = (isinstance(inside, dict) and part in inside) or (
            isinstance(inside, list) and isinstance(part, int) and part < len(inside)
        )
        if known:
            place.append(part)
            inside = inside[part]
    return (*place, loc[-1]) if missing else tuple(place)


def _words(kind: str, message: str, place: Place, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        return f"there is no such field{_meant(place, model)}"
    if kind in WORDS:
        return WORDS[kind]
    return message.removeprefix("Value error, ").removeprefix("Input ").replace("Input ", "it ")


def _meant(place: Place, model: type[BaseModel]) -> str:
    names = [field.alias or name for name, field in model.model_fields.items()]
    if len(place) != 1 or "origin" in place:
        return ""
    near = difflib.get_close_matches(str(place[-1]), names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}"
