"""What tells a series from the others, as far as there is room. Pure."""

from collections.abc import Collection, Iterable, Mapping

NAME = "__name__"
LABELS_SHOWN = 3


def telling(series: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Return the names of the labels in which some of these differ."""
    first: Mapping[str, str] | None = None
    found: set[str] = set()
    for labels in series:
        if first is None:
            first = labels
        found |= {name for name, _ in first.items() ^ labels.items()}
    return frozenset(found)


def where(labels: Mapping[str, str], names: Collection[str]) -> str:
    """Return the values of the labels that tell a series from others; of one alone all of them."""
    shown = [value for name, value in sorted(labels.items()) if name in names]
    alone = [value for name, value in sorted(labels.items()) if name != NAME]
    return " · ".join((shown or alone)[:LABELS_SHOWN]) or labels.get(NAME, "–")
