"""Reading configuration: every mistake at once, each at its line and in words that help."""

from pathlib import Path

import pytest

from alerting.schemas import ThresholdSpec
from app.provisioning import DEFAULTS, Mistakes, Provision, load, report, summary
from app.provisioning.sections import SystemIn
from kit.settings import ROOT

QUICKSTART = ROOT / "examples" / "quickstart"
MANUAL = ROOT / "docs" / "configuration.md"


def wrote(folder: Path, text: str, name: str = "a.yml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return folder


def mistakes(folder: Path, environ: dict[str, str] | None = None) -> list[str]:
    found = load([DEFAULTS, folder], environ=environ)
    assert isinstance(found, Mistakes), found
    return [f"{m.file.rpartition('/')[2]}:{m.line}: {m.field}: {m.message}" for m in found.mistakes]


def loaded(*folders: Path) -> Provision:
    found = load([DEFAULTS, *folders])
    assert isinstance(found, Provision), report(found.mistakes)
    return found


def test_what_we_ship_has_no_mistakes() -> None:
    assert summary(loaded()).startswith("no mistakes: 1 escalations, 1 slas")
    assert "1 clients, 3 systems" in summary(loaded(QUICKSTART))


def test_the_example_of_the_manual_is_taken_as_it_stands(tmp_path: Path) -> None:
    example = MANUAL.read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    found = loaded(wrote(tmp_path, example))
    systems = {value.name: value for value, _ in found.of("systems", SystemIn)}
    assert (systems["pos"].core, systems["pos"].match) == (True, {"job": "pos-.*"})
    rules = {value.name: value for value, _ in found.of("thresholds", ThresholdSpec)}
    assert rules["queue-length"].levels["P2"].above == 1000  # type: ignore[index]
    assert rules["host-cpu"].levels


def test_every_mistake_is_told_at_once_with_its_line_and_field(tmp_path: Path) -> None:
    folder = wrote(
        tmp_path,
        """clients:
  - {name: acme, title: Acme, sla: gold, timezone: Mars/Olympus}
  - name: Bolt Ltd
    title: 7
systems:
  - {name: pos, client: amce, title: POS, core: yes, match: {client: x, job: "("}}
thresholds:
  - name: disk
    expr: foo(
    P1:
      above: 95
      for: 5 minutes
    tresholds: 1
  - name: empty
    expr: up
what: [1]
""",
    )
    assert mistakes(folder) == [
        "a.yml:2: clients[0].timezone: 'Mars/Olympus' is not a time zone; write Asia/Shanghai",
        "a.yml:3: clients[1].name: "
        "write a name of a-z, 0-9, '.', '_' and '-', at most 63 characters",
        "a.yml:4: clients[1].title: write text here; in quotes if it looks like a number",
        "a.yml:6: systems[0].core: write true or false",
        "a.yml:6: systems[0].match.client: the label client is set by us alone",
        "a.yml:6: systems[0].match.job: '(' is not a regular expression: missing ): (",
        "a.yml:12: thresholds[0].P1.for: "
        "'5 minutes' is not a duration; write 90s, 15m, 1h30m or 2d",
        "a.yml:13: thresholds[0].tresholds: there is no such field; there are name, title, expr, "
        "unit, P1, P2, P3, P4, recover, absent, clients, systems, core, escalation",
        "a.yml:14: thresholds[1]: a rule without P1, P2, P3, P4 or absent can never fire",
        "a.yml:16: what: there is no such section; there are clients, systems, people, "
        "schedules, escalations, slas, tokens, targets, thresholds",
    ]


def test_names_that_nobody_has_are_mistakes_where_they_stand(tmp_path: Path) -> None:
    folder = wrote(
        tmp_path,
        """
clients:
  - {name: acme, title: A, sla: gold, escalation: nights, overrides: {nothing: {P1: {above: 1}}}}
systems: [{name: pos, client: amce, title: POS}]
people: [{name: li, title: Li, clients: [bolt]}]
schedules: [{name: primary, layers: [{people: [li, han]}]}]
escalations:
  - {name: mine, steps: [{notify: ["schedule:secondary", "person:wu", "role:boss"], wait: 1m}]}
tokens: [{name: t, client: bolt, scopes: [ingest], secret_env: T}]
targets: [{name: web, client: acme, system: shop, kind: http, url: "http://x"}]
thresholds:
  - {name: t, expr: up, P1: {below: 1}, clients: [bolt], systems: [shop], escalation: none}
""",
    )
    assert [line.partition(": ")[2] for line in mistakes(folder)] == [
        "clients[0].escalation: no escalation is called nights",
        "clients[0].overrides.nothing: no threshold is called nothing",
        "clients[0].sla: no sla is called gold",
        "systems[0].client: no client is called amce",
        "people[0].clients[0]: no client is called bolt",
        "schedules[0].layers[0].people[1]: no person is called han",
        "escalations[0].steps[0].notify[0]: no schedule is called secondary",
        "escalations[0].steps[0].notify[1]: no person is called wu",
        "escalations[0].steps[0].notify[2]: no role is called boss",
        "tokens[0].client: no client is called bolt",
        "targets[0].system: the client acme has no system shop",
        "thresholds[0].clients[0]: no client is called bolt",
        "thresholds[0].escalation: no escalation is called none",
        "thresholds[0].systems[0]: no system is called shop",
    ]


def test_a_broken_entry_still_lends_its_name_to_others(tmp_path: Path) -> None:
    folder = wrote(
        tmp_path, "clients: [{name: acme}]\nsystems: [{name: pos, client: acme, title: POS}]"
    )
    assert mistakes(folder) == ["a.yml:1: clients[0].title: this field is missing"]


def test_the_same_name_twice_is_a_mistake_over_files_too(tmp_path: Path) -> None:
    wrote(tmp_path, "clients: [{name: acme, title: A}]", "a.yml")
    folder = wrote(tmp_path, "\nclients: [{name: acme, title: B}]", "b.yaml")
    (found,) = mistakes(folder)
    assert found.startswith("b.yaml:2: clients[0].name: acme is there already: ")
    assert found.endswith("a.yml:1")


def test_two_clients_may_have_systems_of_one_name(tmp_path: Path) -> None:
    folder = wrote(
        tmp_path,
        "clients: [{name: a, title: A}, {name: b, title: B}]\n"
        "systems: [{name: pos, client: a, title: P}, {name: pos, client: b, title: P}]",
    )
    assert len(list(loaded(folder).of("systems", SystemIn))) == 2


def test_ones_own_threshold_replaces_ours_and_off_switches_it_off(tmp_path: Path) -> None:
    folder = wrote(
        tmp_path,
        "thresholds:\n"
        "  - {name: host-cpu, expr: langyan_host_cpu_percent, P4: {above: 1}}\n"
        "  - {name: host-load, off: true}",
    )
    rules = {value.name: value for value, _ in loaded(folder).of("thresholds", ThresholdSpec)}
    assert list(rules["host-cpu"].levels) == ["P4"]
    assert "host-load" not in rules


@pytest.mark.parametrize("text", ["{name: nothing, off: true}", "{name: host-load, off: yes}"])
def test_only_what_is_there_can_be_switched_off(tmp_path: Path, text: str) -> None:
    assert len(mistakes(wrote(tmp_path, f"thresholds: [{text}]"))) == 1


def test_an_override_is_checked_with_the_rule_that_it_changes(tmp_path: Path) -> None:
    folder = wrote(
        tmp_path,
        "clients:\n"
        "  - name: acme\n"
        "    title: A\n"
        "    overrides:\n"
        "      host-cpu:\n"
        "        P2: {above: 99, for: 1m}\n"
        "        P3: {abov: 1}\n"
        "      host-load: {expr: {}}\n"
        "      probe-slow: {P3: 7}\n",
    )
    found = mistakes(folder)
    assert [line.split(": ")[:2] for line in found] == [
        ["a.yml:7", "clients[0].overrides.host-cpu.P3.abov"],
        ["a.yml:8", "clients[0].overrides.host-load.expr"],
        ["a.yml:9", "clients[0].overrides.probe-slow.P3"],
    ]


def test_secrets_are_asked_for_when_applying_and_not_when_checking(tmp_path: Path) -> None:
    folder = wrote(
        tmp_path,
        "tokens:\n"
        "  - {name: a, scopes: [read], secret_env: A}\n"
        "  - {name: b, scopes: [read], secret_env: B}\n"
        "  - {name: c, scopes: [read], secret_env: C}\n"
        "people:\n"
        "  - name: li\n"
        "    title: Li\n"
        "    password_env: SHORT\n"
        "    contacts: [{channel: webhook, url: 'http://x', secret_env: D}]\n",
    )
    assert load([DEFAULTS, folder])
    assert mistakes(folder, {"A": "same", "B": "same", "SHORT": "short"}) == [
        "a.yml:3: tokens[1].secret_env: the token a has the same secret",
        "a.yml:4: tokens[2].secret_env: the variable C is not set",
        "a.yml:8: people[0].password_env: a password has 12 to 1024 characters",
        "a.yml:9: people[0].contacts[0].secret_env: the variable D is not set",
    ]


def test_a_rule_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes(wrote(tmp_path, "rule_files: [rules/*.yml]")) == [
        "a.yml:1: rule_files[0]: there is no such file"
    ]


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path / "nowhere")
    assert "cannot be read: No such file or directory" in found


