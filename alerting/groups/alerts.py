"""What alerting rules gave becomes news for the lifecycle, and the series ALERTS."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from access.scope import HOUSE
from alerting.groups.batches import Memory
from alerting.groups.evaluation import Results
from alerting.groups.inquiry import inquiry
from alerting.groups.rules import FileRule, alert_series, client_of
from alerting.groups.schemas import SEVERITY
from alerting.groups.series import Series, ended
from alerting.lanes import Lanes
from alerting.lifecycle import Phase, Reading, State, after
from alerting.news import News
from alerting.templates import Context
from alerting.watches import Remembered, Watches, state_of
from kit.clock import from_milliseconds, milliseconds
from kit.slices import sliced
from metrics.columns import Labels, labels_of
from metrics.labels import CLIENT

OPEN = (Phase.PENDING, Phase.FIRING)
SAME = "vector contains metrics with the same labelset after applying alert labels"


@dataclass(slots=True)
class Active:
    """One alert that waits or fires: what the rule gave, since when, and its series."""

    rule: FileRule
    watch: int
    labels: Mapping[str, str]
    found: Mapping[str, str]
    since: int = -1
    keep_since: int = -1
    state: str = ""
    value: float = 0.0
    series: Labels = ()
    for_state: Labels = ()


class Alerts:
    """By rule its active alerts, by watch; a cache of what the lifecycle knows."""

    def __init__(
        self,
        watches: Watches,
        lanes: Lanes,
        *,
        memory: Memory,
        ready: datetime,
    ) -> None:
        self.active: dict[FileRule, dict[int, Active]] = {}
        self._watches, self._lanes = watches, lanes
        self._memory = memory
        share = watches.index.share
        self._silent_until = {
            lease: milliseconds(max(ready, share.quiet_until(lease) or ready))
            for lease in {rule.group.lease for rule in watches.index.held}
        }
        self._known: dict[FileRule, dict[Labels, int]] = {}
        self._by_key = {rule.key: rule for rule in watches.index.held if rule.spec.alert}
        self._found: dict[int, Mapping[str, str]] = {}
        watches.annotate = self.annotations

    def takes_up(self, one: Remembered) -> None:
        """Watch an alert that a rule gave before our start."""
        rule = self._by_key[one.rule]
        watch = self._watch(rule, one.labels)
        since = min(one.state.since.values(), default=one.state.fired_at)
        active = self.active.setdefault(rule, {})
        active[watch] = Active(rule, watch, one.labels, one.labels, state=one.state.phase.value)
        active[watch].value = one.state.value or 0.0
        if since is not None:
            active[watch].since = milliseconds(since)

    def left(self) -> dict[str, list[Active]]:
        """Return by key the alerts of each rule whose series were written."""
        return {
            rule.key: [one for one in active.values() if one.series]
            for rule, active in self.active.items()
        }

    def follow(self, rule: FileRule, before: Sequence[Active]) -> None:
        """Go on with the series of a rule's alerts; those it gives no more end when it is due."""
        active = self.active.setdefault(rule, {})
        for old in before:
            watch = self._watch(rule, old.labels)
            one = replace(old, rule=rule, watch=watch)
            active[watch] = replace(one, since=active[watch].since) if watch in active else one

    def rest(self) -> None:
        """Miss nothing of what was written: somebody else goes on with it."""
        for active in self.active.values():
            for one in active.values():
                one.series = one.for_state = ()

    def annotations(self, watch: int, value: float | None, at: int) -> dict[str, str] | None:
        """Return what the rule says of an alert, None where that is not known or not its own."""
        rule = self._watches.index.rules[int(self._watches.rule[watch])].filed
        if rule is None or value is None or value != value:
            return None
        found = self._found.get(watch, self._watches.outputs[watch])
        return rule.annotated(self._context(found, value, at))

    async def take(self, results: Results, at: int, *, again: bool = False) -> list[Series]:
        """Send on what may change alerts; return the series that tell of them."""
        rows = np.flatnonzero(results.present)
        if again and not len(rows) and not any(self.active.get(r) for r in results.rules):
            return []
        order = rows[np.argsort(results.owner[rows], kind="stable")]
        ends = np.searchsorted(results.owner[order], np.arange(len(results.rules) + 1)).tolist()
        written: list[Series] = []
        news: list[tuple[int, float]] = []
        async for number, rule in sliced(enumerate(results.rules)):
            own = order[ends[number] : ends[number + 1]].tolist()
            active = self.active.get(rule)
            if number in results.errors or not (own or active):
                continue
            present = await self._present(rule, results, own, at)
            if present is None:
                continue
            news += [one async for one in self._weighed(rule, present, at)]
            written += [one async for one in sliced(self._series(rule, at))]
        if news:
            self._post(news, at)
        return written

    async def _present(
        self, rule: FileRule, results: Results, rows: Sequence[int], at: int
    ) -> dict[int, float] | None:
        limit = rule.group.spec.limit
        if limit and len(rows) > limit:
            rule.health.error = f"exceeded limit of {limit} with {len(rows)} alerts"
            return None
        present: dict[int, float] = {}
        async for row in sliced(rows):
            value = float(results.values[row])
            watch = self._watch_of(rule, results.labels[row], value, at)
            if watch in present:
                rule.health.error = SAME
                return None
            present[watch] = value
        return present

    def _watch_of(self, rule: FileRule, labels: Labels, value: float, at: int) -> int:
        plain = all(each.plain for each in rule.labels.values())
        known = self._known.setdefault(rule, {})
        if plain and labels in known:
            return known[labels]
        found = dict(labels)
        found.setdefault(CLIENT, HOUSE)
        made = rule.labelled(self._context(found, value, at), found)
        watch = self._watch(rule, made)
        self._found[watch] = found
        if plain:
            known[labels] = watch
        return watch

    def _watch(self, rule: FileRule, labels: Mapping[str, str]) -> int:
        known, key = self._known.setdefault(rule, {}), ((" ", ""), *labels_of(labels))
        if key not in known:
            priority = rule.group.priority(labels.get(SEVERITY, ""))
            number = self._watches.index.filed[rule.key, priority]
            known[key] = self._watches.add_outputs(number, [labels])
        return known[key]

    async def _weighed(
        self, rule: FileRule, present: Mapping[int, float], at: int
    ) -> AsyncIterator[tuple[int, float]]:
        """Yield what would move an alert, and keep who is active then."""
        active = self.active.setdefault(rule, {})
        async for watch, value in sliced(present.items()):
            counted = 0.0 if value != value else value  # a result counts, also one without number
            self._watches.value[watch] = counted
            state, moved = self._after(watch, counted, at)
            if moved is not state:
                yield watch, counted
            if moved.phase in OPEN:
                one = active.setdefault(watch, self._new(rule, watch))
                one.since = one.since if one.since >= 0 else at
                one.keep_since, one.state, one.value = -1, moved.phase.value, value
        if at < self._silent_until[rule.group.lease]:
            return
        gone = [watch for watch in active if watch not in present]
        async for watch in sliced(gone):
            self._watches.value[watch] = np.nan
            state, moved = self._after(watch, np.nan, at)
            if moved is not state:
                yield watch, np.nan
            if moved.phase in OPEN:
                one = active[watch]
                one.keep_since = one.keep_since if one.keep_since >= 0 else at
                one.state = moved.phase.value
            else:
                active[watch].state = ""

    def _new(self, rule: FileRule, watch: int) -> Active:
        labels = self._watches.outputs[watch]
        return Active(rule, watch, labels, self._found.get(watch, labels))

    def _after(self, watch: int, value: float, at: int) -> tuple[State, State]:
        state = state_of(self._watches, watch)
        ladder = self._watches.said(watch).ladder
        return state, after(state, Reading(value), ladder=ladder, at=from_milliseconds(at))

    def _series(self, rule: FileRule, at: int) -> Iterator[Series]:
        """Yield ALERTS and ALERTS_FOR_STATE of what is active, and the end of what was."""
        active = self.active.get(rule, {})
        for one in list(active.values()):
            client = client_of(one.labels, HOUSE)
            before = one.series
            if one.state:
                shown, since = alert_series(one.labels, one.state)
                one.series, one.for_state = labels_of(shown), labels_of(since)
                yield Series(client, one.series, at, 1.0)
                yield Series(client, one.for_state, at, one.since // 1000)
            if before and (before != one.series or not one.state):
                yield ended(before, at)
            if not one.state:
                if one.for_state:
                    yield ended(one.for_state, at)
                del active[one.watch]

    def _post(self, news: Sequence[tuple[int, float]], at: int) -> None:
        watches = np.array([watch for watch, _ in news], np.int32)
        values = np.array([value for _, value in news])
        when = np.full(len(news), at, np.int64)
        self._lanes.post(News(watches, when, values, when))

    def _context(self, found: Mapping[str, str], value: float, at: int) -> Context:
        client = client_of(found, HOUSE)
        query = inquiry(self._memory, client, at)
        return Context(found, value, at / 1000, query=query)
