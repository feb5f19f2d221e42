"""The command that looks the installation over: doctor."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from app import rule_tests as rule_testing
from app.cli.running import run, settings_here
from app.doctor.examination import examine
from app.doctor.findings import MARKS, Finding, Level
from app.doctor.patient import Patient
from app.doctor.settings import origins
from kit.clock import system_clock
from kit.i18n import Locale, t


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Say it for a program.")
def doctor(as_json: bool) -> None:
    """Look the installation over: what is wrong, and how to mend it; 1 if something fails."""
    settings, locale = settings_here(), spoken(os.environ)
    findings = run(examine(settings, system_clock))
    if as_json:
        shown = origins(Patient(settings, system_clock))
        given = {name: {"value": v, "given": how} for name, (v, how) in shown.items()}
        told = [finding.told(locale) for finding in findings]
        click.echo(json.dumps({"findings": told, "settings": given}, ensure_ascii=False, indent=2))
    else:
        click.echo(report(findings, locale))
    sys.exit(1 if any(finding.level is Level.FAIL for finding in findings) else 0)


def rule_tests(paths: Sequence[Path]) -> None:
    """Run files of rule tests and say what became of each; 1 if one failed."""
    verdicts = [rule_testing.judge(path) for path in paths]
    for verdict in verdicts:
        click.echo(str(verdict), err=bool(verdict.failures))
    sys.exit(1 if any(verdict.failures for verdict in verdicts) else 0)


def report(findings: Sequence[Finding], locale: str) -> str:
    """Return the findings as lines, what to do under each, and how many there are of which."""
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.level]} {finding.check}: {finding.said(locale)}")
        if advice := finding.advice(locale):
            lines.append(f"    → {advice}")
    counts = {level.value: sum(one.level is level for one in findings) for level in Level}
    return "\n".join([*lines, t("doctor.summary", locale, **counts)])


def spoken(environ: Mapping[str, str]) -> Locale:
    """Return the language of a terminal: LC_ALL, LC_MESSAGES, then LANG."""
    named = next((environ[n] for n in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(n)), "")
    return Locale.ZH if named.lower().startswith("zh") else Locale.EN
