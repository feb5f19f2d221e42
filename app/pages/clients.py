"""The clients and how they are: open incidents, availability, systems, how the SLA was kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access import queries as access
from access.schemas import NAME
from access.scope import HOUSE, Right, Scope
from app.pages.frame import Framed
from app.pages.history import cells, days, months
from app.pages.hosts import fires, hosts, machines
from app.pages.incident_view import seen
from app.pages.oncall_page import schedules
from app.pages.strips import Strips
from app.pages.views import HostView, IncidentView, ScheduleView
from app.pages.words import Words
from incidents import queries as incidents
from incidents.api.health import month_of
from incidents.clocks import Kind
from incidents.health import Kept, Outage, availability
from incidents.queries import health
from kit.i18n import t

router = APIRouter(prefix="/clients", tags=["pages"], include_in_schema=False)

INCIDENTS_SHOWN = 10
HOSTS_SHOWN = 24
SYSTEMS_MOST = 500
Open = Mapping[tuple[str, str], tuple[int, str]]


@dataclass(frozen=True)
class SystemCard:
    """One system: what is open, and how it was this month."""

    name: str
    title: str
    core: bool
    open: int
    priority: str | None
    availability: float
    strip: Markup


@dataclass(frozen=True)
class ClientCard:
    """One client in the list."""

    name: str
    title: str
    open: int
    priority: str | None
    availability: float
    systems: int
    core: int


@dataclass(frozen=True)
class ClientsView:
    """Every client that the caller reaches."""

    clients: Sequence[ClientCard]


@dataclass(frozen=True)
class ClientPageView:
    """One client."""

    card: ClientCard
    timezone: str
    sla: str
    response: Kept
    recovery: Kept
    year: Markup
    systems: Sequence[SystemCard]
    schedules: Sequence[ScheduleView]
    hosts: Sequence[HostView]
    machines: int
    incidents: Sequence[IncidentView]
    explore: str


@router.get("")
async def show_clients(frame: Framed) -> Response:
    """Show every client, those in trouble first."""
    frame.caller.need(Right.READ)
    now, scope = frame.clock(), frame.caller.scope
    cards = []
    async with frame.db.snapshot() as session:
        open_ = await health.open_by_system(session, scope)
        for name, facts in frame.request.app.state.house.directory.clients.items():
            if scope.allows(name) and name != HOUSE:
                since = month_of(now, facts.timezone)
                lost = await health.outages(session, scope, name, since=since)
                cards.append(await _card(session, frame, name, open_, lost, (since, now)))
    cards.sort(key=lambda card: (card.priority or "P9", card.title))
    return frame.show("clients.html", ClientsView(cards), here="clients")


@router.get("/{name}")
async def show_client(name: Annotated[str, Path(pattern=NAME)], frame: Framed) -> Response:
    """Show one client."""
    frame.caller.need(Right.READ)
    now, scope, house = frame.clock(), frame.caller.scope, frame.request.app.state.house
    async with frame.db.snapshot() as session:
        row, alone = await access.client(session, scope, name), Scope(frozenset({name}))
        edges, since = months(now, row.timezone), month_of(now, row.timezone)
        lost = await health.outages(session, scope, name, since=edges[0])
        open_ = await health.open_by_system(session, scope)
        kept = await health.kept(session, scope, name, since=since, now=now)
        systems = await access.systems(session, scope, client=name, limit=SYSTEMS_MOST)
        people = await access.titles_of_people(session)
        burning = await fires(session, alone, house.store)
        on_call = await schedules(session, scope, now, people)
        card = await _card(session, frame, name, open_, lost, (since, now))
        late = await incidents.listed(session, scope, now=now, limit=INCIDENTS_SHOWN, client=name)
    words = Words(frame.reader.locale, house.directory, people, frame.reader.zone)
    locale = frame.reader.locale
    found = await machines(house.store, alone, fires=burning, now=now)
    core = {system.name for system in systems if system.core}
    words_of_month = t("past.month", locale)
    month, strip = days(now, row.timezone), Strips(locale, frame.reader.zone, now)
    view = ClientPageView(
        card=card,
        timezone=row.timezone,
        sla=row.sla,
        response=kept.get(Kind.RESPONSE, Kept()),
        recovery=kept.get(Kind.RECOVERY, Kept()),
        year=strip(cells(_of(lost, core), edges, now=now), t("clients.year", locale)),
        systems=[
            SystemCard(
                name=system.name,
                title=system.title,
                core=system.core,
                open=open_.get((name, system.name), (0, ""))[0],
                priority=open_.get((name, system.name), (0, None))[1],
                availability=availability(theirs, since=since, until=now),
                strip=strip(cells(theirs, month, now=now), words_of_month),
            )
            for system in sorted(systems, key=lambda one: (not one.core, one.title))
            for theirs in [_of(lost, {system.name})]
        ],
        schedules=on_call,
        hosts=await hosts(found[:HOSTS_SHOWN], house.directory, locale=locale, now=now),
        machines=len(found),
        incidents=[seen(one, words) for one in late],
        explore="/explore?" + urlencode({"expr": f'up{{client="{name}"}}', "range": "24h"}),
    )
    return frame.show("client.html", view, here="clients")


def _of(lost: Sequence[Outage], systems: set[str]) -> list[Outage]:
    return [one for one in lost if one.system in systems]


async def _card(
    session: AsyncSession,
    frame: Framed,
    name: str,
    open_: Open,
    lost: Sequence[Outage],
    window: tuple[datetime, datetime],
) -> ClientCard:
    facts = frame.request.app.state.house.directory.clients[name]
    systems = await access.systems(session, frame.caller.scope, client=name, limit=SYSTEMS_MOST)
    core = {system.name for system in systems if system.core}
    mine = [found for (client, _), found in open_.items() if client == name]
    return ClientCard(
        name=name,
        title=facts.title,
        open=sum(count for count, _ in mine),
        priority=min((priority for _, priority in mine), default=None),
        availability=availability(_of(lost, core), since=window[0], until=window[1]),
        systems=len(systems),
        core=len(core),
    )
