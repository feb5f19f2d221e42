"""Which groups of rule files belong together: those of which one reads what another writes."""

import pytest

from alerting.groups.rules import FileRule, compiled
from alerting.groups.schemas import GroupSpec, Placed
from alerting.groups.units import units


def rules(**groups: list[dict[str, str]]) -> list[FileRule]:
    specs = [GroupSpec.model_validate({"name": n, "rules": rules}) for n, rules in groups.items()]
    return list(compiled([Placed("r.yml", spec) for spec in specs]))


def shapes(**groups: list[dict[str, str]]) -> list[str]:
    found = units(rules(**groups))
    return [" ".join(lease.removeprefix("group/r.yml/") for lease in unit) for unit in found]


RECORDS = {"record": "job:load", "expr": "sum by (job) (load)"}
ALERT = {"alert": "Busy", "expr": "load > 5"}


def test_groups_that_read_what_senders_write_stand_alone() -> None:
    assert shapes(a=[RECORDS], b=[ALERT], c=[ALERT]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "expr",
    [
        "job:load > 5",
        'max({__name__=~"job:.*"})',
        "max_over_time(job:load[1h:1m])",
        "load unless job:load",
    ],
)
def test_who_reads_what_is_recorded_belongs_to_who_records_it(expr: str) -> None:
    reads = {"alert": "Reads", "expr": expr}
    assert shapes(a=[ALERT], b=[RECORDS], c=[reads]) == ["a", "b c"]
    assert shapes(a=[reads], b=[ALERT], c=[RECORDS]) == ["a c", "b"]


def test_who_may_read_anything_belongs_to_all_who_write() -> None:
    assert shapes(a=[ALERT], b=[RECORDS], c=[{"record": "r", "expr": '{job="x"}'}]) == ["a b c"]


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ('ALERTS{alertname="Busy"}', ["a c", "b"]),
        ('ALERTS_FOR_STATE{alertname=~"B.*"}', ["a c", "b"]),
        ('ALERTS{alertname="Other"}', ["a", "b", "c"]),
        ("count(ALERTS)", ["a c", "b"]),
    ],
)
def test_who_reads_of_an_alert_belongs_to_who_gives_it(expr: str, found: list[str]) -> None:
    assert shapes(a=[ALERT], b=[RECORDS], c=[{"record": "r", "expr": expr}]) == found


def test_a_chain_is_one_unit() -> None:
    def step(n: int) -> list[dict[str, str]]:
        return [{"record": f"s{n}", "expr": f"s{n - 1} + 1"}]

    assert shapes(d=step(4), b=step(2), x=[ALERT], c=step(3), a=step(1)) == ["d b c a", "x"]


def test_groups_of_one_name_in_two_files_are_two() -> None:
    spec = GroupSpec.model_validate({"name": "g", "rules": [ALERT]})
    found = units(list(compiled([Placed("a.yml", spec), Placed("b.yml", spec)])))
    assert found == [("group/a.yml/g",), ("group/b.yml/g",)]
