"""Prometheus rule files: loaded unchanged, and every mistake in its place."""

from pathlib import Path

import pytest

from alerting.groups.schemas import Placed
from app.provisioning import DEFAULTS, Mistakes, load

GOOD = """\
groups:
- name: node
  interval: 30s
  limit: 10
  rules:
  - record: instance:up:sum
    expr: sum by (instance) (up)
  - &down
    alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 1m
    labels: {severity: page, level: 1}
    annotations:
      summary: '{{ $labels.instance }} is down'
  - <<: *down
    alert: DownToo
- name: always
  rules:
  - alert: Watchdog
    expr: 1
"""


def found(folder: Path, rules: str, yaml: str = "rule_files: [rules/*.yml]") -> list[Placed] | str:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "r.yml").write_text(rules)
    (folder / "main.yml").write_text(yaml)
    loaded = load([DEFAULTS, folder])
    if isinstance(loaded, Mistakes):
        return "\n".join(str(one).replace(f"{folder}/", "") for one in loaded.mistakes)
    return loaded.groups


def test_a_file_loads_as_it_is(tmp_path: Path) -> None:
    groups = found(tmp_path, GOOD)
    assert not isinstance(groups, str), groups
    node, always = groups

    assert isinstance(node, Placed)
    assert (node.spec.name, node.spec.limit, node.interval.total_seconds()) == ("node", 10, 30)
    assert node.lines == [6, 8, 16]
    down, too = node.spec.rules[1:]
    assert down.labels == {"severity": "page", "level": "1"}
    assert (too.alert, too.expr, too.hold) == ("DownToo", "up == 0", down.hold)
    assert isinstance(always, Placed)
    assert always.spec.rules[0].expr == "1"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("up == 0", "up ==", "rules/r.yml:10: groups[0].rules[1].expr: group 'node', rule 'Down'"),
        (
            "$labels.instance }} is",
            "$lables.instance }} is",
            "rules/r.yml:15: groups[0].rules[1].annotations.summary: group 'node', rule 'Down': "
            "the template cannot be read: undefined variable '$lables'",
        ),
        ("$labels.instance }}", "$labels.instance | shout }}", "function 'shout' not defined"),
        ("for: 5m", "for: soon", "groups[0].rules[1].for: group 'node', rule 'Down'"),
        ("  - alert: Watchdog\n", "  - ", "group 'always', rule 1: a rule has one of"),
        ("name: always", "name: node", "the group 'node' stands here twice"),
        ("{severity: page", "{client: x, severity: page", "the label client is set by us alone"),
        ("limit: 10", "limits: 10", "rules/r.yml:4: groups[0].limits: group 'node': there is no"),
    ],
)
def test_a_mistake_names_file_line_group_and_rule(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    wrong = found(tmp_path, GOOD.replace(before, after, 1))

    assert isinstance(wrong, str)
    assert said in wrong


def test_rules_may_be_for_some_clients_alone(tmp_path: Path) -> None:
    yaml = "rule_files: [{files: rules/r.yml, clients: [acme]}]\nclients: [{name: acme, title: A}]"
    groups = found(tmp_path, GOOD, yaml)

    assert [group.clients for group in groups if isinstance(group, Placed)] == [["acme"]] * 2
    wrong = found(tmp_path, GOOD, yaml.replace("[acme]", "[nobody]"))
    assert "no client is called nobody" in wrong


def test_severities_are_a_table(tmp_path: Path) -> None:
    (tmp_path / "main.yml").write_text("severities: {Blocker: P1}")
    loaded = load([tmp_path])

    assert not isinstance(loaded, Mistakes)
    assert loaded.severities == {"blocker": "P1"}
    (tmp_path / "main.yml").write_text("severities: {blocker: P9}")
    assert isinstance(load([tmp_path]), Mistakes)


def test_aliases_that_stand_for_too_much_are_refused(tmp_path: Path) -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert "stand for too much" in found(tmp_path, "\n".join(lines))
