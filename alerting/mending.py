"""Level, not edge: alert rows, memory and the head held against each other, and against time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np

from alerting.expressions import Expressions
from alerting.groups.board import Board
from alerting.head import Head
from alerting.lanes import Lanes
from alerting.lifecycle import START, Phase, State
from alerting.news import News
from alerting.rules_index import IndexedRule, RulesIndex
from alerting.schemas import Observation
from alerting.tables import Alert, state_of
from alerting.watches import NO_SERIES, Remembered, Watched, Watches
from alerting.watches import state_of as remembered
from metrics.batch import Ints
from metrics.columns import NAME
from metrics.matchers import Op, all_hold
from metrics.promql.frames import Flags
from metrics.promql.tree import LOOKBACK_MS

SLICE = 100_000
OPEN = (Phase.PENDING, Phase.FIRING)

Rows = dict[tuple[str, str, str], Alert]


def as_remembered(row: Alert) -> Remembered:
    """Return the alert of a row as watches take it up."""
    return Remembered(
        client=row.client,
        rule=row.rule,
        fingerprint=row.fingerprint,
        labels=row.labels,
        system=row.system,
        title=row.title,
        expr=row.expr,
        state=row.state,
    )


def mend(watches: Watches, lanes: Lanes, rows: Sequence[Alert]) -> int:
    """Bring memory to the open rows, but where something is on its way; return what differed."""
    there: Rows = {(row.client, row.rule, row.fingerprint): row for row in rows}
    differed = 0
    for watch, state in list(watches.states.items()):
        row = there.pop((watches.clients[watches.client[watch]], *watches.key(watch)), None)
        if state.phase not in OPEN and row is None:
            continue
        differed += _bring(watches, lanes, watch, state_of(row) if row else START)
    for watch, row in _found(watches, there):
        differed += _bring(watches, lanes, watch, state_of(row))
    return differed


def _bring(watches: Watches, lanes: Lanes, watch: int, state: State) -> bool:
    if watches.busy[watch] or watch in lanes.moved or remembered(watches, watch) == state:
        return False
    watches.settle(watch, state, None)
    return True


def _found(watches: Watches, rows: Rows) -> Iterator[tuple[int, Alert]]:
    """Yield the watches of rows that memory knows nothing of."""
    for (client, rule, print_), row in rows.items():
        numbers = watches.index.numbers.get(rule)
        if numbers is None:
            continue
        mine = watches.client[: watches.count] == watches.number_of(client)
        for watch in np.flatnonzero(
            mine & np.isin(watches.rule[: watches.count], numbers)
        ).tolist():
            if watch and watches.fingerprint(watch) == print_:
                yield watch, row


def take_up(
    watches: Watches, lanes: Lanes, expressions: Expressions, board: Board, *, now: datetime
) -> None:
    """Watch open alerts whose series nobody has shown us; end those that their rule has let go."""
    ended: dict[str, list[Observation]] = {}
    for one in watches.unclaimed():
        number = next(iter(watches.index.numbers.get(one.rule, ())), None)
        if number is None:
            continue  # another process has it, or no rule at all: see `orphans`
        if not _still_watched(watches.index, number, one):
            group = watches.index.rules[number].compiled.group
            ended.setdefault(one.client, []).append(one.over(now, group=group))
        elif watches.index.rules[number].filed:
            board.takes_up(one)
        elif not watches.index.rules[number].plain:
            expressions.takes_up(number, one)
        elif one.expr == watches.index.rules[number].compiled.spec.expr:
            watches.stand_in(number, one.labels)
        else:  # the expression has changed, and no series of the new one has these labels
            ended.setdefault(one.client, []).append(one.over(now))
    for client, over in ended.items():
        lanes.end(client, over)


def end_orphans(index: RulesIndex, lanes: Lanes, rows: Sequence[Alert], *, now: datetime) -> None:
    """End the open alerts that no rule has any more; whoever has the thresholds does.

    What cannot be evaluated says nothing, and not that all is well.
    """
    if not index.share.thresholds:
        return
    known = index.numbers.keys() | index.broken.keys() | index.elsewhere
    orphans = [row for row in rows if row.rule not in known and lanes.at_rest(row.client)]
    for row in orphans:
        lanes.end(row.client, [as_remembered(row).over(now)])


def _still_watched(index: RulesIndex, number: int, one: Remembered) -> bool:
    rule = index.rules[number]
    if rule.plain is None:
        clients = rule.compiled.spec.clients
        return clients is None or one.client in clients
    labels = _with_name(rule, one.labels)
    return all_hold(rule.plain.matchers, labels) and index.admits(number, labels)


def _with_name(rule: IndexedRule, labels: Mapping[str, str]) -> Mapping[str, str]:
    if not rule.names_itself or rule.plain is None:
        return labels
    names = [m.value for m in rule.plain.matchers if m.name == NAME and m.op is Op.EQUAL]
    return {**labels, NAME: names[0]}


def try_again(watches: Watches, lanes: Lanes) -> None:
    """Hear again of what was set aside, and of what a crash has left on its way."""
    busy = np.flatnonzero(watches.busy[: watches.count]).tolist()
    for watch in [*lanes.aside, *busy]:
        if lanes.at_rest(watches.clients[watches.client[watch]]):
            watches.settle(watch, remembered(watches, watch), None)


def look_at_head(watches: Watches, lanes: Lanes, head: Head, *, at: int) -> Iterator[int]:
    """Send on, slice by slice, what the head's newest samples say and memory does not."""
    for start in range(1, watches.count, SLICE):
        place = slice(start, min(start + SLICE, watches.count))
        chosen = np.flatnonzero((watches.ref[place] != NO_SERIES) & ~watches.busy[place]) + start
        times, values = head.newest(watches.ref[chosen])
        with np.errstate(invalid="ignore"):
            same = (values >= watches.low[chosen]) & (values <= watches.high[chosen])
        same &= times < watches.due[chosen]
        news = (times > at - LOOKBACK_MS) & ~same
        news &= ~np.isnan(values) | watches.silence[chosen]
        if news.any():
            found = chosen[news].astype(np.int32)
            lanes.post(News(found, times[news], values[news], times[news]))
        yield int(news.sum())


