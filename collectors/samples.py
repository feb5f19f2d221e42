"""What a fetch brings home: samples in the terms of the exposition format. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from struct import unpack

RESERVED = frozenset({"client", "drill", "system"})
STALE: float = unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]
"""The NaN with which Prometheus says that a series has ended."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series; `at_ms` None means the moment of the fetch."""

    labels: Labels
    value: float
    at_ms: int | None = None


def labelled(name: str, labels: Mapping[str, str]) -> Labels:
    """Return the labels of a series called `name`, sorted; empty values say nothing."""
    return tuple(sorted((k, v) for k, v in {**labels, "__name__": name}.items() if v))


def stamped(name: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> Labels:
    """Return a target's labels under ours; what clashes or is reserved becomes exported_…."""
    kept = {
        f"exported_{k}" if k in ours or k in RESERVED else k: v
        for k, v in theirs.items()
        if k != "__name__"
    }
    return labelled(name, {**kept, **ours})


def ended(before: Iterable[Labels], now: Iterable[Labels]) -> list[Sample]:
    """Return a stale marker for each series that was there before and is not now."""
    return [Sample(labels, STALE) for labels in sorted(set(before) - set(now))]


@dataclass(frozen=True)
class Look:
    """What came of asking a target once; `why`: what is wrong with its answer, "" if nothing."""

    seconds: float
    status: int | None
    samples: Sequence[Sample] = ()
    why: str = ""

    @property
    def good(self) -> bool:
        """Tell whether the target is up."""
        return not self.why
