"""What fires, waits or has gone silent, and the page of one alert."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access import queries as access
from access.schemas import NAME
from access.scope import Right
from alerting import queries
from alerting.lifecycle import Ladder, Priority
from alerting.queries import STATES, Chosen
from alerting.tables import Alert
from app.pages.evidence import chart_of
from app.pages.frame import Framed
from app.pages.history import cells, days
from app.pages.incident_view import seen
from app.pages.levels import LevelView, ladder
from app.pages.rule_files import origin_of
from app.pages.sheets import MARK, lines, sheet
from app.pages.strips import Strips
from app.pages.timeline import labels_of
from app.pages.views import ClientView, IncidentView
from app.pages.wording import reading
from app.pages.words import Words
from incidents import queries as incidents
from incidents.content import titled
from incidents.queries import history
from kit import live
from kit.i18n import t
from kit.web import on_the_loop

router = APIRouter(tags=["pages"], include_in_schema=False)

PAGE = 100
DAY = timedelta(days=1)
CSV_MOST = 10_000
INCIDENTS_SHOWN = 10
ROW = ("state", "priority", "client", "system", "rule", "title", "labels", "value", "unit")


@dataclass(frozen=True)
class AlertRow:
    """One alert in a list."""

    id: UUID
    title: str
    state: str
    priority: str | None
    client_title: str
    system_title: str | None
    labels: Sequence[tuple[str, str]]
    value: str | None
    since: datetime | None
    incident: int | None = None


@dataclass(frozen=True)
class AlertsView:
    """The list with its filters as they stand in the address."""

    alerts: Sequence[AlertRow]
    state: str
    priority: str
    client: str
    rule: str
    text: str
    tally: dict[str, int]
    clients: Sequence[ClientView]
    here: str
    older: str | None = None

    @property
    def filtered(self) -> bool:
        """Something narrows the list beyond its state."""
        return bool(self.priority or self.client or self.text or self.rule)


@dataclass(frozen=True)
class AlertPageView:
    """One alert: what it is, what it saw, when it fired."""

    alert: AlertRow
    rule: str
    limits: Sequence[LevelView]
    chart: Markup | None
    strip: Markup
    incidents: Sequence[IncidentView]
    silent_since: datetime | None
    explore: str
    annotations: Sequence[tuple[str, str]]
    origin: str | None


@dataclass(frozen=True)
class Asked:
    """What the address of a list asks for."""

    state: Annotated[str, Query(pattern=f"^({'|'.join(STATES)})$")] = "firing"
    priority: Annotated[str, Query(pattern="^(P[1-4])?$")] = ""
    client: Annotated[str, Query(pattern=f"{NAME}|^$")] = ""
    rule: Annotated[str, Query(pattern=f"{NAME}|^$")] = ""
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = ""

    @property
    def chosen(self) -> Chosen:
        """The same as a query wants it."""
        priority = Priority(self.priority) if self.priority else None
        return Chosen(self.client or None, None, self.rule or None, priority, self.text)


@dataclass(frozen=True)
class Shelf:
    """The list for whoever looks."""

    frame: Framed
    asked: Annotated[Asked, Depends(on_the_loop(Asked))]
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0

    async def view(self) -> AlertsView:
        """Return what the list shows at this moment."""
        frame, asked = self.frame, self.asked
        frame.caller.need(Right.READ)
        async with frame.db.snapshot() as session:
            rows = await self.rows(session, PAGE + 1)
            tally = await queries.tally(session, frame.caller.scope, asked.chosen)
            homes = await incidents.open_of_alerts(session, [row.id for row in rows])
        words = _words(frame)
        more = urlencode({**vars(asked), "offset": self.offset + PAGE})
        return AlertsView(
            alerts=[_row(row, words, homes.get(row.id)) for row in rows[:PAGE]],
            **vars(asked),
            tally=tally,
            clients=[
                ClientView(name, facts.title, 0)
                for name, facts in sorted(words.directory.clients.items())
                if frame.caller.scope.allows(name)
            ],
            here=urlencode({**vars(asked), "offset": self.offset}),
            older=f"/alerts?{more}" if len(rows) > PAGE else None,
        )

    async def rows(self, session: AsyncSession, limit: int) -> Sequence[Alert]:
        """Return the alerts that the address asks for."""
        scope, asked = self.frame.caller.scope, self.asked
        return await queries.alerts(
            session, scope, chosen=asked.chosen, state=asked.state, offset=self.offset, limit=limit
        )

    async def fragment(self) -> str:
        """Return the live part of the list."""
        return self.frame.render("_alerts_live.html", await self.view(), here="alerts")


AtShelf = Annotated[Shelf, Depends(on_the_loop(Shelf))]


@router.get("/alerts")
async def show_alerts(shelf: AtShelf) -> Response:
    """Show the alerts that the filters leave, the gravest first."""
    since, view = shelf.frame.since(), await shelf.view()
    return shelf.frame.show("alerts.html", view, here="alerts", since=since)


@router.get("/alerts/events")
async def follow_alerts(shelf: AtShelf) -> Response:
    """Stream the list while it is open."""
    shelf.frame.caller.need(Right.READ)
    return shelf.frame.stream({live.BOARD}, shelf.fragment)


@router.get("/alerts.csv")
async def export_alerts(shelf: AtShelf) -> Response:
    """Return the list as a table for a spreadsheet."""
    shelf.frame.caller.need(Right.READ)
    async with shelf.frame.db.snapshot() as session:
        rows = await shelf.rows(session, CSV_MOST)
    return sheet(_lines(rows, shelf.frame.reader.locale), "alerts.csv")


async def _lines(rows: Sequence[Alert], locale: str) -> AsyncIterator[str]:
    yield MARK + lines([(*ROW, "at", "fired_at", "resolved_at")])
    for row in rows:
        labels = " ".join(f"{name}={value}" for name, value in labels_of(row.labels))
        said = (row.state.shown, row.priority, row.client, row.system, row.rule)
        what = (titled(row.title, locale), labels, row.value, row.unit)
        times = (row.at, row.fired_at, row.resolved_at)
        yield lines([(*said, *what, *times)])


@router.get("/alerts/{alert_id}")
async def show_alert(alert_id: UUID, frame: Framed) -> Response:
    """Show one alert: its evidence, its past, its incidents."""
    frame.caller.need(Right.READ)
    now, zone, scope = frame.clock(), frame.reader.zone, frame.caller.scope
    house = frame.request.app.state.house
    async with frame.db.snapshot() as session:
        row = await queries.get(session, scope, alert_id)
        edges = days(now, zone)
        fired = await history.firings(session, scope, since=edges[0], alert=alert_id)
        numbers = list(dict.fromkeys(one.number for one in fired))[:INCIDENTS_SHOWN]
        shown = await incidents.numbered(session, scope, numbers, now=now)
        people = await access.titles_of_people(session)
        rules = await queries.rules_named(session, {row.rule})
    words = Words(frame.reader.locale, house.directory, people, zone)
    strip = Strips(words.locale, zone, now)
    known = rules.get(row.rule)
    client = house.directory.clients.get(row.client)
    steps = (known.terms(client).ladder if known else None) or Ladder({})
    chart = await chart_of(house.store, row, steps.levels, frame.reader, now=now, length=DAY)
    home = next((one.incident.number for one in shown if one.incident.open), None)
    view = AlertPageView(
        alert=_row(row, words, home),
        rule=row.rule if known else "",
        limits=ladder(steps, row.unit, frame.reader.locale),
        chart=chart,
        strip=strip(cells(fired, edges, now=now), t("past.month", words.locale)),
        incidents=[seen(one, words) for one in shown],
        silent_since=row.absent_since,
        annotations=sorted(row.annotations.items()),
        origin=next((origin_of(rule) for rule in house.files if rule.key == row.rule), None),
        explore="/explore?"
        + urlencode({"expr": row.expr, "range": "24h", "rule": row.rule if known else ""}),
    )
    return frame.show("alert.html", view, here="alerts")


def _words(frame: Framed) -> Words:
    return Words(
        frame.reader.locale, frame.request.app.state.house.directory, {}, frame.reader.zone
    )


def _row(row: Alert, words: Words, incident: int | None) -> AlertRow:
    shown = row.state.shown
    since = {"resolved": row.resolved_at, "unknown": row.absent_since, "firing": row.fired_at}
    return AlertRow(
        id=row.id,
        title=titled(row.title, words.locale),
        state=shown,
        priority=row.priority.value if row.priority else None,
        client_title=words.client(row.client),
        system_title=words.system(row.client, row.system),
        labels=labels_of(row.labels),
        value=reading(row.value, row.unit, words.locale),
        since=since.get(shown) or row.at,
        incident=incident,
    )
