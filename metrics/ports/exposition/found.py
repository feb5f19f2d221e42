"""What was read of an exposition: samples, and the kinds of the families they belong to. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kit.errors import Invalid
from metrics.described import KINDS, About

SUFFIXES = {
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "summary": ("_sum", "_count", "_created"),
    "counter": ("_total", "_created"),
    "info": ("_info",),
}
"""What the names of a family's samples may end in, by its kind."""

MOST = 50_000
"""Samples that are read of one exposition, unless told otherwise."""

Labels = tuple[tuple[str, str], ...]


class Head(NamedTuple):
    """The name of a sample and its labels, in the order in which they were written."""

    name: str
    labels: Labels


class Found(NamedTuple):
    """One sample; `at` in milliseconds, None for now."""

    head: Head
    value: float
    at: int | None


@dataclass
class Exposition:
    """Everything that was said at once."""

    samples: list[Found] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def told(self) -> Iterator[tuple[str, About]]:
        """Yield what was said about each family."""
        for name, kind in self.kinds.items():
            shown = KINDS[0] if kind == "untyped" else kind
            yield name, About(shown, self.helps.get(name, ""), self.units.get(name, ""))

    def room(self, most: int) -> None:
        """Refuse one sample more than `most`."""
        if len(self.samples) >= most:
            raise Invalid(f"more than {most} samples")

    def family(self, name: str) -> str:
        """Return the family that a sample of this name belongs to."""
        if name in self.kinds:
            return name
        stem, underscore, suffix = name.rpartition("_")
        kind = self.kinds.get(stem)
        of_it = kind is not None and underscore + suffix in SUFFIXES.get(kind, ())
        return stem if of_it else name
