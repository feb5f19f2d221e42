"""The pages /admin/clients: who is looked after, under which SLA, and who is told."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response

from access import queries as access
from access.directory import ClientFacts
from access.schemas import Name
from access.scope import HOUSE, Right
from alerting import queries as alerting
from alerting.lifecycle import Ladder
from alerting.thresholds import CompiledRule
from app.pages.frame import Frame, Framed
from app.pages.levels import LevelView, ladder
from app.pages.person_parts import LANGUAGES
from incidents.content import titled

if TYPE_CHECKING:
    from access.tables import Client

router = APIRouter(prefix="/admin/clients", tags=["pages"], include_in_schema=False)

MOST = 1000


@dataclass(frozen=True)
class ClientRow:
    """One client in the list."""

    name: str
    title: str
    sla: str
    escalation: str | None
    systems: int
    targets: int
    own_limits: int
    language: str
    timezone: str
    origin: str | None


@dataclass(frozen=True)
class ClientsView:
    """Every client that the caller reaches."""

    clients: Sequence[ClientRow]


@dataclass(frozen=True)
class OwnLimits:
    """What one rule says for this client alone."""

    rule: str
    title: str
    limits: Sequence[LevelView]


@dataclass(frozen=True)
class ClientView:
    """One client with what belongs to it."""

    row: ClientRow
    systems: Sequence[tuple[str, str, bool]]
    targets: Sequence[str]
    limits: Sequence[OwnLimits]
    house: bool


@router.get("")
async def show_clients(frame: Framed) -> Response:
    """Show every client by name."""
    frame.caller.need(Right.ADMIN)
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        rows = await access.clients(session, scope, limit=MOST)
        systems = Counter(s.client for s in await access.systems(session, scope, limit=MOST))
        targets = Counter(one.client for one in await access.targets_of(session, scope, limit=MOST))
    shown = [_row(row, systems[row.name], targets[row.name]) for row in rows]
    return frame.show("admin/clients.html", ClientsView(shown), here="admin")


@router.get("/{name}")
async def show_client(name: Name, frame: Framed) -> Response:
    """Show one client."""
    frame.caller.need(Right.ADMIN)
    return await _page(frame, name)


async def _page(frame: Frame, name: str) -> Response:
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        row = await access.client(session, scope, name)
        systems = await access.systems(session, scope, client=name, limit=MOST)
        targets = await access.targets_of(session, scope, client=name, limit=MOST)
        rules = await alerting.rules(session)
    view = ClientView(
        row=_row(row, len(systems), len(targets)),
        systems=[(system.name, system.title, system.core) for system in systems],
        targets=[target.name for target in targets],
        limits=list(_limits(row, rules, frame.reader.locale)),
        house=name == HOUSE,
    )
    return frame.show("admin/client.html", view, here="admin")


def _row(row: "Client", systems: int, targets: int) -> ClientRow:
    return ClientRow(
        name=row.name,
        title=row.title,
        sla=row.sla,
        escalation=row.escalation,
        systems=systems,
        targets=targets,
        own_limits=len(row.overrides),
        language=dict(LANGUAGES)[row.locale],
        timezone=row.timezone,
        origin=row.origin,
    )


def _limits(row: "Client", rules: Sequence[CompiledRule], locale: str) -> Iterator[OwnLimits]:
    """Yield what the rules say for this client where it is not what they say for all."""
    facts = ClientFacts(row.name, row.title, overrides=row.overrides)
    for rule in rules:
        if rule.name in row.overrides:
            own = rule.terms(facts).ladder or Ladder({})
            yield OwnLimits(
                rule.name, titled(rule.spec.title, locale), ladder(own, rule.spec.unit, locale)
            )
