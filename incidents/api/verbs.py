"""Incidents over REST."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from access.commands import once
from access.schemas import Name
from access.scope import Identity, Right
from access.web import Caller
from alerting.lifecycle import Priority
from incidents import commands, queries
from incidents.clocks import Kind
from incidents.commands import Answer
from incidents.content import shown_as
from incidents.lifecycle import Status
from incidents.queries import Shown
from incidents.schemas import (
    AnswerIn,
    ExcludeIn,
    IncidentOut,
    IncidentPage,
    NoteIn,
    ReasonIn,
)
from kit.errors import Invalid
from kit.slices import ahead
from kit.web import (
    AppClock,
    Db,
    IdempotencyKey,
    IfMatch,
    Paging,
    RowNumber,
    json_response,
    on_the_loop,
    page_of,
)

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])

Verb = Callable[..., Coroutine[Any, Any, Answer]]
"""A command on one incident: (tx, number, …, by=, now=)."""


class Desk:
    """What every answering route needs: who asks, the database, the clock, the key."""

    def __init__(self, caller: Caller, db: Db, clock: AppClock, key: IdempotencyKey = None) -> None:
        caller.need(Right.WORK)
        self.caller, self._db, self._clock, self._key = caller, db, clock, key

    async def do(
        self, verb: Verb, number: int, *args: Any, version: int | None = None, **given: Any
    ) -> Response:
        """Do `verb` in a transaction; under an Idempotency-Key that is known, answer the same.

        The version that was read is no part of the request that the key stands for. Of a large
        incident the answer has the gravest alerts and the newest lines: who acts does not wait
        for all of it.
        """
        now = self._clock()
        read = {} if version is None else {"version": version}
        async with ahead(), self._db.transaction() as tx:

            async def work() -> dict[str, Any]:
                incident, message = await verb(
                    tx, number, *args, by=self.caller, now=now, **read, **given
                )
                if incident not in tx:  # written past the session
                    incident = await queries.get(tx, self.caller.scope, incident.number)
                shown = await queries.one(tx, incident, now=now, most=queries.IN_MESSAGE)
                return _told(shown, self.caller, message=message)

            request = (verb.__name__, number, args, given)
            found = await once(
                tx, self._key, who=self.caller.name, request=request, now=now, work=work
            )
        return json_response(found)


AtDesk = Annotated[Desk, Depends(on_the_loop(Desk))]


def _told(shown: Shown, caller: Identity, *, message: str | None = None) -> dict[str, Any]:
    return shown_as(shown, locale=caller.locale, message=message).model_dump(mode="json")


async def _decision(
    answer: AnswerIn | None = None,
    if_match: IfMatch = None,
) -> AnswerIn:
    decision = answer or AnswerIn()
    if if_match is None or if_match == "*":
        return decision
    version = if_match.removeprefix("W/").strip('"')
    if not (version.isascii() and version.isdigit() and len(version) < 19):
        raise Invalid("If-Match takes the ETag of the incident", field="If-Match")
    return decision.model_copy(update={"version": int(version)})


Decision = Annotated[AnswerIn, Depends(_decision)]


@router.get("", response_model=IncidentPage)
async def list_incidents(
    caller: Caller,
    db: Db,
    clock: AppClock,
    page: Paging,
    status: Annotated[list[Status], Query()] = [],  # noqa: B006 - FastAPI copies it
    priority: Annotated[list[Priority], Query()] = [],  # noqa: B006 - FastAPI copies it
    client: Name | None = None,
) -> dict[str, Any]:
    """List incidents, newest first; of each the gravest alerts and the newest lines."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        found = await queries.listed(
            session,
            caller.scope,
            now=clock(),
            limit=page.limit + 1,
            cursor=page.cursor,
            status=status,
            priority=priority,
            client=client,
        )
    shown = [shown_as(one, locale=caller.locale) for one in found]
    return page_of(shown, page, "number")


@router.get("/{number}", response_model=IncidentOut)
async def get_incident(number: RowNumber, caller: Caller, db: Db, clock: AppClock) -> Response:
    """Return one incident with its clocks, alerts and timeline."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        incident = await queries.get(session, caller.scope, number)
        found = _told(await queries.one(session, incident, now=clock()), caller)
    answer = json_response(found)
    answer.headers["ETag"] = f'"{found["version"]}"'
    return answer


@router.post("/{number}/acknowledge", response_model=IncidentOut)
async def acknowledge_incident(number: RowNumber, desk: AtDesk, decision: Decision) -> Response:
    """Take the incident; its escalation stops."""
    return await desk.do(commands.acknowledge, number, version=decision.version)


@router.post("/{number}/unacknowledge", response_model=IncidentOut)
async def unacknowledge_incident(number: RowNumber, desk: AtDesk, decision: Decision) -> Response:
    """Hand the incident back; its escalation begins again."""
    return await desk.do(commands.unacknowledge, number, version=decision.version)


@router.post("/{number}/resolve", response_model=IncidentOut)
async def resolve_incident(number: RowNumber, desk: AtDesk, decision: Decision) -> Response:
    """End the incident; everybody who was told of it hears so."""
    return await desk.do(commands.resolve, number, reason=decision.reason, version=decision.version)


@router.post("/{number}/reopen", response_model=IncidentOut)
async def reopen_incident(number: RowNumber, desk: AtDesk, decision: Decision) -> Response:
    """Open a resolved incident again; its recovery clock runs on."""
    return await desk.do(commands.reopen, number, reason=decision.reason, version=decision.version)


@router.post("/{number}/escalate", response_model=IncidentOut)
async def escalate_incident(number: RowNumber, desk: AtDesk, decision: Decision) -> Response:
    """Tell the people of the next step now."""
    return await desk.do(commands.escalate, number, version=decision.version)


@router.post("/{number}/notes", response_model=IncidentOut)
async def add_note(number: RowNumber, note: NoteIn, desk: AtDesk) -> Response:
    """Add a line to the timeline."""
    return await desk.do(commands.note, number, note.text)


@router.post("/{number}/clocks/{kind}/pause", response_model=IncidentOut)
async def pause_clock(number: RowNumber, kind: Kind, why: ReasonIn, desk: AtDesk) -> Response:
    """Stop an SLA clock for a while, and say why."""
    return await desk.do(commands.pause, number, kind, reason=why.reason)


@router.post("/{number}/clocks/{kind}/resume", response_model=IncidentOut)
async def resume_clock(number: RowNumber, kind: Kind, desk: AtDesk) -> Response:
    """Let a paused SLA clock run again."""
    return await desk.do(commands.resume, number, kind)


@router.post("/{number}/clocks/{kind}/exclude", response_model=IncidentOut)
async def exclude_time(number: RowNumber, kind: Kind, given: ExcludeIn, desk: AtDesk) -> Response:
    """Take a span of the past out of an SLA clock, and say why."""
    return await desk.do(
        commands.exclude, number, kind, (given.since, given.until), reason=given.reason
    )
