"""Samples that may change something, in columns, and told in order as the story of each watch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats, Ints

Told = tuple[float, int, int]
"""One sample: its value, its time and the time of its arrival, both in ms."""

MOST = 200_000
"""Samples that wait in one lane before only the newest of each watch is kept."""


@dataclass(frozen=True)
class News:
    """Whose, when, what, and when it reached us (ms)."""

    watches: NDArray[np.int32]
    times: Ints
    values: Floats
    arrived: Ints

    def __len__(self) -> int:
        return len(self.watches)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "News":
        """Return the part of it that is chosen."""
        return News(
            self.watches[chosen], self.times[chosen], self.values[chosen], self.arrived[chosen]
        )


NOTHING = News(
    np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.int64)
)


def joined(news: Sequence[News]) -> News:
    """Return all of it as one."""
    if len(news) < 2:
        return news[0] if news else NOTHING
    return News(
        np.concatenate([each.watches for each in news]),
        np.concatenate([each.times for each in news]),
        np.concatenate([each.values for each in news]),
        np.concatenate([each.arrived for each in news]),
    )


def bounded(news: Sequence[News], most: int = MOST) -> News:
    """Return all of it as one; when it is too much, only the newest of each watch."""
    whole = joined(news)
    if len(whole) <= most:
        return whole
    order = np.lexsort((whole.times, whole.watches))
    changes = np.flatnonzero(np.diff(whole.watches[order]))
    return whole.only(order[np.append(changes, len(order) - 1)])


class Stories:
    """The samples of each watch, in the order of their times."""

    def __init__(self, news: News) -> None:
        order = np.lexsort((news.times, news.watches))  # stable: what came later stands later
        ordered = news.watches[order]
        self._watches: list[int] = ordered.tolist()
        self._told: list[Told] = list(
            zip(
                news.values[order].tolist(),
                news.times[order].tolist(),
                news.arrived[order].tolist(),
                strict=True,
            )
        )
        changes = np.flatnonzero(np.diff(ordered)) + 1
        self._starts: list[int] = [0, *changes.tolist(), len(ordered)] if len(ordered) else [0]

    def __len__(self) -> int:
        return len(self._watches)

    def shares(self, places: NDArray[np.int32], most: int) -> list[list[int]]:
        """Return the numbers of the stories, in shares of about `most`, each place in one only.

        `places` has the place of every watch; without a story there is no share.
        """
        starts = np.array(self._starts[:-1], np.intp)
        if len(starts) <= most:
            return [list(range(len(starts)))] if len(starts) else []
        of_story = places[np.array(self._watches, np.intp)[starts]]
        order = np.argsort(of_story, kind="stable")
        begins = np.flatnonzero(np.diff(of_story[order], prepend=-1))
        shares: list[list[int]] = [[]]
        for theirs in np.split(order, begins[1:]):
            if shares[-1] and len(shares[-1]) + len(theirs) > most:
                shares.append([])
            shares[-1] += theirs.tolist()
        return shares

    def each(self, numbers: Iterable[int]) -> Iterator[tuple[int, list[Told]]]:
        """Yield the watch of each of these stories with all of it."""
        for number in numbers:
            start, end = self._starts[number], self._starts[number + 1]
            yield self._watches[start], self._told[start:end]

    def newest(self) -> Iterator[tuple[int, Told]]:
        """Yield each watch with the last of its story."""
        for end in self._starts[1:]:
            yield self._watches[end - 1], self._told[end - 1]