def over(watches: Watches, head: Head, *, at: int, ready: int, grace: int) -> News | None:
    """Return the waits that are over, each at the moment when it was."""
    count = watches.count
    found = np.flatnonzero((watches.wake[:count] <= at) & ~watches.busy[:count]).astype(np.int32)
    if not len(found):
        return None
    due, refs = watches.due[found].astype(np.int64), watches.ref[found]
    plain = refs != NO_SERIES
    absent = np.array([remembered(watches, w).absent_since is not None for w in found.tolist()])
    # a wait that ended while nothing was seen says nothing: silence will, or the next sample
    heard = np.where(plain, watches.seen[refs] + LOOKBACK_MS > due, (due >= ready) | (at >= grace))
    values = watches.value[found]
    times, newest = head.newest(refs[plain])
    values[plain] = np.where(times >= 0, newest, values[plain])
    values[absent] = np.nan
    news = News(found, due, values, np.full(len(found), at, np.int64)).only(heard | absent)
    return news if len(news) else None


def silent(watches: Watches, *, at: int, grace: int) -> News | None:
    """Return the series that matter and from which nothing has come for the lookback."""
    count = watches.count
    if at < grace:
        return None
    found = np.flatnonzero(watches.silence[:count] & ~watches.busy[:count]).astype(np.int32)
    found = found[_fell_silent(watches, found, at)]
    if not len(found):
        return None
    nothing = np.full(len(found), np.nan)
    when: Ints = np.full(len(found), at, np.int64)
    return News(found, when, nothing, when)


def _fell_silent(watches: Watches, found: Watched, at: int) -> Flags:
    refs = watches.ref[found]
    seen = np.where(refs == NO_SERIES, -1, watches.seen[refs])
    quiet = seen + LOOKBACK_MS <= at
    for place in np.flatnonzero(quiet & (seen < 0)).tolist():
        watch = int(found[place])
        plain = watches.index.rules[watches.rule[watch]].plain is not None
        # of a series that was never heard since our start only an open alert is news
        quiet[place] = plain and watch in watches.states
    return quiet
