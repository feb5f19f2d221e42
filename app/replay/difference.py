"""Two versions of a rule held together: what only one of them, and what both would have made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerting.course import Firing
from alerting.rehearsal import Would

Fired = tuple[Would, Firing]


@dataclass(frozen=True)
class Difference:
    """Alerts of the former version alone, of the new one alone, and of the new one in both."""

    only_before: list[Fired]
    only_now: list[Fired]
    both: list[Fired]


def difference(before: Sequence[Would], now: Sequence[Would]) -> Difference:
    """Match alerts that have the same labels and fired at a common time."""
    old, new = _by_labels(before), _by_labels(now)
    shared = {key: _matched(new[key], old.get(key, [])) for key in new}
    return Difference(
        [one for key, all_ in old.items() for one in _alone(all_, new.get(key, []))],
        [one for key, all_ in new.items() for one in _alone(all_, old.get(key, []))],
        [one for found in shared.values() for one in found],
    )


def _by_labels(found: Iterable[Would]) -> dict[tuple[tuple[str, str], ...], list[Fired]]:
    sorted_: dict[tuple[tuple[str, str], ...], list[Fired]] = {}
    for would in found:
        key = tuple(sorted(would.labels.items()))
        sorted_.setdefault(key, []).extend((would, firing) for firing in would.firings)
    return sorted_


def _matched(some: Sequence[Fired], others: Sequence[Fired]) -> list[Fired]:
    return [one for one in some if any(_meet(one[1], other[1]) for other in others)]


def _alone(some: Sequence[Fired], others: Sequence[Fired]) -> list[Fired]:
    return [one for one in some if not any(_meet(one[1], other[1]) for other in others)]


def _meet(one: Firing, other: Firing) -> bool:
    begun = other.until is None or one.since < other.until
    return begun and (one.until is None or other.since < one.until)
