"""What the rules watch, in columns: which rule reads which series, and what is remembered of it.

Memory is a cache of the alert rows; it moves only after a transaction has committed.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import orjson
from numpy.typing import NDArray

from alerting.lifecycle import START, Phase, State, due_at
from alerting.limits import NOWHERE, uneventful
from alerting.rules_index import RulesIndex, Said
from alerting.schemas import Key, Observation, Terms
from kit.clock import milliseconds
from metrics.batch import Floats, Ints
from metrics.columns import NAME, Labels
from metrics.growing import grown
from metrics.promql.tree import Selector

Watched = NDArray[np.int32]
LEAST = 1024
NEVER = np.inf
NO_SERIES = -1

LabelsOf = Callable[[int], Labels]
Reads = Callable[[int, Selector, int], None]
Annotate = Callable[[int, float | None, int], Mapping[str, str] | None]
"""What a rule says of a watch at a value and a moment."""


@dataclass(frozen=True)
class Remembered:
    """An alert as its row has it."""

    client: str
    rule: str
    fingerprint: str
    labels: Mapping[str, str]
    system: str
    title: Mapping[str, str]
    expr: str
    state: State

    def over(self, at: datetime, *, group: str = "") -> Observation:
        """Return the news that the rule, of a group of a file, no longer watches this."""
        terms = Terms(self.rule, self.title, None, expr=self.expr, group=group)
        return Observation(terms, self.labels, self.fingerprint, self.system, None, at)


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the digest by which an alert knows its labels."""
    written = orjson.dumps([[_bytes(k), _bytes(v)] for k, v in sorted(labels.items())])
    return hashlib.blake2b(written, digest_size=16).hexdigest()


def _bytes(text: str) -> str:
    return text if text.isascii() else ascii(text)


