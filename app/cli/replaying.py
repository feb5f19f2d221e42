"""The command that asks the running service what a rule would have done: replay."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import httpx

from app.cli.examining import spoken
from app.cli.running import run, settings_here
from app.doctor import machine
from app.provisioning.yaml_tree import NotRead, read
from kit.clock import system_clock
from kit.durations import parse
from kit.errors import Invalid
from kit.i18n import t
from kit.settings import Settings

WITHIN = timedelta(minutes=2)
WIDTH = 60
"""Signs of a bar of time."""
ROWS_MOST = 40
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("replay")
@click.argument("rule", required=False)
@click.option(
    "--file",
    "file",
    type=FILE,
    help="YAML with the rule as it shall be: thresholds, or groups as of Prometheus.",
)
@click.option("--against", type=FILE, help="YAML with the rule as it was.")
@click.option("--over", default="1d", show_default=True, help="How far back, at most 31d.")
@click.option("--client", help="The one client whose series matter.")
@click.option("--acknowledge-after", help="Somebody answers so long after the first message.")
@click.option("--token", envvar="LANGYAN_TOKEN", help="With the right to read.")
@click.option("--json", "as_json", is_flag=True, help="Say it for a program.")
def replay(
    rule: str | None,
    file: Path | None,
    against: Path | None,
    over: str,
    client: str | None,
    acknowledge_after: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """Ask the running service what RULE would have done, or one in a file, or how two differ.

    RULE with --file: how the file's rule of that name differs from the one that stands here.
    RULE of a Prometheus file is GROUP/ALERT.
    """
    if rule is None and file is None:
        raise click.UsageError("name a rule, or a file with --file")
    try:
        since = system_clock() - parse(over)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(str(error)) from None
    asked = {
        "rule": rule,
        **(asked_with(file, rule) if file else {}),
        **(asked_with(against, rule, former=True) if against else {}),
        "client": client,
        "since": since.isoformat(),
        "acknowledge_after": acknowledge_after,
    }
    found = run(_asked(settings_here(), token, {k: v for k, v in asked.items() if v is not None}))
    shown = json.dumps(found, ensure_ascii=False, indent=2) if as_json else None
    click.echo(shown or report(found, spoken(os.environ)))


def asked_with(file: Path, name: str | None, *, former: bool = False) -> dict[str, Any]:
    """Return the rule of that name in a file as the service is asked; without a name, the only one.

    A Prometheus file has groups; of one, the rule is called `GROUP/ALERT`.
    """
    try:
        value = read(file.read_bytes()).value
    except NotRead as error:
        raise click.UsageError(f"{file}:{error.line}: {error.message}") from None
    whole = value if isinstance(value, dict) else {}
    groups = "groups" in whole
    known = _alerting(whole["groups"]) if groups else _thresholds(whole.get("thresholds"))
    chosen = [one for called, one in known if name is None or called == name]
    if len(chosen) != 1:
        names = ", ".join(called for called, _ in known) or "none"
        raise click.UsageError(f"{file}: name one of its rules ({names})")
    field = ("group_against" if former else "group") if groups else None
    return {field or ("against" if former else "threshold"): chosen[0]}


def _thresholds(listed: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(str(one.get("name")), one) for one in _parts(listed)]


def _alerting(groups: Any) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{group.get('name')}/{rule['alert']}", {**group, "rules": [rule]})
        for group in _parts(groups)
        for rule in _parts(group.get("rules"))
        if rule.get("alert")
    ]


def _parts(listed: Any) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


async def _asked(settings: Settings, token: str | None, asked: dict[str, Any]) -> Any:
    url = f"{machine.here(settings.host, settings.port)}/api/v1/replays"
    headers = {"Authorization": f"Bearer {token or settings.admin_token or ''}"}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=WITHIN.total_seconds()) as client:
            answer = await client.post(url, json=asked, headers=headers)
            said = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Invalid("no Langyan answers at {url}: {why}", url=url, why=error) from None
    if answer.is_error:
        raise Invalid("the service refused: {why}", why=said.get("detail") or said.get("title"))
    return said


def report(found: dict[str, Any], locale: str) -> str:
    """Return what was found as lines: sums, a bar of time for each alert, and the difference."""
    lines = [t("replay.over", locale, since=_minute(found["since"]), until=_minute(found["until"]))]
    assumed = found["acknowledge_after"]
    key = "replay.answered" if assumed else "replay.unanswered"
    lines.append(t(key, locale, after=assumed))
    for version in ("before", "now"):
        if found[version]:
            lines += ["", *_version(found, version, locale)]
    if found["difference"]:
        lines += ["", t("replay.difference", locale, **found["difference"]["counts"])]
    return "\n".join(lines)


def _version(found: dict[str, Any], version: str, locale: str) -> list[str]:
    told = found[version]
    lines = [f"{t(f'replay.{version}', locale)} {told['rule']}"]
    lines.append(t("replay.sums", locale, **told["sums"]))
    people = told["sums"]["by_person"].items()
    lines += [f"  {person:<24} {count:>6}" for person, count in people]
    span = [datetime.fromisoformat(found[edge]) for edge in ("since", "until")]
    for alert in told["alerts"][:ROWS_MOST]:
        named = " ".join(f"{key}={value}" for key, value in sorted(alert["labels"].items()))
        lines.append(f"  {alert['priority']} {bar(alert, *span)} {_minute(alert['from'])} {named}")
    if (more := told["sums"]["alerts"] - ROWS_MOST) > 0:
        lines.append(t("replay.more", locale, more=more))
    return lines


def bar(alert: dict[str, Any], since: datetime, until: datetime) -> str:
    """Return the time as signs, full where the alert fires."""
    end = alert["until"]
    edges = datetime.fromisoformat(alert["from"]), datetime.fromisoformat(end) if end else until
    first, last = (int((edge - since) / (until - since) * WIDTH) for edge in edges)
    first = min(max(first, 0), WIDTH - 1)
    full = max(min(last, WIDTH) - first, 1)
    return "·" * first + "█" * full + "·" * (WIDTH - first - full)


def _minute(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M}Z"
