"""The pages /admin/clients: who is looked after, under which SLA, and who is told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import Response

from access import queries as access
from access.scope import HOUSE, Right
from alerting import queries as alerting
from app.configuration import KINDS
from app.pages import person_parts
from app.pages.admin import options
from app.pages.admin.desks import Asked, Desk, Editing, Removed, add_routes, text
from app.pages.admin.options import Options
from app.pages.admin.own_limits import LimitsRow, own_limits
from app.pages.frame import Framed
from app.pages.nested import Tree

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
    removed: str


@dataclass(frozen=True)
class ClientView:
    """One client with what belongs to it; without a row it is still to be made."""

    edit: Editing
    slas: Options
    policies: Options
    row: ClientRow | None = None
    systems: Sequence[tuple[str, str, bool]] = ()
    targets: Sequence[str] = ()
    limits: Sequence[LimitsRow] = ()
    lasting: bool = False


@router.get("")
async def show_clients(frame: Framed, removed: Removed = "") -> Response:
    """Show every client by name."""
    frame.caller.need(Right.ADMIN)
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        rows = await access.clients(session, scope, limit=MOST)
        systems = Counter(s.client for s in await access.systems(session, scope, limit=MOST))
        targets = Counter(one.client for one in await access.targets_of(session, scope, limit=MOST))
    shown = [_row(row, systems[row.name], targets[row.name]) for row in rows]
    return frame.show("admin/clients.html", ClientsView(shown, removed), here="admin")


def _said(tree: Tree) -> dict[str, Any]:
    names = ("name", "title", "locale", "timezone", "sla")
    return {
        **{name: text(tree, name) for name in names if name in tree},
        "escalation": text(tree, "escalation") or None,
    }


def _fields(written: Mapping[str, Any]) -> dict[str, str]:
    names = ("title", "locale", "timezone", "sla")
    return {
        **{name: written[name] for name in names},
        "escalation": written["escalation"] or "",
    }


async def _page(asked: Asked) -> Response:
    frame, key = asked.frame, asked.key
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        slas = await options.slas(session, scope)
        policies = await options.policies(session, scope)
        if key is None:
            view = ClientView(DESK.edit(asked, None), slas, policies)
        else:
            row = await access.client(session, scope, *key)
            systems = await access.systems(session, scope, client=row.name, limit=None)
            targets = await access.targets_of(session, scope, client=row.name, limit=None)
            rules = await alerting.rules(session)
            view = ClientView(
                edit=DESK.edit(asked, row),
                slas=slas,
                policies=policies,
                row=_row(row, len(systems), len(targets)),
                systems=[(system.name, system.title, system.core) for system in systems],
                targets=[target.name for target in targets],
                limits=own_limits(row, rules, frame),
                lasting=row.name == HOUSE,
            )
    return asked.answer("admin/client.html", view, parts=person_parts)


def _row(row: "Client", systems: int, targets: int) -> ClientRow:
    return ClientRow(
        name=row.name,
        title=row.title,
        sla=row.sla,
        escalation=row.escalation,
        systems=systems,
        targets=targets,
        own_limits=len(row.overrides),
        language=dict(person_parts.LANGUAGES)[row.locale],
        timezone=row.timezone,
        origin=row.origin,
    )


DESK = Desk(
    kind=KINDS["clients"],
    said=_said,
    fields=_fields,
    show=_page,
    begin={"locale": "zh-CN", "timezone": "Asia/Shanghai", "sla": "standard"},
)
add_routes(router, DESK)
