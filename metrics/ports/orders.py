"""Series in the order in which they once came, by the numbers of their labels.

A sender of remote write 2.0 writes its series in the same order again and again, and cuts them
anywhere; with each cut the table of symbols is another, but the numbers are the same. So runs of
series are compared at once, instead of being looked up one by one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metrics.batch import Ints, Refs
from metrics.growing import grown

MOST = 8_000_000
"""Numbers that are remembered, four bytes each."""
RUNS = 32
"""Runs in one request after which its series are looked up, and remembered anew."""
STEP = 4096
NONE = -1


@dataclass(frozen=True)
class Order:
    """Some series: `cuts` is where in `flat` each begins, and where the last ends."""

    flat: Refs
    cuts: Ints
    refs: Refs

    def key(self, place: int) -> bytes:
        """Return the numbers of one series as bytes."""
        return self.flat[self.cuts[place] : self.cuts[place + 1]].tobytes()


class Orders:
    """The orders of one tenant; each series is looked for in the newest that holds it."""

    def __init__(self) -> None:
        self._held = 0
        self._number = 0
        self._all: dict[int, Order] = {}
        self._order_of = np.empty(0, np.int64)  # by ref
        self._place_of = np.empty(0, np.int64)

    def remember(self, order: Order) -> None:
        """Look for its series there from now on."""
        needed = int(order.refs.max(initial=-1)) + 1
        if needed > len(self._order_of):
            grown(self._order_of, needed + STEP, NONE)
            grown(self._place_of, needed + STEP)
        self._number += 1
        self._all[self._number] = order
        self._order_of[order.refs] = self._number
        self._place_of[order.refs] = np.arange(len(order.refs))
        self._held += len(order.flat)
        while self._held > MOST:
            oldest = next(iter(self._all))
            self._held -= len(self._all.pop(oldest).flat)

    def read(self, flat: Refs, cuts: Ints, keys: Mapping[bytes, int]) -> Refs | None:
        """Return the refs of series given by their numbers if they are few runs of known ones."""
        found = np.empty(len(cuts) - 1, np.int32)
        at = runs = 0
        while at < len(found):
            ref = keys[flat[cuts[at] : cuts[at + 1]].tobytes()]
            runs += 1
            if ref == NONE or runs > RUNS:
                return None
            known = self._all.get(int(self._order_of[ref])) if self._knows(ref) else None
            if known is None:
                found[at] = ref
                at += 1
                continue
            place = int(self._place_of[ref])
            alike = _alike((flat, cuts, at), known, place)
            found[at : at + alike] = known.refs[place : place + alike]
            at += alike
        return found

    def _knows(self, ref: int) -> bool:
        return ref < len(self._order_of)


def _alike(given: tuple[Refs, Ints, int], known: Order, place: int) -> int:
    """Return how many series repeat the known ones from a place on; the first does."""
    flat, cuts, at = given
    most = min(len(cuts) - 1 - at, len(known.refs) - place)
    theirs, ours = cuts[at : at + most + 1], known.cuts[place : place + most + 1]
    shift = int(ours[0] - theirs[0])
    moved = np.flatnonzero(ours - theirs != shift)
    if len(moved):  # a series with more or fewer labels
        most = int(moved[0]) - 1
    mine = flat[cuts[at] : cuts[at + most]]
    other = known.flat[known.cuts[place] : known.cuts[place + most]]
    differs = mine != other
    first = int(differs.argmax()) if len(differs) else 0
    if len(differs) and differs[first]:
        most = int(np.searchsorted(cuts, cuts[at] + first, "right")) - 1 - at
    return max(most, 1)
