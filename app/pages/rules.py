"""What is watched: every rule, and the page of one with its limits, its past and what it sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query
from markupsafe import Markup
from starlette.responses import Response

from access.directory import Directory
from access.schemas import NAME
from access.scope import Right, Scope
from alerting import queries
from alerting.lifecycle import Ladder
from alerting.queries import Chosen
from alerting.tables import Alert, Rule
from alerting.thresholds import CompiledRule
from app.pages.evidence import chart_of
from app.pages.frame import Framed
from app.pages.history import cells, days, hours
from app.pages.levels import LevelView, ladder
from app.pages.rule_files import FileRow, file_rows
from app.pages.strips import Strips
from app.pages.timeline import labels_of
from app.pages.wording import reading
from incidents.content import titled
from incidents.queries import history
from incidents.queries.history import Answers
from kit.i18n import t

router = APIRouter(prefix="/rules", tags=["pages"], include_in_schema=False)

DAY = timedelta(days=1)
MONTH = timedelta(days=30)
CHARTS_MOST = 3
ALERTS_SHOWN = 20


@dataclass(frozen=True)
class RuleRow:
    """One rule in the list."""

    name: str
    title: str
    expr: str
    limits: Sequence[LevelView]
    firing: int
    month: int
    broken: str | None
    origin: str | None
    narrowed: Sequence[str]


@dataclass(frozen=True)
class RulesView:
    """The list; `text` narrows it."""

    rules: Sequence[RuleRow]
    files: Sequence[FileRow]
    text: str


@dataclass(frozen=True)
class Override:
    """What the rule says for one client that has limits of its own."""

    client_title: str
    limits: Sequence[LevelView]


@dataclass(frozen=True)
class Seen:
    """One alert of the rule with what it saw."""

    id: str
    labels: Sequence[tuple[str, str]]
    value: str | None
    state: str
    priority: str | None
    since: datetime | None
    chart: Markup | None


@dataclass(frozen=True)
class RuleView:
    """One rule."""

    row: RuleRow
    overrides: Sequence[Override]
    escalation: str | None
    day: Markup
    month: Markup
    answers: Answers
    alerts: Sequence[Seen]
    explore: str


@router.get("")
async def show_rules(
    frame: Framed,
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """Show every rule that holds for some client the caller reaches."""
    frame.caller.need(Right.READ)
    now, scope = frame.clock(), frame.caller.scope
    async with frame.db.snapshot() as session:
        rows = await queries.rows_of_rules(session)
        firing = await queries.firing_by_rule(session, scope)
        month = await history.fired_by_rule(session, scope, since=now - MONTH)
    shelf = _Shelf(frame, firing, month)
    shown = [shelf.row(row) for row in rows if queries.concerns(row, scope)]
    wanted = text.strip().lower()
    found = [one for one in shown if wanted in f"{one.name} {one.title} {one.expr}".lower()]
    found.sort(key=lambda one: (-one.firing, one.broken is None, one.name))
    files = file_rows(frame.request.app.state.house.files, scope, firing, wanted)
    return frame.show("rules.html", RulesView(found, files, text), here="rules")


@router.get("/{name}")
async def show_rule(name: Annotated[str, Path(pattern=NAME)], frame: Framed) -> Response:
    """Show one rule."""
    frame.caller.need(Right.READ)
    now, scope = frame.clock(), frame.caller.scope
    locale, zone = frame.reader.locale, frame.reader.zone
    house = frame.request.app.state.house
    edges, strip = days(now, zone), Strips(locale, zone, now)
    async with frame.db.snapshot() as session:
        row = await queries.rule(session, scope, name)
        chosen = Chosen(rule=name)
        alerts = await queries.alerts(session, scope, chosen=chosen, limit=ALERTS_SHOWN)
        firing = await queries.firing_by_rule(session, scope)
        fired = await history.firings(session, scope, since=edges[0], rule=name)
        answers = await history.answers(session, scope, since=now - MONTH, rule=name)
    times = sum(one.times for one in fired if one.fired_at > now - MONTH)
    rule = CompiledRule(queries.spec_of(row))
    view = RuleView(
        row=_Shelf(frame, firing, {name: times}).row(row),
        overrides=_overrides(rule, house.directory, frame),
        escalation=row.escalation,
        day=strip(cells(fired, hours(now), now=now), t("past.day", locale)),
        month=strip(cells(fired, edges, now=now), t("past.month", locale)),
        answers=answers,
        alerts=[
            await _seen(alert, rule, frame, drawn=number < CHARTS_MOST)
            for number, alert in enumerate(alerts)
        ],
        explore="/explore?" + urlencode({"expr": row.expr, "range": "24h", "rule": name}),
    )
    return frame.show("rule.html", view, here="rules")


class _Shelf:
    """Turns rules into rows for whoever looks."""

    def __init__(self, frame: Framed, firing: dict[str, int], month: dict[str, int]) -> None:
        self._frame, self._firing, self._month = frame, firing, month
        self._broken = frame.request.app.state.house.evaluator.broken

    def row(self, row: Rule) -> RuleRow:
        """Return one rule as the list has it."""
        locale = self._frame.reader.locale
        rule = CompiledRule(queries.spec_of(row))
        return RuleRow(
            name=row.name,
            title=titled(row.title, locale),
            expr=row.expr,
            limits=ladder(rule.ladder, row.unit, locale),
            firing=self._firing.get(row.name, 0),
            month=self._month.get(row.name, 0),
            broken=self._broken.get(row.name),
            origin=row.origin,
            narrowed=_narrowed(row, self._frame.caller.scope),
        )


def _narrowed(row: Rule, scope: Scope) -> list[str]:
    """Return the clients and systems that a rule holds for alone, as far as the caller may know."""
    clients = [name for name in row.clients or () if scope.allows(name)]
    return clients + [name for name in row.systems or () if queries.of_scope(name, scope)]


def _overrides(rule: CompiledRule, directory: Directory, frame: Framed) -> list[Override]:
    locale, found = frame.reader.locale, []
    for name, client in sorted(directory.clients.items()):
        if rule.name in client.overrides and frame.caller.scope.allows(name):
            own = rule.terms(client).ladder or Ladder({})
            found.append(Override(client.title, ladder(own, rule.spec.unit, locale)))
    return found


async def _seen(alert: Alert, rule: CompiledRule, frame: Framed, *, drawn: bool) -> Seen:
    house, chart = frame.request.app.state.house, None
    if drawn:
        steps = rule.terms(house.directory.clients.get(alert.client)).ladder or Ladder({})
        chart = await chart_of(
            house.store, alert, steps.levels, frame.reader, now=frame.clock(), length=DAY
        )
    return Seen(
        id=str(alert.id),
        labels=labels_of(alert.labels),
        value=reading(alert.value, alert.unit, frame.reader.locale),
        state=alert.state.shown,
        priority=alert.priority.value if alert.priority else None,
        since=alert.fired_at or alert.at,
        chart=chart,
    )
