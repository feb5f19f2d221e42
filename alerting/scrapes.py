"""Which of an expression's samples belong together: half a scrape makes no false ratio. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from metrics.batch import Ints
from metrics.columns import NAME, Columns, Labels

UNKNOWN_STEP = 60_000
MISSED = 1.5
"""Steps without a sample after which a series is no longer waited for."""


class Kinds:
    """For each selector a number for each series; equal numbers wait for each other.

    They are told apart by the labels that the series of every selector have.
    """

    def __init__(self, selectors: int) -> None:
        self.numbers: list[Ints] = [np.empty(0, np.int64) for _ in range(selectors)]
        self._names: list[set[str]] = [set() for _ in range(selectors)]
        self._shared: list[str] = []
        self._known: dict[tuple[str, ...], int] = {}

    def extend(self, inputs: Sequence[Sequence[Labels]]) -> None:
        """Take in the series that each selector has now; those known keep their places."""
        for names, series, done in zip(self._names, inputs, self.numbers, strict=True):
            for labels in series[len(done) :]:
                names.update(name for name, _ in labels)
        shared = sorted(set.intersection(*self._names) - {NAME}) if self._names else []
        if shared != self._shared:
            self._shared, self._known = shared, {}
            self.numbers = [np.empty(0, np.int64) for _ in inputs]
        for place, series in enumerate(inputs):
            new = [self._number(dict(labels)) for labels in series[len(self.numbers[place]) :]]
            self.numbers[place] = np.append(self.numbers[place], np.array(new, np.int64))

    def _number(self, labels: Mapping[str, str]) -> int:
        told_by = tuple(labels.get(name, "") for name in self._shared)
        return self._known.setdefault(told_by, len(self._known))


def whole(inputs: Sequence[Columns], numbers: Sequence[Ints]) -> list[Columns]:
    """Return the samples up to where all of those that wait for each other have come."""
    newest = [_last(columns, 1) for columns in inputs]
    latest = _latest(newest, numbers)
    if _level(newest, numbers, latest):
        return list(inputs)
    upto = latest.copy()
    for columns, times, number in zip(inputs, newest, numbers, strict=True):
        before = _last(columns, 2)
        step = np.where(before >= 0, (times - before) * MISSED, UNKNOWN_STEP)
        awaited = (times >= 0) & (latest[number] - times <= step)
        np.minimum.at(upto, number[awaited], times[awaited])
    return [until(columns, upto[number]) for columns, number in zip(inputs, numbers, strict=True)]


def together(newest: Sequence[Ints], numbers: Sequence[Ints]) -> bool:
    """Tell of the newest times (-1 for none) whether nobody waits for anybody."""
    return _level(newest, numbers, _latest(newest, numbers))


def _latest(newest: Sequence[Ints], numbers: Sequence[Ints]) -> Ints:
    count = max((int(each.max(initial=-1)) for each in numbers), default=-1) + 1
    latest = np.full(count, -1, np.int64)
    for times, number in zip(newest, numbers, strict=True):
        np.maximum.at(latest, number, times)
    return latest


def _level(newest: Sequence[Ints], numbers: Sequence[Ints], latest: Ints) -> bool:
    pairs = zip(newest, numbers, strict=True)
    return all(bool(((latest[n] == times) | (times < 0)).all()) for times, n in pairs)


def _last(columns: Columns, from_the_end: int) -> Ints:
    """Return the time of each series' last (second to last, …) sample, -1 for none."""
    found = np.full(len(columns.labels), -1, np.int64)
    enough = np.diff(columns.starts) >= from_the_end
    found[enough] = columns.times[columns.starts[1:][enough] - from_the_end]
    return found


def until(columns: Columns, upto: Ints) -> Columns:
    """Return of each series the samples up to its moment."""
    counts = np.diff(columns.starts)
    kept = columns.times <= np.repeat(upto, counts)
    if kept.all():
        return columns
    before = np.concatenate([[0], np.cumsum(kept)])
    starts = before[columns.starts].astype(np.int64)
    return replace(columns, starts=starts, times=columns.times[kept], values=columns.values[kept])
