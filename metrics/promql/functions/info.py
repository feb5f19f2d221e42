"""`info()`: series take over labels of metrics that only tell of something, like `target_info`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics.columns import NAME, Labels
from metrics.promql.frames import Flags, Matrix, relabelled, relabelling
from metrics.promql.numbers import whole_text
from metrics.promql.refusals import NotComputable
from metrics.promql.tree import Info

Told = dict[str, str]


@dataclass(frozen=True)
class _Enriched:
    """A series with what was told of it so far, and at which steps that is so."""

    row: int
    told: Told
    present: Flags
    met: bool


def enriched(node: Info, base: Matrix, found: Matrix, since: Matrix) -> Matrix:
    """Return `base` with labels of `found`; of two that tell of the same the newer counts.

    `since` has the times of the samples of `found`.
    """
    named = [matcher for matcher in node.found.matchers if matcher.name == NAME]
    asked = [matcher for matcher in node.asked if matcher.name != NAME]
    alone = all(matcher.holds("") for matcher in asked)
    groups = _groups(node, found, since)
    results: list[_Enriched] = []
    for row, labels in enumerate(base.labels):
        start = _Enriched(row, {}, base.present[row], met=False)
        name = dict(labels).get(NAME, "")
        if all(matcher.holds(name) for matcher in named):
            results.append(start)
            continue
        told = _told(node, labels, start, groups, {matcher.name for matcher in asked})
        results.extend(each for each in told if each.met or alone)
    return _together(base, results)


def _groups(
    node: Info, found: Matrix, since: Matrix
) -> dict[str, dict[Labels, list[tuple[Labels, Flags]]]]:
    """Return by name and by what it tells of: each telling series, and when it is the newest."""
    rows: dict[str, dict[Labels, list[int]]] = {}
    for row, labels in enumerate(found.labels):
        name = dict(labels).get(NAME, "")
        rows.setdefault(name, {}).setdefault(_identity(node, labels), []).append(row)
    return {
        name: {key: list(_newest(found, since, each)) for key, each in groups.items()}
        for name, groups in rows.items()
    }


def _newest(found: Matrix, since: Matrix, rows: Sequence[int]) -> Iterator[tuple[Labels, Flags]]:
    times = np.where(found.present[rows], since.values[rows], -np.inf)
    first = times == times.max(axis=0)
    first &= found.present[rows]
    crowded = np.flatnonzero(first.sum(axis=0) > 1)
    if len(crowded):
        two = [rows[place] for place in np.flatnonzero(first[:, crowded[0]])[:2]]
        at = int(since.values[two[0], crowded[0]] * 1000)
        raise NotComputable(
            "found duplicate series for info metric: existing {one} @ {at}, new {other} @ {at}",
            one=whole_text(found.labels[two[0]]),
            other=whole_text(found.labels[two[1]]),
            at=at,
        )
    for place, row in enumerate(rows):
        yield found.labels[row], first[place]


def _told(
    node: Info,
    labels: Labels,
    start: _Enriched,
    groups: dict[str, dict[Labels, list[tuple[Labels, Flags]]]],
    wanted: set[str],
) -> list[_Enriched]:
    own, results = {name for name, _ in labels}, [start]
    for name in sorted(groups):
        tellers = groups[name].get(_identity(node, labels), ())
        grown: list[_Enriched] = []
        for each in results:
            silent = each.present.copy()
            for told, when in tellers:
                silent &= ~when
                more = {
                    label: value
                    for label, value in told
                    if label != NAME and (not wanted or label in wanted)
                }
                grown.extend(_added(each, more, own, each.present & when))
            grown.extend([replace(each, present=silent)] if silent.any() else [])
        results = grown
    return results


def _added(each: _Enriched, more: Told, own: set[str], present: Flags) -> Iterator[_Enriched]:
    if not present.any():
        return
    told = dict(each.told)
    for label, value in more.items():
        if told.setdefault(label, value) != value:
            raise NotComputable("conflicting label: {label}", label=label)
    kept = {label: value for label, value in told.items() if label not in own}
    yield _Enriched(each.row, kept, present, met=True)


def _identity(node: Info, labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] in node.by)


def _together(base: Matrix, results: Sequence[_Enriched]) -> Matrix:
    rows = np.array([each.row for each in results], np.intp)
    labels = [
        tuple(sorted((dict(base.labels[each.row]) | each.told).items()))
        if each.told
        else base.labels[each.row]
        for each in results
    ]
    present = np.array([each.present for each in results], np.bool_)
    shape = (len(rows), base.values.shape[1])
    nameless = None if base.nameless is None else base.nameless[rows]
    found = Matrix(labels, base.values[rows], present.reshape(shape), nameless)
    return relabelled(found, relabelling(labels))
