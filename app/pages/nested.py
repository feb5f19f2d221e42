"""Forms with lists in them: fields called `steps.0.wait` are the parts of the first step.

The number only tells rows apart; their order is that in which the form has them. Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Any

DEEPEST = 6
ADD, DROP, UP = "add", "drop", "up"
"""The buttons of a list: they send the name of the list, or of a row of it."""

Tree = dict[str, Any]


def grown(sent: Mapping[str, str]) -> Tree:
    """Return the fields as they are nested; what has numbers for names is a list."""
    found: Tree = {}
    for name, value in sent.items():
        *above, last = name.split(".")[:DEEPEST]
        if not all((*above, last)):  # no field of ours has a name with a hole in it
            continue
        place = found
        for part in above:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):  # no form of ours has a field below a field
                break
            place = inner
        else:
            place.setdefault(last, value)
    return {name: _listed(part) for name, part in found.items()}


def flat(tree: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields by their dotted names, the rows of lists numbered anew."""
    return dict(_leaves(tree, ""))


def pressed(sent: Mapping[str, str]) -> bool:
    """Tell whether a button of a list sent the form, and nothing is to be kept yet."""
    return any(name in sent for name in (ADD, DROP, UP))


def rearranged(sent: Mapping[str, str], blank: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the fields with a row more, without one, or with one moved up.

    `blank` has what a new row of a list begins with, by the last part of the list's name.
    """
    tree = grown({name: value for name, value in sent.items() if name not in (ADD, DROP, UP)})
    if name := sent.get(ADD):
        above, _, last = name.rpartition(".")
        place = _at(tree, above) if above else tree
        if isinstance(place, dict) and last in blank:
            rows = place.get(last)
            place[last] = [*(rows if isinstance(rows, list) else ()), dict(blank[last])]
    for button in (DROP, UP):
        above, _, number = sent.get(button, "").rpartition(".")
        rows, at = _at(tree, above), int(number) if number.isdecimal() else -1
        if isinstance(rows, list) and 0 <= at < len(rows):
            row = rows.pop(at)
            if button == UP:
                rows.insert(max(0, at - 1), row)
    return flat(tree)


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(part) for name, part in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return list(inner.values())
    return inner


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping | list):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for part, inner in parts:
            yield from _leaves(inner, f"{name}.{part}" if name else str(part))
    else:
        yield name, value


def _at(tree: Tree, name: str) -> Any:
    place: Any = tree
    for part in name.split("."):
        if isinstance(place, list) and part.isdecimal() and int(part) < len(place):
            place = place[int(part)]
        else:
            place = place.get(part) if isinstance(place, dict) else None
    return place
