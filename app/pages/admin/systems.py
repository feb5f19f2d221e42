"""The pages /admin/systems: what the clients run, and which series belong to it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from access import queries as access
from access.schemas import NAME, Name
from access.scope import Right
from app.pages.admin.matching import Matched, Wanted, counted, matched
from app.pages.frame import Frame, Framed

if TYPE_CHECKING:
    from access.tables import System

router = APIRouter(prefix="/admin/systems", tags=["pages"], include_in_schema=False)

MOST = 1000
Options = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class SystemRow:
    """One system in the list; `series` is how many it has now."""

    client: str
    client_title: str
    name: str
    title: str
    core: bool
    match: Sequence[tuple[str, str]]
    escalation: str | None
    series: int
    targets: int
    origin: str | None


@dataclass(frozen=True)
class SystemsView:
    """The systems of all clients, or of one."""

    systems: Sequence[SystemRow]
    clients: Options
    client: str


@dataclass(frozen=True)
class SystemView:
    """One system with the series that it has now."""

    row: SystemRow
    matched: Matched
    targets: Sequence[str]


@router.get("")
async def show_systems(
    frame: Framed, client: Annotated[str, Query(pattern=f"{NAME}|^$")] = ""
) -> Response:
    """Show every system by client and name."""
    frame.caller.need(Right.ADMIN)
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        clients = await access.clients(session, scope, limit=MOST)
        if client:
            await access.client(session, scope, client)
        rows = await access.systems(session, scope, client=client or None, limit=MOST)
        asked = await access.targets_of(session, scope, limit=MOST)
    titles = {one.name: one.title for one in clients}
    targets = Counter((one.client, one.system) for one in asked)
    shown = [
        _row(row, frame, titles.get(row.client, row.client), targets[row.client, row.name])
        for row in rows
    ]
    view = SystemsView(shown, list(titles.items()), client)
    return frame.show("admin/systems.html", view, here="admin")


@router.get("/{client}/{name}")
async def show_system(client: Name, name: Name, frame: Framed) -> Response:
    """Show one system."""
    frame.caller.need(Right.ADMIN)
    scope, house = frame.caller.scope, frame.request.app.state.house
    async with frame.db.snapshot() as session:
        row = await access.system(session, scope, client, name)
        owner = await access.client(session, scope, client)
        asked = await access.targets_of(session, scope, client=client, limit=MOST)
    targets = [one.name for one in asked if one.system == name]
    view = SystemView(
        row=_row(row, frame, owner.title, len(targets)),
        matched=matched(house.store, _wanted(row), now=frame.clock(), directory=house.directory),
        targets=targets,
    )
    return frame.show("admin/system.html", view, here="admin")


def _wanted(row: "System") -> Wanted:
    return Wanted(row.client, row.name, row.match)


def _row(row: "System", frame: Frame, client_title: str, targets: int) -> SystemRow:
    store = frame.request.app.state.store
    return SystemRow(
        client=row.client,
        client_title=client_title,
        name=row.name,
        title=row.title,
        core=row.core,
        match=sorted(row.match.items()),
        escalation=row.escalation,
        series=counted(store, _wanted(row), now=frame.clock()),
        targets=targets,
        origin=row.origin,
    )
