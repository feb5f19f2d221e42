"""The page /audit: who did what, when; its filters stand in the address, and it comes as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from access import queries as access
from access.queries import Trail
from access.schemas import NAME, AuditOut
from access.scope import Right, Scope
from app.configuration import KINDS
from app.pages.frame import Frame, Framed
from kit.db import Database
from kit.errors import NotFound
from kit.i18n import Locale, catalogue
from kit.plain import BIGGEST
from kit.web import on_the_loop

router = APIRouter(tags=["pages"], include_in_schema=False)

PAGE = 50
BATCH = 1000
ROWS_MOST = 100_000
"""Lines of one CSV: who needs more asks by `until`."""
COLUMNS = ("id", "at", "who", "did", "on", "client", "facts")
PLACES = {kind.one: kind.section for kind in KINDS.values()}
"""Where the page of each kind of thing is that is configured."""

TEXT = Query(max_length=200, pattern=r"^[^\x00]*$")


@dataclass(frozen=True)
class Filters:
    """What the address asks for; days are whole days where one reads."""

    who: Annotated[str, TEXT] = ""
    did: Annotated[str, TEXT] = ""
    on: Annotated[str, TEXT] = ""
    client: Annotated[str, Query(pattern=f"{NAME}|^$")] = ""
    since: Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""
    until: Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""

    def trail(self, zone: str) -> Trail:
        """Return the part of the trail that is meant by somebody in this zone."""
        ends = _midnight(self.until, zone)
        return Trail(
            self.who,
            self.did,
            self.on,
            self.client or None,
            _midnight(self.since, zone),
            ends and ends + timedelta(days=1),
        )

    @property
    def address(self) -> str:
        """The filters that are set, as they stand in an address."""
        return urlencode({name: value for name, value in vars(self).items() if value})


@dataclass(frozen=True)
class AuditView:
    """One page of the trail."""

    filters: Filters
    entries: Sequence["EntryView"]
    clients: Sequence[tuple[str, str]]
    older: str | None
    csv: str


@dataclass(frozen=True)
class EntryView:
    """Who did what; people and clients lead to their pages."""

    entry: AuditOut
    deed: str
    who: str
    who_href: str | None
    on_href: str | None
    facts: Sequence[tuple[str, str]]


def _midnight(day: str, zone: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(day), time(), ZoneInfo(zone)) if day else None
    except ValueError:
        raise NotFound("{day} is not a day", day=day) from None


Wanted = Annotated[Filters, Depends(on_the_loop(Filters))]


@router.get("/audit")
async def show_audit(
    frame: Framed,
    wanted: Wanted,
    before: Annotated[int | None, Query(ge=0, le=BIGGEST)] = None,
) -> Response:
    """Show what the filters leave of the trail, newest first."""
    _refuse_others(frame, wanted)
    async with frame.db.snapshot() as session:
        rows = await access.audit_entries(
            session,
            frame.caller.scope,
            wanted=wanted.trail(frame.reader.zone),
            before=before,
            limit=PAGE + 1,
        )
        people = await access.titles_of_people(session)
        clients = await access.clients(session, frame.caller.scope, limit=BATCH)
    shown = [AuditOut.of(row) for row in rows[:PAGE]]
    older = None
    if len(rows) > PAGE:
        older = f"/audit?{urlencode({'before': shown[-1].id})}&{wanted.address}"
    view = AuditView(
        wanted,
        [_seen(entry, people, frame) for entry in shown],
        [(row.name, row.title) for row in clients],
        older,
        f"/audit.csv?{wanted.address}",
    )
    return frame.show("admin/audit.html", view, here="audit")


@router.get("/audit.csv")
async def export(frame: Framed, wanted: Wanted) -> Response:
    """Answer with what the filters leave as CSV, newest first, at most 100,000 lines."""
    _refuse_others(frame, wanted)
    return StreamingResponse(
        _lines(frame.db, frame.caller.scope, wanted.trail(frame.reader.zone)),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="langyan-audit.csv"',
            "Cache-Control": "no-store",
        },
    )


async def _lines(db: Database, scope: Scope, wanted: Trail) -> AsyncIterator[str]:
    """Batch by batch, each in a snapshot of its own: a slow reader holds no transaction open."""
    yield "\ufeff" + _csv([COLUMNS])  # the mark lets Excel read Chinese
    before: int | None = None
    for _ in range(ROWS_MOST // BATCH):
        async with db.snapshot() as session:
            rows = await access.audit_entries(
                session, scope, wanted=wanted, before=before, limit=BATCH
            )
        if not rows:
            return
        before = rows[-1].id
        yield _csv([_cells(AuditOut.of(row)) for row in rows])


def _cells(entry: AuditOut) -> list[str]:
    facts = orjson.dumps(entry.facts).decode() if entry.facts else ""
    texts = (entry.who, entry.did, entry.on, entry.client or "", facts)
    return [str(entry.id), entry.at.isoformat(), *(_plain(text) for text in texts)]


def _plain(text: str) -> str:
    """A cell that begins like a formula is computed by spreadsheets."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _refuse_others(frame: Frame, wanted: Filters) -> None:
    frame.caller.need(Right.ADMIN)
    if wanted.client and not frame.caller.scope.allows(wanted.client):
        raise NotFound("no client is called {client!r}", client=wanted.client)


def _seen(entry: AuditOut, people: dict[str, str], frame: Frame) -> EntryView:
    words = catalogue(Locale(frame.reader.locale))
    subject = entry.did.partition(".")[0]
    on_href = None
    if subject in ("person", "contact") and entry.on in people:
        on_href = f"/admin/people/{entry.on}"
    elif subject in PLACES and not entry.did.endswith(".remove"):
        on_href = f"/admin/{PLACES[subject]}/{entry.on}"
    return EntryView(
        entry,
        words.get(f"deed.{entry.did.replace('.', '_')}", entry.did),
        people.get(entry.who, entry.who),
        f"/admin/people/{entry.who}" if entry.who in people else None,
        on_href,
        [(key, _said(value)) for key, value in entry.facts.items() if value not in (None, "", [])],
    )


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value[:300]
    return orjson.dumps(value).decode()[:300]
