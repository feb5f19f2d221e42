"""Groups that feed each other belong together: what one records, another reads at once. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from alerting.groups.rules import ALERTNAME, ALERTS, FOR_STATE, FileRule
from metrics.columns import NAME
from metrics.promql.tree import Selector, selectors

Unit = tuple[str, ...]
"""Groups that one process should have, by their leases; the first of the files first."""

Writers = Mapping[str, Mapping[str, set[str]]]
"""By the name of a series, then by that of the alert it tells of if any, which groups write it."""


def units(rules: Sequence[FileRule]) -> list[Unit]:
    """Return the groups of these rules, those together of which one reads what another writes."""
    order = {rule.group.lease: place for place, rule in reversed(list(enumerate(rules)))}
    above = {lease: lease for lease in order}

    def root(lease: str) -> str:
        while above[lease] != lease:
            above[lease] = lease = above[above[lease]]
        return lease

    writers = _writers(rules)
    for rule in rules:
        for selector in set(selectors(rule.own)):
            for lease in _feeding(selector, writers):
                above[root(lease)] = root(rule.group.lease)
    found: dict[str, list[str]] = {}
    for lease in sorted(order, key=order.__getitem__):
        found.setdefault(root(lease), []).append(lease)
    return [tuple(members) for members in found.values()]


def _writers(rules: Sequence[FileRule]) -> Writers:
    found: dict[str, dict[str, set[str]]] = {}
    for rule in rules:
        names = (rule.spec.record,) if rule.spec.record else (ALERTS, FOR_STATE)
        for name in names:
            of_alert = found.setdefault(name, {}).setdefault(rule.spec.alert, set())
            of_alert.add(rule.group.lease)
    return found


def _feeding(selector: Selector, writers: Writers) -> Iterator[str]:
    """Yield the groups that may write what a selector reads."""
    names = [each for each in selector.matchers if each.name == NAME]
    alerts = [each for each in selector.matchers if each.name == ALERTNAME]
    few = next((each.only for each in names if each.only is not None), writers.keys())
    for name in few & writers.keys():
        if all(each.holds(name) for each in names):
            for alert, leases in writers[name].items():
                if not alert or all(each.holds(alert) for each in alerts):
                    yield from leases
