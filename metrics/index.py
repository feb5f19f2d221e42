"""Which series match: an inverted index from label values to series."""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from metrics.batch import Refs
from metrics.columns import Labels
from metrics.labels import CLIENT
from metrics.matchers import Matcher

Mask = npt.NDArray[np.bool_]


class Index:
    """For each label name and value the refs that carry it, ascending."""

    def __init__(self) -> None:
        self._refs: dict[str, dict[str, array[int]]] = {}
        self._size = 0
        self._gone = np.empty(0, np.int32)

    def add(self, ref: int, labels: Labels) -> None:
        """Enter a series; refs come in ascending order."""
        for name, value in labels:
            values = self._refs.setdefault(name, {})
            found = values.get(value)
            if found is None:
                values[value] = array("i", (ref,))
            else:
                found.append(ref)
        self._size = ref + 1

    def select(self, matchers: Sequence[Matcher]) -> Refs:
        """Return the refs of all series on which every matcher holds, ascending."""
        found = np.ones(self._size, np.bool_)
        for matcher in sorted(matchers, key=lambda one: one.only is None):
            found &= self._mask(matcher)
            if not found.any():
                break
        found[self._gone] = False
        return np.flatnonzero(found).astype(np.int32)

    def remove(self, refs: Refs) -> None:
        """Let these series match nothing any more; nobody else gets their refs."""
        self._gone = np.union1d(self._gone, refs).astype(np.int32)

    def values(
        self, name: str, text: str, *, limit: int, clients: Iterable[str] | None = None
    ) -> list[str]:
        """Return up to `limit` values of a label with `text` in them, of these clients' series.

        It may be asked from another thread while series are added.
        """
        known = self._refs.get(CLIENT, {})
        of = [known[client] for client in clients or () if client in known]
        own = None
        if clients is not None or len(self._gone):
            own = np.ones(self._size, np.bool_) if clients is None else self._union(of)
            own[self._gone] = False
        wanted, found = text.lower(), []
        for value, refs in list(self._refs.get(name, {}).items()):
            if wanted in value.lower() and (own is None or any(own[ref] for ref in list(refs))):
                found.append(value)
            if len(found) >= limit:
                break
        return found

    def _mask(self, matcher: Matcher) -> Mask:
        values = self._refs.get(matcher.name, {})
        if matcher.holds(""):
            # a series without the label passes: strike out those whose value does not
            return ~self._union(
                [refs for value, refs in values.items() if not matcher.holds(value)]
            )
        if matcher.only is not None:
            return self._union([values[value] for value in matcher.only if value in values])
        return self._union([refs for value, refs in values.items() if matcher.holds(value)])

    def _union(self, lists: Sequence["array[int]"]) -> Mask:
        mask = np.zeros(self._size, np.bool_)
        for refs in lists:
            mask[np.frombuffer(refs, np.int32)] = True
        return mask
