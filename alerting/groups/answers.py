"""Rules and alerts of files in the JSON of Prometheus's API, inside a scope."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access.scope import HOUSE, Scope
from alerting.groups.alerts import Active
from alerting.groups.board import Board
from alerting.groups.rules import FileRule, client_of
from alerting.tables import Alert
from kit.clock import from_milliseconds
from metrics.matchers import Matcher, all_hold
from metrics.promql.numbers import number_text

YEAR_1 = "0001-01-01T00:00:00Z"
ALERTING, RECORDING = "alerting", "recording"


@dataclass(frozen=True)
class Wanted:
    """Which rules are asked for; what is empty leaves all through."""

    kind: str = ""
    names: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    matching: Sequence[Sequence[Matcher]] = ()
    without_alerts: bool = False

    def has(self, rule: FileRule) -> bool:
        """Tell whether the rule is wanted."""
        labels = {name: template.text for name, template in rule.labels.items()}
        return (
            (not self.kind or self.kind == _kind(rule))
            and (not self.names or rule.spec.name in self.names)
            and (not self.groups or rule.group.spec.name in self.groups)
            and (not self.files or rule.group.file in self.files)
            and (not self.matching or any(all_hold(each, labels) for each in self.matching))
        )


def concerns(rule: FileRule, scope: Scope) -> bool:
    """Tell whether a rule holds for some client inside the scope."""
    clients = rule.group.clients
    return clients is None or any(map(scope.allows, clients))


@dataclass(frozen=True)
class Standing:
    """Rules of files as one process knows them; of what others evaluate it has the open rows."""

    rules: Sequence[FileRule]
    board: Board
    rows: Sequence[Alert] = ()

    def of(self, rule: FileRule, scope: Scope) -> list[dict[str, Any]]:
        """Return the alerts of a rule that wait or fire."""
        active = self.board.alerts.active.get(rule, {}).values()
        shown = (one for one in active if scope.allows(client_of(one.labels, HOUSE)))
        here = [each for one in shown for each in _alert(self.board, one)]
        others = (row for row in self.rows if row.rule == rule.key and scope.allows(row.client))
        return [*here, *map(_alert_of_row, others)]


def groups(standing: Standing, scope: Scope, wanted: Wanted) -> list[dict[str, Any]]:
    """Return the groups that have a wanted rule, in the order of the files."""
    found: dict[tuple[str, str], list[FileRule]] = {}
    for rule in standing.rules:
        if concerns(rule, scope) and wanted.has(rule):
            found.setdefault((rule.group.file, rule.group.spec.name), []).append(rule)
    return [_group(standing, rules, scope, wanted) for rules in found.values()]


def alerts(standing: Standing, scope: Scope) -> list[dict[str, Any]]:
    """Return every alert of a file's rule that waits or fires."""
    return [one for rule in standing.rules for one in standing.of(rule, scope)]


def token(group: Mapping[str, Any]) -> str:
    """Return what a page of groups ends with, and the next begins behind."""
    return hashlib.sha256(f"{group['file']};{group['name']}".encode()).hexdigest()[:40]


def _group(
    standing: Standing, rules: Sequence[FileRule], scope: Scope, wanted: Wanted
) -> dict[str, Any]:
    group = rules[0].group
    last = max((rule.health.at for rule in rules if rule.health.at), default=None)
    return {
        "name": group.spec.name,
        "file": group.file,
        "rules": [_rule(standing, rule, scope, wanted) for rule in rules],
        "interval": _seconds(group.interval.total_seconds()),
        "limit": group.spec.limit,
        "evaluationTime": sum(rule.health.seconds for rule in rules),
        "lastEvaluation": _moment(last),
    }


def _rule(standing: Standing, rule: FileRule, scope: Scope, wanted: Wanted) -> dict[str, Any]:
    labels = {name: template.text for name, template in rule.labels.items()}
    ends = {
        "health": rule.health.word,
        **({"lastError": rule.health.error} if rule.health.error else {}),
        "evaluationTime": rule.health.seconds,
        "lastEvaluation": _moment(rule.health.at),
        "type": _kind(rule),
    }
    begins = {"name": rule.spec.name, "query": rule.query}
    if rule.spec.record:
        return {**begins, **({"labels": labels} if labels else {}), **ends}
    found = standing.of(rule, scope)
    states = {one["state"] for one in found}
    state = next((each for each in ("firing", "pending") if each in states), "inactive")
    return {
        "state": state,
        **begins,
        "duration": _seconds(rule.spec.hold.total_seconds()),
        "keepFiringFor": _seconds(rule.spec.keep_firing_for.total_seconds()),
        "labels": labels,
        "annotations": {name: template.text for name, template in rule.annotations.items()},
        "alerts": [] if wanted.without_alerts else found,
        **ends,
    }


def _alert(board: Board, one: Active) -> Iterator[dict[str, Any]]:
    if not one.state:
        return
    told: dict[str, Any] = {
        "labels": dict(one.labels),
        "annotations": board.alerts.annotations(one.watch, one.value, one.since) or {},
        "state": one.state,
        "activeAt": _moment(from_milliseconds(one.since)),
        "value": exponential(one.value),
    }
    if one.keep_since >= 0:
        told["keepFiringSince"] = _moment(from_milliseconds(one.keep_since))
    yield told


def _alert_of_row(row: Alert) -> dict[str, Any]:
    state = row.state
    told: dict[str, Any] = {
        "labels": dict(row.labels),
        "annotations": dict(row.annotations),
        "state": row.phase.value,
        "activeAt": _moment(min(state.since.values(), default=state.fired_at)),
        "value": exponential(math.nan if row.value is None else row.value),
    }
    if row.clear_since is not None:
        told["keepFiringSince"] = _moment(row.clear_since)
    return told


def exponential(value: float) -> str:
    """Return a number with its shortest digits and an exponent, as Go's FormatFloat(…, 'e')."""
    if not math.isfinite(value):
        return number_text(value)
    digits = f"{value:.17e}"
    for precision in range(18):
        digits = f"{value:.{precision}e}"
        if float(digits) == value:
            break
    return digits


def _kind(rule: FileRule) -> str:
    return ALERTING if rule.spec.alert else RECORDING


def _seconds(seconds: float) -> float | int:
    return int(seconds) if seconds == int(seconds) else seconds


def _moment(at: datetime | None) -> str:
    return YEAR_1 if at is None else at.isoformat().replace("+00:00", "Z")
