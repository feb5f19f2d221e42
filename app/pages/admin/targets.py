"""The pages /admin/targets: what we go and ask, and how it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.commands import pause_target, resume_target
from access.schemas import NAME, Name
from access.scope import Right
from app.asking import ask_now
from app.configuration import KINDS
from app.house import facts_of
from app.pages.admin.asking import Standing, standing
from app.pages.admin.desks import Asked, Desk, Editing, Removed, add_routes, rows, text
from app.pages.admin.keeping import Draft
from app.pages.admin.options import Options
from app.pages.frame import Frame, Framed
from app.pages.nested import Tree
from app.pages.sent import Sent
from collectors.samples import Look
from kit.i18n import t

if TYPE_CHECKING:
    from access.tables import Target

router = APIRouter(prefix="/admin/targets", tags=["pages"], include_in_schema=False)

MOST = 1000
WORST_FIRST = ("down", "silent", "never", "well", "paused", "resting")
REASON_MOST = 500


@dataclass(frozen=True)
class Pause:
    """Why a target is left alone, by whom and since when."""

    why: str
    by: str
    since: datetime


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
    why: str | None
    """What it said, or why it said nothing, if it is down."""
    paused: Pause | None = None


@dataclass(frozen=True)
class TargetsView:
    """The targets of all clients, or of one."""

    targets: Sequence[TargetRow]
    clients: Options
    client: str
    down: int
    removed: str


@dataclass(frozen=True)
class LookView:
    """What came of asking a target at once."""

    kind: str
    look: Look


@dataclass(frozen=True)
class TargetView:
    """One target; without a row it is still to be made. `places`: clients with their systems."""

    edit: Editing
    places: Options
    row: TargetRow | None = None
    has_secret: bool = False
    tried: LookView | None = None


@router.get("")
async def show_targets(
    frame: Framed,
    client: Annotated[str, Query(pattern=f"{NAME}|^$")] = "",
    removed: Removed = "",
) -> Response:
    """Show every target, those in trouble first."""
    frame.caller.need(Right.ADMIN)
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        clients = await access.clients(session, scope, limit=MOST)
        if client:
            await access.client(session, scope, client)
        known = await access.targets_of(session, scope, client=client or None, limit=MOST)
    titles = {one.name: one.title for one in clients}
    shown = [await _row(row, frame, titles.get(row.client, row.client)) for row in known]
    shown.sort(key=lambda one: WORST_FIRST.index(one.standing.state))
    down = sum(one.standing.state in ("down", "silent") for one in shown)
    view = TargetsView(shown, list(titles.items()), client, down, removed)
    return frame.show("admin/targets.html", view, here="admin")


@router.post("/{client}/{name}/try")
async def try_target(frame: Framed, client: Name, name: Name) -> Response:
    """Ask a target at once and show what came of it."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        row = await access.target(session, frame.caller.scope, client, name)
    house = frame.request.app.state.house
    look = await ask_now(house, facts_of(row), by=frame.caller, now=frame.clock())
    if "hx-request" in frame.request.headers:
        return frame.fresh(frame.render("admin/_look.html", LookView(row.kind, look)))
    return await _page(Asked(frame, (client, name)), look)


@router.post("/{client}/{name}/pause")
async def pause(frame: Framed, client: Name, name: Name, sent: Sent) -> Response:
    """Leave a target alone, also one that a file owns; the reason stands in the lists."""
    frame.caller.need(Right.ADMIN)
    why = sent.get("reason", "").strip()[:REASON_MOST]
    if not why:
        draft = Draft()
        draft.errors[""], draft.status = t("targets.why_needed", frame.reader.locale), 422
        return await _page(Asked(frame, (client, name), draft, standing=True))
    async with frame.db.transaction() as tx:
        await pause_target(tx, client, name, why=why, by=frame.caller, now=frame.clock())
    return RedirectResponse(DESK.place((client, name)), 303)


@router.post("/{client}/{name}/resume")
async def resume(frame: Framed, client: Name, name: Name) -> Response:
    """Ask a target again."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.transaction() as tx:
        await resume_target(tx, client, name, by=frame.caller, now=frame.clock())
    return RedirectResponse(DESK.place((client, name)), 303)


def _said(tree: Tree) -> dict[str, Any]:
    said: dict[str, Any] = {
        name: text(tree, name)
        for name in ("name", "kind", "url", "interval", "timeout")
        if name in tree
    }
    client, _, system = text(tree, "place").partition("/")
    labels = ((text(row, "label"), text(row, "value")) for row in rows(tree.get("labels")))
    probes = said.get("kind") == "http"
    expected = text(tree, "expect_status").replace(",", " ").split()
    said |= {
        "client": client,
        "system": system or None,
        "labels": {label: value for label, value in labels if label or value},
        "expect_status": expected or None if probes else None,
        "contains": text(tree, "contains") or None if probes else None,
        "user": text(tree, "user") or None,
    }
    secret = text(tree, "secret")
    if secret or text(tree, "forget") == "true":  # else the one that stands stays
        said["secret"] = secret or None
    return said


def _fields(written: Mapping[str, Any]) -> dict[str, str]:
    names = ("name", "kind", "url", "interval", "timeout")
    fields = {name: str(written[name]) for name in names}
    fields["place"] = f"{written['client']}/{written['system'] or ''}"
    fields["expect_status"] = " ".join(map(str, written.get("expect_status") or ()))
    fields["contains"] = written.get("contains") or ""
    fields["user"] = written["user"] or ""
    for number, (label, value) in enumerate(sorted(written["labels"].items())):
        fields |= {f"labels.{number}.label": label, f"labels.{number}.value": value}
    return fields


async def _page(asked: Asked, look: Look | None = None) -> Response:
    frame, key = asked.frame, asked.key
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        row = await access.target(session, scope, *key) if key else None
        clients = await access.clients(session, scope, limit=None)
        systems = await access.systems(
            session, scope, client=row.client if row else None, limit=None
        )
    titles = {one.name: one.title for one in clients if row is None or one.name == row.client}
    places = [(f"{name}/", title) for name, title in titles.items()]
    places += [
        (f"{one.client}/{one.name}", f"{titles[one.client]} › {one.title}") for one in systems
    ]
    edit = DESK.edit(asked, row)
    edit.form.put("secret", "")  # it is never shown again
    view = TargetView(
        edit=edit,
        places=sorted(places),
        row=await _row(row, frame, titles[row.client], drawn=True) if row else None,
        has_secret=row is not None and row.secret is not None,
        tried=LookView(row.kind, look) if row and look else None,
    )
    return asked.answer("admin/target.html", view)


async def _row(row: "Target", frame: Frame, client_title: str, *, drawn: bool = False) -> TargetRow:
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
        standing=await standing(house.store, row, now=frame.clock(), locale=locale, drawn=drawn),
        origin=row.origin,
        why=house.rounds.why((row.client, row.name)),
        paused=_paused(row),
    )


def _paused(row: "Target") -> Pause | None:
    if row.paused_at is None:
        return None
    return Pause(row.paused_why or "", row.paused_by or "", row.paused_at)


DESK = Desk(
    kind=KINDS["targets"],
    said=_said,
    fields=_fields,
    show=_page,
    begin={"kind": "scrape", "interval": "15s", "timeout": "10s"},
    blank={"labels": {"label": "", "value": ""}},
)
add_routes(router, DESK)
