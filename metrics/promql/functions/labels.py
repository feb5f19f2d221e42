"""Functions of labels: one label made from others."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from kit.errors import Invalid
from metrics.columns import NAME, Labels
from metrics.patterns import compiled
from metrics.promql.frames import Matrix, Relabelling, relabelled, relabelling
from metrics.promql.functions.arguments import Arguments, Functions
from metrics.promql.refusals import NotComputable

_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))", re.ASCII)


def _label_replace(given: Arguments) -> Matrix:
    into, written, of, pattern = (given.text(place) for place in range(1, 5))
    try:
        wanted = compiled(pattern)
    except Invalid:
        raise NotComputable(
            "invalid regular expression in label_replace(): {pattern}", pattern=pattern
        ) from None
    _check(into, given)

    def value(labels: Labels) -> str | None:
        groups = wanted.groups(_value(labels, of))
        return None if groups is None else _filled(written, groups)

    return _with_label(given, into, value)


def _label_join(given: Arguments) -> Matrix:
    into, between = given.text(1), given.text(2)
    sources = [given.text(place) for place in range(3, len(given.given))]
    for each in sources:
        if not each:
            raise NotComputable("invalid source label name in label_join(): {label}", label=each)
    _check(into, given)
    return _with_label(
        given, into, lambda labels: between.join(_value(labels, each) for each in sources)
    )


def _with_label(given: Arguments, into: str, value: Callable[[Labels], str | None]) -> Matrix:
    """Return the series with a label set to a value, unset for "", left alone for None."""
    vector, memory = given.vector(0), given.terms.memory

    def make() -> tuple[Relabelling, Sequence[bool]]:
        found = [value(labels) for labels in vector.labels]
        changed = [
            labels if new is None else with_label(labels, into, new)
            for labels, new in zip(vector.labels, found, strict=True)
        ]
        return relabelling(changed), [new is not None for new in found]

    new, touched = memory.recall((given.name, given.given[1:]), vector.labels, make=make)
    nameless = vector.nameless
    if into == NAME and nameless is not None:
        nameless = nameless & ~np.array(touched, np.bool_)  # it has been given a name of its own
    return relabelled(Matrix(vector.labels, vector.values, vector.present, nameless), new)


def with_label(labels: Labels, name: str, value: str) -> Labels:
    """Return labels with one set to a value, unset for ""."""
    others = [pair for pair in labels if pair[0] != name]
    return tuple(sorted([*others, (name, value)])) if value else tuple(others)


def _value(labels: Labels, name: str) -> str:
    return next((value for each, value in labels if each == name), "")


def _filled(written: str, groups: dict[str, str]) -> str:
    """Return a text with its $1, ${name} replaced as Go does; what is unknown is empty."""

    def told(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return groups.get(name, "") if name else "$"

    return _REFERENCE.sub(told, written)


def _check(label: str, given: Arguments) -> None:
    if not label:
        raise NotComputable(
            "invalid destination label name in {function}(): {label}",
            function=given.name,
            label=label,
        )


FUNCTIONS: Functions = {"label_join": _label_join, "label_replace": _label_replace}
