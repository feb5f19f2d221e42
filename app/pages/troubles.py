"""The page /troubles: what is wrong now, and what was given up and waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.scope import Right
from app import given_up
from app.condition import Condition
from app.given_up import Act, GivenUp, Sort
from app.pages.frame import Frame, Framed
from app.pages.views import WarningView
from app.pages.wording import channel_title, failure
from app.pages.words import Words
from kit.errors import Refusal
from kit.i18n import Locale, catalogue, t
from notifications.commands.promises import NO_CONTACT

router = APIRouter(prefix="/troubles", tags=["pages"], include_in_schema=False)

SHOWN = 50


@dataclass(frozen=True)
class LeftView:
    """One thing that was given up, in words."""

    id: UUID
    title: str
    href: str | None
    client: str | None
    at: datetime
    why: str
    times: int
    retry: bool
    more: str = ""


@dataclass(frozen=True)
class SortView:
    """What was given up of one sort; `n` counts also what is not shown."""

    name: str
    n: int
    items: Sequence[LeftView]


@dataclass(frozen=True)
class TroublesView:
    """All that needs an administrator."""

    wrong: Sequence[WarningView]
    sorts: Sequence[SortView]
    refused: str = ""
    done: str = ""


@router.get("")
async def show_troubles(frame: Framed, done: str = "") -> Response:
    """Show what needs an administrator."""
    frame.caller.need(Right.ADMIN)
    known = done if done in set(Act) else ""
    return await _page(frame, done=known)


@router.post("/{sort}/{act}")
async def see_to_all(sort: Sort, act: Act, frame: Framed) -> Response:
    """Do something about all of a sort."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.transaction() as tx:
        await given_up.see_to_all(tx, sort, act, by=frame.caller, now=frame.clock())
    return _back(frame, sort, act)


@router.post("/{sort}/{trouble_id}/{act}")
async def see_to_one(sort: Sort, trouble_id: UUID, act: Act, frame: Framed) -> Response:
    """Do something about one of them; a refusal stands above the list."""
    frame.caller.need(Right.ADMIN)
    try:
        async with frame.db.transaction() as tx:
            await given_up.see_to(tx, sort, trouble_id, act, by=frame.caller, now=frame.clock())
    except Refusal as refusal:
        page = await _page(frame, refused=refusal.detail)
        page.status_code = 409
        return page
    return _back(frame, sort, act)


def _back(frame: Frame, sort: Sort, act: Act) -> Response:
    if sort is Sort.ROWS:
        frame.request.app.state.house.scheduler.hurry("sweep")
    return RedirectResponse(f"/troubles?done={act}", 303)


async def _page(frame: Frame, *, refused: str = "", done: str = "") -> Response:
    house, scope = frame.request.app.state.house, frame.caller.scope
    condition: Condition = await house.condition()
    async with frame.db.snapshot() as session:
        found = await given_up.counts(session, scope)
        items = {
            sort: await given_up.listed(session, scope, sort, limit=SHOWN)
            for sort in Sort
            if found[sort]
        }
        people = await access.titles_of_people(session)
    words = Words(frame.reader.locale, house.directory, people, frame.reader.zone)
    view = TroublesView(
        wrong=[WarningView(one.said(frame.reader.locale)) for one in condition.troubles],
        sorts=[
            SortView(sort.value, found[sort], [_seen(one, words) for one in shown])
            for sort, shown in items.items()
        ],
        refused=refused,
        done=done,
    )
    return frame.show("troubles.html", view, here="troubles")


def _seen(one: GivenUp, words: Words) -> LeftView:
    title, href, more = _told(one, words)
    client = words.client(one.client) if one.client else None
    why = _why(one.why, words.locale) if one.sort is Sort.MESSAGES else one.why
    return LeftView(one.id, title, href, client, one.at, why, one.times, one.retry, more)


def _why(said: str, locale: str) -> str:
    """Return why a message failed: how it ended in words, then what the other side said."""
    if said == NO_CONTACT:
        return t("troubles.no_contact", locale)
    outcome, _, heard = said.partition(": ")
    return failure(outcome, None, heard, locale)


def _told(one: GivenUp, words: Words) -> tuple[str, str | None, str]:
    facts = one.facts
    if one.sort is Sort.ROWS:
        return facts["rule"], f"/rules/{facts['rule']}", facts["labels"]
    if one.sort is Sort.EVENTS:
        return facts["topic"], None, facts["reaction"]
    known = catalogue(Locale(words.locale))
    event = known.get(f"troubles.event_{facts['event']}", facts["event"])
    person = words.person(facts["person"])
    title = t("troubles.message", words.locale, event=event, person=person)
    number = facts.get("incident")
    channel = channel_title(facts["channel"], words.locale) if facts["channel"] else ""
    return title, f"/incidents/{number}" if number else None, channel
