"""What a body of JSON may hold: no more than the database can keep and an answer can say again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.errors import Invalid, Said

DEEPEST = 20
BIGGEST = 2**63 - 1
NUL = frozenset("\0")

Place = tuple[str | int, ...]


def unkept(
    value: Any, place: Place = (), *, biggest: int = BIGGEST, control: frozenset[str] = NUL
) -> Iterator[tuple[Place, Said]]:
    """Yield where `value` holds what cannot be kept, and what that is.

    A whole number beyond `biggest`, one without end, a character of `control`, half a character,
    or one thing inside the other without end. A name that cannot be said is told at its mapping.
    """
    if len(place) > DEEPEST:
        yield place, Said("this is nested deeper than {most} levels", most=DEEPEST)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            if why := _wrong(name, biggest, control):
                yield place, why
            else:
                yield from unkept(part, (*place, name), biggest=biggest, control=control)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from unkept(part, (*place, number), biggest=biggest, control=control)
    elif why := _wrong(value, biggest, control):
        yield place, why


def _wrong(value: Any, biggest: int, control: frozenset[str]) -> Said | None:
    if isinstance(value, str):
        if not control.isdisjoint(value):
            return Said("there is a control character in this text")
        if not _whole(value):
            return Said("there is half a character in this text")
    elif isinstance(value, int):
        if not -biggest <= value <= biggest:
            return Said("this number is too large")
    elif isinstance(value, float) and not math.isfinite(value):
        return Said("this number is too large")
    return None


def _whole(text: str) -> bool:
    """Tell whether the text has no half of a surrogate pair, which UTF-8 cannot write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def dotted(place: Place) -> str:
    """Return a place as problems name it: overrides.disk.P1.above."""
    return ".".join(str(part) for part in place)


def misfit(wrong: Sequence[tuple[Place, str]]) -> Invalid:
    """Return the refusal of all these fields, each with what is wrong about it."""
    errors = [{"field": dotted(place), "reason": why} for place, why in wrong]
    field, why = errors[0].values()
    return Invalid(
        Said("{where}: {why}", where=field or "body", why=why), field=field, errors=errors
    )
