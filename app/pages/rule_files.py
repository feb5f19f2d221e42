"""Rules of Prometheus files as pages show them: read only, with the place that owns them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from access.scope import Scope
from alerting.groups.answers import concerns
from alerting.groups.rules import FileRule


@dataclass(frozen=True)
class FileRow:
    """One rule of a file; `firing` of the caller's alerts."""

    key: str
    name: str
    group: str
    expr: str
    records: bool
    origin: str
    firing: int
    broken: str | None
    narrowed: Sequence[str]


def file_rows(
    rules: Sequence[FileRule], scope: Scope, firing: Mapping[str, int], wanted: str
) -> list[FileRow]:
    """Return the rules of files that concern the caller, those that fire first."""
    rows = [_row(rule, scope, firing) for rule in rules if concerns(rule, scope)]
    found = [one for one in rows if wanted in f"{one.name} {one.group} {one.expr}".lower()]
    return sorted(found, key=lambda one: (-one.firing, one.broken is None, one.origin, one.key))


def origin_of(rule: FileRule) -> str:
    """Return the file and line of a rule."""
    return f"{rule.group.file}:{rule.line}"


def _row(rule: FileRule, scope: Scope, firing: Mapping[str, int]) -> FileRow:
    return FileRow(
        key=rule.key,
        name=rule.spec.name,
        group=rule.group.spec.name,
        expr=rule.spec.expr,
        records=bool(rule.spec.record),
        origin=origin_of(rule),
        firing=firing.get(rule.key, 0),
        broken=rule.health.error or None,
        narrowed=[name for name in rule.group.clients or () if scope.allows(name)],
    )