def test_other_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    wrote(tmp_path, "clients: [", ".hidden.yml")
    wrote(tmp_path, "clients: [", "notes.txt")
    wrote(tmp_path / "rules", "groups: []", "prometheus.yml")
    assert loaded(tmp_path)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("url: 'ftp://x'", "write an address like"),
        ("url: 'http://'", "write an address like"),
        ("url: 'http://x:99999'", "write an address like"),
        ("url: 'http://x', interval: 100ms", "between 1s and 1d"),
        ("url: 'http://x', interval: 5s, timeout: 6s", "not longer than the interval"),
        ("url: 'http://x', labels: {drill: d}", "set by us alone"),
        ("url: 'http://x', expect_status: 700", "less than or equal to 599"),
    ],
)
def test_a_target_that_cannot_be_asked_is_refused(tmp_path: Path, kind: str, wrong: str) -> None:
    folder = wrote(tmp_path, f"targets: [{{name: t, client: house, kind: http, {kind}}}]")
    (found,) = mistakes(folder)
    assert wrong in found


def test_a_reader_of_a_client_needs_that_client(tmp_path: Path) -> None:
    (found,) = mistakes(wrote(tmp_path, "people: [{name: li, title: Li, role: client}]"))
    assert found == "a.yml:1: people[0]: a person with the role client needs `clients`"


def test_a_layer_may_hold_for_certain_hours_only(tmp_path: Path) -> None:
    hours = '{days: [Sat, Sun], from: "20:00", to: "08:00"}'
    layer = f"layers: [{{people: [admin], only: [{hours}]}}]"
    wrote(tmp_path, f"schedules: [{{name: nights, {layer}}}]")
    assert loaded(tmp_path).names("schedules") == {"nights"}

    wrote(tmp_path, f"schedules: [{{name: nights, {layer.replace('20:00', 'ten')}}}]")
    place = "a.yml:1: schedules[0].layers[0].only[0].from"
    assert mistakes(tmp_path) == [f"{place}: 'ten' is not a time of day; write \"20:00\""]
