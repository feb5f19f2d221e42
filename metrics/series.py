"""The series we know: labels to refs and back, whose they are, and their ids in the database."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from kit.errors import Invalid
from metrics.batch import Ints, Refs
from metrics.columns import Labels
from metrics.index import Index
from metrics.labels import CLIENT, Limits
from metrics.matchers import Matcher

UNSTORED = -1
REMEMBERED = 10
"""Times the limit of written series that a client may have in the index, quiet ones included."""

SELECTIONS = 500

Learned = Callable[[list[int]], None]


class Registry:
    """Refs count up from 0 and live as long as the process; ids are the database's."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.labels: list[Labels] = []
        self.clients: list[str] = []
        self.ids: list[int] = []
        self.index = Index()
        self._refs: dict[Labels, int] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._counts: dict[str, int] = {}
        self._fresh: list[int] = []
        self._listeners: list[Learned] = []
        self._selections: dict[tuple[Matcher, ...], tuple[Refs, list[Labels], int]] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def on_series(self, callback: Learned) -> None:
        """Have `callback` told the refs of new series, before their first samples."""
        self._listeners.append(callback)

    def find(self, labels: Labels) -> int | None:
        """Return the ref of canonical labels if the series is known."""
        return self._refs.get(labels)

    def ref(self, labels: Labels) -> int:
        """Return the ref of canonical labels, a new one if the series is new."""
        known = self._refs.get(labels)
        if known is not None:
            return known
        client = next(value for name, value in labels if name == CLIENT)
        if self._counts.get(client, 0) >= self.limits.series * REMEMBERED:
            raise Invalid(f"client {client} has too many series", field="labels")
        return self.add(labels, client, UNSTORED)

    def add(self, labels: Labels, client: str, stored_as: int) -> int:
        """Enter a series that is not known yet."""
        ref = len(self.labels)
        shared = tuple(self._pairs.setdefault(pair, pair) for pair in labels)
        self.labels.append(shared)
        self.clients.append(client)
        self.ids.append(stored_as)
        self._refs[shared] = ref
        self._counts[client] = self._counts.get(client, 0) + 1
        self.index.add(ref, shared)
        self._fresh.append(ref)
        return ref

    def selected(self, matchers: Sequence[Matcher]) -> tuple[Refs, list[Labels]]:
        """Return refs and labels of matching series; the same objects until a series is added."""
        key, size = tuple(matchers), len(self.labels)
        known = self._selections.get(key)
        if known is None or known[2] != size:
            if len(self._selections) >= SELECTIONS:
                self._selections.clear()
            refs = self.index.select(matchers)
            refs.flags.writeable = False
            known = self._selections[key] = (refs, self.labels_of(refs), size)
        return known[0], known[1]

    def labels_of(self, refs: Refs) -> list[Labels]:
        """Return the labels of these series."""
        return [self.labels[ref] for ref in refs.tolist()]

    def announce(self) -> None:
        """Tell the listeners which series are new since the last time."""
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            for callback in self._listeners:
                callback(fresh)

    def unstored(self, refs: Iterable[int]) -> list[int]:
        """Return those of `refs` that the database has not seen."""
        return [ref for ref in refs if self.ids[ref] == UNSTORED]

    def ids_of(self, refs: Iterable[int]) -> Ints:
        """Return the database's ids of these series."""
        return np.fromiter((self.ids[ref] for ref in refs), np.int64)