class Watches:
    """Watch 0 is nobody's: it stands where no rule reads a series.

    By ref: `seen` (ms of the newest sample), `whose` (number of the client), `slots` (watches).
    By watch: `low`, `high` and `due` (ms): between them and before it no sample is news; `wake`
    is when time alone is; `silence`: it matters when the data stops; `busy`: on its way; `place`
    is the same for what was of one system when the watch was set up.
    """

    def __init__(self, index: RulesIndex, labels_of: LabelsOf, reads: Reads) -> None:
        self.index = index
        self.clients: list[str] = []
        self.states: dict[int, State] = {}
        self.outputs: dict[int, Mapping[str, str]] = {}
        self.count = 1
        self.refs = 0
        self.seen: Ints = np.full(LEAST, -1, np.int64)
        self.whose: Watched = np.zeros(LEAST, np.int32)
        self.slots: list[Watched] = []
        self.rule: Watched = np.zeros(LEAST, np.int32)
        self.client: Watched = np.zeros(LEAST, np.int32)
        self.place: Watched = np.zeros(LEAST, np.int32)
        self.ref: Watched = np.full(LEAST, NO_SERIES, np.int32)
        self.low: Floats = np.full(LEAST, -np.inf)
        self.high: Floats = np.full(LEAST, np.inf)
        self.due: Floats = np.full(LEAST, NEVER)
        self.wake: Floats = np.full(LEAST, NEVER)
        self.value: Floats = np.full(LEAST, np.nan)
        self.silence = np.zeros(LEAST, np.bool_)
        self.busy = np.zeros(LEAST, np.bool_)
        self.annotate: Annotate = lambda watch, value, at: None
        self._numbers: dict[str, int] = {}
        self._places: dict[str, int] = {}
        self._labels_of = labels_of
        self._reads = reads
        self._unbound: dict[tuple[str, str, str], Remembered] = {}
        self._standing_in: dict[tuple[str, str, str], int] = {}
        self._expected: set[tuple[str, str]] = set()
        self._keys: dict[int, str] = {}

    def expect(self, remembered: Iterable[Remembered]) -> None:
        """Have alerts that exist taken up by the watches that are theirs."""
        for one in remembered:
            self._unbound[one.client, one.rule, one.fingerprint] = one
            self._expected.add((one.client, one.rule))

    def unclaimed(self) -> list[Remembered]:
        """Return the expected alerts that no watch has taken up."""
        return list(self._unbound.values())

    def learn(self, refs: Sequence[int]) -> None:
        """Find out which rules read these new series."""
        if not refs:
            return
        self._room_for_refs(max(refs) + 1)
        found: list[tuple[int, int, int, int]] = []
        for ref in refs:
            labels = dict(self._labels_of(ref))
            client = self.number_of(labels.get("client", ""))
            self.whose[ref] = client
            for number, selector in self.index.reading(labels):
                if self.index.rules[number].plain:
                    found.append((number, client, ref, self._place_of(labels)))
                else:
                    self._reads(number, selector, ref)
        first = self._add(found)
        for watch, (number, _, ref, _) in enumerate(found, first):
            self._put_in_slot(ref, watch)
            self._take_up(watch, number)

    def add_outputs(self, number: int, outputs: Sequence[Mapping[str, str]]) -> int:
        """Watch label sets that an expression gave; return the watch of the first."""
        clients = [self.number_of(labels.get("client", "")) for labels in outputs]
        places = [self._place_of(labels) for labels in outputs]
        named = zip(clients, places, strict=True)
        first = self._add([(number, client, NO_SERIES, place) for client, place in named])
        for watch, labels in enumerate(outputs, first):
            self.outputs[watch] = labels
            self._take_up(watch, number)
        return first

    def stand_in(self, number: int, labels: Mapping[str, str]) -> None:
        """Watch an open alert whose series nobody has shown us, until it comes."""
        watch = self.add_outputs(number, [labels])
        client, (rule, print_) = self.clients[self.client[watch]], self.key(watch)
        self._standing_in[client, rule, print_] = watch

    def senders(self) -> list[str]:
        """Return the clients that have a series."""
        numbers = np.unique(self.whose[: self.refs]).tolist()
        return [self.clients[number] for number in numbers if self.clients[number]]

    def number_of(self, client: str) -> int:
        """Return the number of a client, a new one at need."""
        if client not in self._numbers:
            self._numbers[client] = len(self.clients)
            self.clients.append(client)
        return self._numbers[client]

    def observation(
        self,
        watch: int,
        value: float | None,
        at: datetime,
        arrived: datetime | None,
        *,
        weighed: tuple[State, State] | None = None,
    ) -> Observation:
        """Return what was seen of a watch as the rest of the room knows it."""
        ref = int(self.ref[watch])
        named = dict(self._labels_of(ref)) if ref >= 0 else self.outputs[watch]
        labels = self._of_alert(watch, named)
        if watch not in self._keys:
            self._keys[watch] = fingerprint(labels)
        return Observation(
            terms=self.said(watch).terms,
            labels=labels,
            fingerprint=self._keys[watch],
            system=self.index.directory.system_of(named),
            value=None if value is None or value != value else value,
            at=at,
            arrived=arrived,
            weighed=weighed,
            annotations=self.annotate(watch, value, milliseconds(at)),
        )

    def labels(self, watch: int) -> Mapping[str, str]:
        """Return the labels of the alert; a name that stands in the rule is not one of them."""
        ref = int(self.ref[watch])
        return self.outputs[watch] if ref < 0 else self._of_alert(watch, dict(self._labels_of(ref)))

    def _of_alert(self, watch: int, named: Mapping[str, str]) -> Mapping[str, str]:
        if self.ref[watch] < 0 or not self.index.rules[self.rule[watch]].names_itself:
            return named
        return {name: value for name, value in named.items() if name != NAME}

    def fingerprint(self, watch: int) -> str:
        """Return the digest of the alert's labels."""
        if watch not in self._keys:
            self._keys[watch] = fingerprint(self.labels(watch))
        return self._keys[watch]

    def key(self, watch: int) -> Key:
        """Return the rule and the fingerprint of the alert."""
        return self.said(watch).terms.rule, self.fingerprint(watch)

    def said(self, watch: int) -> Said:
        """Return what the rule says for the client of the watch."""
        return self.index.said(int(self.rule[watch]), self.clients[self.client[watch]])

    def settle(self, watch: int, state: State, value: float | None, *, lag: float = 0) -> None:
        """Remember what the database has; `lag` is by how many ms its samples come late."""
        if state.phase is Phase.INACTIVE:
            self.states.pop(watch, None)
        else:
            self.states[watch] = state
        said = self.said(watch)
        self.low[watch], self.high[watch] = uneventful(said.ladder, state, value)
        due = due_at(state, said.ladder)
        self.due[watch] = NEVER if due is None else milliseconds(due)
        self.wake[watch] = self.due[watch] + lag
        open_ = state.phase in (Phase.PENDING, Phase.FIRING)
        self.silence[watch] = not state.absent_since and (open_ or said.ladder.absent is not None)
        self.busy[watch] = False
        if value is not None:
            self.value[watch] = value

    def hold(self, watches: Watched) -> None:
        """Note that samples of these are on their way: every further one is news too."""
        self.busy[watches] = True
        self.low[watches], self.high[watches] = NOWHERE

    def quiet(self, watch: int) -> None:
        """Hear no more of a watch until it is settled again."""
        self.low[watch], self.high[watch] = -np.inf, np.inf
        self.due[watch] = self.wake[watch] = NEVER
        self.silence[watch] = self.busy[watch] = False

    def _place_of(self, labels: Mapping[str, str]) -> int:
        system = self.index.directory.system_of(labels)
        return self._places.setdefault(system, len(self._places))

    def _add(self, found: Sequence[tuple[int, int, int, int]]) -> int:
        first, self.count = self.count, self.count + len(found)
        self._room_for_watches(self.count)
        if not found:
            return first
        new = slice(first, self.count)
        of_each = np.array(found, np.int32).T
        self.rule[new], self.client[new], self.ref[new], self.place[new] = of_each
        said = [self.index.said(number, self.clients[client]) for number, client, *_ in found]
        self.low[new] = [one.calm[0] for one in said]
        self.high[new] = [one.calm[1] for one in said]
        self.silence[new] = [one.ladder.absent is not None for one in said]
        return first

    def _put_in_slot(self, ref: int, watch: int) -> None:
        for slot in self.slots:
            if not slot[ref]:
                slot[ref] = watch
                return
        self.slots.append(np.zeros(len(self.seen), np.int32))
        self.slots[-1][ref] = watch

    def _take_up(self, watch: int, number: int) -> None:
        client, rule = self.clients[self.client[watch]], self.index.rules[number].compiled.name
        if (client, rule) not in self._expected:
            return
        key = client, rule, self.fingerprint(watch)
        known = self._unbound.pop(key, None)
        if before := self._standing_in.pop(key, None):
            state = state_of(self, before)
            self.settle(before, START, None)
            self.quiet(before)
            self.settle(watch, state, None)
        if known:  # the rule may have changed since: whatever comes next is looked at
            self.settle(watch, known.state, None)
            self.value[watch] = np.nan if known.state.value is None else known.state.value

    def _room_for_refs(self, needed: int) -> None:
        self.refs = max(self.refs, needed)
        if needed > len(self.seen):
            size = max(needed, 2 * len(self.seen))
            grown(self.seen, size, -1)
            for column in (self.whose, *self.slots):
                grown(column, size)

    def _room_for_watches(self, needed: int) -> None:
        if needed <= len(self.rule):
            return
        size = max(needed, 2 * len(self.rule))
        grown(self.ref, size, NO_SERIES)
        grown(self.low, size, -np.inf)
        for column in (self.high, self.due, self.wake):
            grown(column, size, np.inf)
        grown(self.value, size, np.nan)
        for plain in (self.rule, self.client, self.place):
            grown(plain, size)
        for flags in (self.silence, self.busy):
            grown(flags, size)


def state_of(watches: Watches, watch: int) -> State:
    """Return what is remembered of a watch."""
    return watches.states.get(watch, START)
