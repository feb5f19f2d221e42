"""The series we know: labels to refs and back, whose they are, and their ids in the database."""

from collections import Counter
from collections.abc import Callable, Sequence
from sys import intern

import numpy as np

from kit.errors import Invalid
from metrics.batch import Ints, Refs
from metrics.columns import Labels
from metrics.described import Described
from metrics.growing import grown
from metrics.index import Index
from metrics.labels import CLIENT, Limits
from metrics.matchers import Matcher, all_hold

UNSTORED = -1
REMEMBERED = 10
"""Times the limit of written series that a client may have in the index, quiet ones included."""

SELECTIONS = 5000
WALKED = 500
"""New series up to which a selection is brought up to date instead of made anew."""
STEP = 4096

Learned = Callable[[list[int]], None]


class Registry:
    """Refs count up from 0 and live as long as the process; ids are the database's.

    `reserve` is told how many refs there are before anybody else can see the newest.
    """

    def __init__(
        self, limits: Limits, *, reserve: Callable[[int], None] = lambda count: None
    ) -> None:
        self.limits = limits
        self.bounded = False  # the journal's series are taken, however many
        self._reserve = reserve
        self.labels: list[Labels] = []
        self.clients: list[str] = []
        self._ids = np.empty(0, np.int64)
        self.index = Index()
        self.described = Described()
        self._refs: dict[Labels, int] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._counts: dict[str, int] = {}
        self.active: Counter[str] = Counter()  # by client, how many series are written to
        self._fresh: list[int] = []
        self._listeners: list[Learned] = []
        self._selections: dict[tuple[Matcher, ...], tuple[Refs, list[Labels], int]] = {}
        self._lists: dict[int, tuple[Refs, list[Labels]]] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def on_series(self, callback: Learned) -> None:
        """Have `callback` told the refs of new series, before their first samples."""
        self._listeners.append(callback)

    def vouched(self, pair: tuple[str, str]) -> bool:
        """Tell whether a known series has this very label: it needs no second look."""
        return pair in self._pairs

    def ref(self, labels: Labels) -> int:
        """Return the ref of canonical labels, a new one if the series is new."""
        known = self._refs.get(labels)
        if known is not None:
            return known
        client = next(value for name, value in labels if name == CLIENT)
        if self.bounded and self._counts.get(client, 0) >= self.limits.series * REMEMBERED:
            raise Invalid(self.crowded(client, REMEMBERED), field="labels")
        return self.add(labels, client, UNSTORED)

    def crowded(self, client: str, times: int = 1) -> str:
        """Return why a client gets no further series: it has so many `times` as it may write to."""
        most, quiet = self.limits.series * times, ", quiet ones included" if times > 1 else ""
        return f"client {client} has {most} series{quiet}, as many as one may have"

    def add(self, labels: Labels, client: str, stored_as: int) -> int:
        """Enter a series that is not known yet."""
        ref = len(self.labels)
        self._reserve(ref + 1)
        if ref == len(self._ids):
            grown(self._ids, ref + STEP)
        shared = tuple(self._pairs.setdefault(pair, pair) for pair in labels)
        self.labels.append(shared)
        self.clients.append(intern(client))
        self._ids[ref] = stored_as
        self._refs[shared] = ref
        self._counts[client] = self._counts.get(client, 0) + 1
        self.index.add(ref, shared)
        self._fresh.append(ref)
        return ref

    def remove(self, refs: Refs) -> None:
        """Forget these series: the same labels are another series from now on."""
        for ref in refs.tolist():
            del self._refs[self.labels[ref]]
            self._counts[self.clients[ref]] -= 1
        self._ids[refs] = UNSTORED
        self.index.remove(refs)
        self._selections.clear()
        self._lists.clear()

    def selected(self, matchers: Sequence[Matcher]) -> tuple[Refs, list[Labels]]:
        """Return refs and labels of matching series; the same objects until one more matches."""
        key, size = tuple(matchers), len(self.labels)
        known = self._selections.get(key)
        if known is None or size - known[2] > WALKED:
            refs = self.index.select(matchers)
        elif size > known[2]:
            new = [ref for ref in range(known[2], size) if self._matches(ref, matchers)]
            refs = np.append(known[0], np.array(new, np.int32)) if new else known[0]
        else:
            return known[0], known[1]
        if known is None or refs is not known[0]:
            if known is not None:
                self._lists.pop(id(known[0]), None)
            refs.flags.writeable = False
            known = (refs, [self.labels[ref] for ref in refs.tolist()], size)
        if len(self._selections) >= SELECTIONS:
            self._selections.clear()
            self._lists.clear()
        self._selections[key] = (known[0], known[1], size)
        self._lists[id(known[0])] = (known[0], known[1])
        return known[0], known[1]

    def _matches(self, ref: int, matchers: Sequence[Matcher]) -> bool:
        return all_hold(matchers, dict(self.labels[ref]))

    def labels_of(self, refs: Refs) -> list[Labels]:
        """Return the labels of these series; for refs of a selection always the same list."""
        known = self._lists.get(id(refs))
        if known is not None and known[0] is refs:
            return known[1]
        return [self.labels[ref] for ref in refs.tolist()]

    def announce(self) -> None:
        """Tell the listeners which series are new since the last time."""
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            for callback in self._listeners:
                callback(fresh)

    def ids_of(self, refs: Refs) -> Ints:
        """Return the database's ids of these series, UNSTORED for those it has not seen."""
        ids: Ints = self._ids[refs]
        return ids

    def stored(self, refs: Refs, ids: Ints) -> None:
        """Note the database's ids of series that it has just taken."""
        self._ids[refs] = ids
