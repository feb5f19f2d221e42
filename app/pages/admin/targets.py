"""The pages /admin/targets: what we go and ask, and how it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from access import queries as access
from access.schemas import NAME, Name
from access.scope import Right
from app.pages.admin.asking import Standing, standing
from app.pages.frame import Frame, Framed

if TYPE_CHECKING:
    from access.tables import Target

router = APIRouter(prefix="/admin/targets", tags=["pages"], include_in_schema=False)

MOST = 1000
WORST_FIRST = ("down", "silent", "never", "well", "resting")
Options = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class TargetRow:
    """One target in the list."""

    client: str
    client_title: str
    name: str
    system: str | None
    system_title: str | None
    kind: str
    url: str
    interval: timedelta
    timeout: timedelta
    labels: Sequence[tuple[str, str]]
    expect_status: Sequence[int]
    contains: str
    standing: Standing
    origin: str | None


@dataclass(frozen=True)
class TargetsView:
    """The targets of all clients, or of one."""

    targets: Sequence[TargetRow]
    clients: Options
    client: str
    down: int
    removed: str


@dataclass(frozen=True)
class TargetView:
    """One target."""

    row: TargetRow


@router.get("")
async def show_targets(
    frame: Framed,
    client: Annotated[str, Query(pattern=f"{NAME}|^$")] = "",
    removed: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show every target, those in trouble first."""
    frame.caller.need(Right.ADMIN)
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        clients = await access.clients(session, scope, limit=MOST)
        if client:
            await access.client(session, scope, client)
        rows = await access.targets_of(session, scope, client=client or None, limit=MOST)
    titles = {one.name: one.title for one in clients}
    shown = [_row(row, frame, titles.get(row.client, row.client)) for row in rows]
    shown.sort(key=lambda one: WORST_FIRST.index(one.standing.state))
    down = sum(one.standing.state in ("down", "silent") for one in shown)
    view = TargetsView(shown, list(titles.items()), client, down, removed)
    return frame.show("admin/targets.html", view, here="admin")


@router.get("/{client}/{name}")
async def show_target(client: Name, name: Name, frame: Framed) -> Response:
    """Show one target."""
    frame.caller.need(Right.ADMIN)
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        row = await access.target(session, scope, client, name)
        owner = await access.client(session, scope, client)
    view = TargetView(_row(row, frame, owner.title, drawn=True))
    return frame.show("admin/target.html", view, here="admin")


def _row(row: "Target", frame: Frame, client_title: str, *, drawn: bool = False) -> TargetRow:
    house, locale = frame.request.app.state.house, frame.reader.locale
    system = house.directory.system(row.client, row.system or "")
    return TargetRow(
        client=row.client,
        client_title=client_title,
        name=row.name,
        system=row.system,
        system_title=system.title if system else row.system,
        kind=row.kind,
        url=row.url,
        interval=timedelta(milliseconds=row.interval_ms),
        timeout=timedelta(milliseconds=row.timeout_ms),
        labels=sorted(row.labels.items()),
        expect_status=row.options.get("expect_status", ()),
        contains=row.options.get("contains", ""),
        standing=standing(house.store, row, now=frame.clock(), locale=locale, drawn=drawn),
        origin=row.origin,
    )
