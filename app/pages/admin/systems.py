"""The pages /admin/systems: what the clients run, and which series belong to it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from access import queries as access
from access.schemas import NAME
from access.scope import Right
from app.configuration import KINDS, Key
from app.pages.admin import options
from app.pages.admin.desks import Asked, Desk, Editing, Removed, add_routes, rows, text
from app.pages.admin.matching import Matched, Wanted, counted, matched
from app.pages.admin.options import Options
from app.pages.frame import Frame, Framed
from app.pages.nested import Tree, grown

if TYPE_CHECKING:
    from access.tables import System

router = APIRouter(prefix="/admin/systems", tags=["pages"], include_in_schema=False)

MOST = 1000


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
    removed: str


@dataclass(frozen=True)
class MatchedView:
    """What the tests of a form find."""

    matched: Matched


@dataclass(frozen=True)
class SystemView:
    """One system with the series that it has now; without a row it is still to be made."""

    edit: Editing
    clients: Options
    policies: Options
    matched: Matched
    row: SystemRow | None = None
    targets: Sequence[str] = ()


@router.get("")
async def show_systems(
    frame: Framed,
    client: Annotated[str, Query(pattern=f"{NAME}|^$")] = "",
    removed: Removed = "",
) -> Response:
    """Show every system by client and name."""
    frame.caller.need(Right.ADMIN)
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        clients = await access.clients(session, scope, limit=MOST)
        if client:
            await access.client(session, scope, client)
        known = await access.systems(session, scope, client=client or None, limit=MOST)
        asked = await access.targets_of(session, scope, limit=MOST)
    titles = {one.name: one.title for one in clients}
    targets = Counter((one.client, one.system) for one in asked)
    shown = [
        _row(row, frame, titles.get(row.client, row.client), targets[row.client, row.name])
        for row in known
    ]
    view = SystemsView(shown, list(titles.items()), client, removed)
    return frame.show("admin/systems.html", view, here="admin")


def _said(tree: Tree) -> dict[str, Any]:
    named = [name for name in ("client", "name", "title") if name in tree]
    tests = ((text(row, "label"), text(row, "text")) for row in rows(tree.get("match")))
    return {
        **{name: text(tree, name) for name in named},
        "core": text(tree, "core") == "true",
        "match": {label: test for label, test in tests if label or test},
        "escalation": text(tree, "escalation") or None,
    }


def _fields(written: Mapping[str, Any]) -> dict[str, str]:
    fields = {"title": written["title"], "escalation": written["escalation"] or ""}
    fields["core"] = "true" if written["core"] else ""
    for number, (label, test) in enumerate(sorted(written["match"].items())):
        fields |= {f"match.{number}.label": label, f"match.{number}.text": test}
    return fields


async def _page(asked: Asked) -> Response:
    frame, key = asked.frame, asked.key
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        clients = await options.clients(session, scope)
        policies = await options.policies(session, scope)
        row = await access.system(session, scope, *key) if key else None
        probes = await access.targets_of(session, scope, client=key[0], limit=None) if key else ()
    edit = DESK.edit(asked, row)
    if row is None:
        view = SystemView(edit, clients, policies, _matched(frame, grown(edit.form.values), None))
    else:
        targets = [one.name for one in probes if one.system == row.name]
        shown = _row(row, frame, dict(clients)[row.client], len(targets))
        found = _matched(frame, grown(edit.form.values), key)
        view = SystemView(edit, clients, policies, found, shown, targets)
    return asked.answer("admin/system.html", view)


async def _preview(frame: Frame, tree: Tree) -> str:
    """Return which series the tests of a form would find."""
    view = MatchedView(_matched(frame, tree, None))
    return frame.render("admin/_matched.html", view)


def _matched(frame: Frame, tree: Tree, key: Key | None) -> Matched:
    house, said = frame.request.app.state.house, _said(tree)
    client, name = key or (said.get("client", ""), said.get("name", ""))
    if not frame.caller.scope.allows(client):
        return Matched(0)
    wanted = Wanted(client, name, said["match"])
    return matched(house.store, wanted, now=frame.clock(), directory=house.directory)


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


DESK = Desk(
    kind=KINDS["systems"],
    said=_said,
    fields=_fields,
    show=_page,
    begin={"match.0.label": "job", "match.0.text": ""},
    blank={"match": {"label": "", "text": ""}},
    preview=_preview,
)
add_routes(router, DESK)
