"""Alerts and rules over REST; read only: what fires is for the rules to say."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from access.schemas import Name
from access.scope import Right, Scope
from access.web import Caller
from alerting import queries
from alerting.lifecycle import Priority
from alerting.tables import Alert, Rule
from kit.web import Db, Paging

router = APIRouter(prefix="/api/v1", tags=["alerting"])

StateName = Literal["pending", "firing", "resolved", "unknown"]


class AlertOut(BaseModel):
    """One alert; `state` is `unknown` while the data of an open one stopped."""

    id: UUID
    client: str
    system: str
    rule: str
    title: dict[str, str]
    labels: dict[str, str]
    annotations: dict[str, str]
    drill: str
    state: str
    priority: Priority | None
    value: float | None
    unit: str
    at: datetime | None
    fired_at: datetime | None
    resolved_at: datetime | None
    silent_since: datetime | None

    @classmethod
    def of(cls, row: Alert) -> "AlertOut":
        """Return what is shown of a row."""
        return cls(
            id=row.id,
            client=row.client,
            system=row.system,
            rule=row.rule,
            title=row.title,
            labels=row.labels,
            annotations=row.annotations,
            drill=row.drill,
            state=row.state.shown,
            priority=row.priority,
            value=row.value,
            unit=row.unit,
            at=row.at,
            fired_at=row.fired_at,
            resolved_at=row.resolved_at,
            silent_since=row.absent_since,
        )


class AlertList(BaseModel):
    """Alerts, the gravest first."""

    items: list[AlertOut]
    next: str | None


class RuleOut(BaseModel):
    """One rule as it was written; `origin` is the place in the file that owns it."""

    name: str
    title: dict[str, str]
    expr: str
    unit: str
    ladder: dict[str, Any]
    clients: list[str] | None
    systems: list[str] | None
    core: bool | None
    escalation: str | None
    origin: str | None

    @classmethod
    def of(cls, row: Rule, *, seen_by: Scope) -> "RuleOut":
        """Return what is shown of a row to somebody of this scope: no other client's name."""
        shown = {name: getattr(row, name) for name in cls.model_fields}
        return cls(**queries.seen_by(shown, seen_by))


class RuleList(BaseModel):
    """Rules, by name."""

    items: list[RuleOut]
    next: str | None


@router.get("/alerts")
async def list_alerts(
    caller: Caller,
    db: Db,
    page: Paging,
    state: StateName | None = None,
    client: Name | None = None,
    system: Name | None = None,
    rule: Name | None = None,
    priority: Priority | None = None,
    text: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> AlertList:
    """Return alerts that the caller reaches; without `state` those that wait or fire.

    `text` is part of a title, of a rule's name or of a label's value.
    """
    caller.need(Right.READ)
    chosen = queries.Chosen(client, system, rule, priority, text)
    start = page.cursor or 0
    async with db.snapshot() as session:
        rows = await queries.alerts(
            session, caller.scope, chosen=chosen, state=state, offset=start, limit=page.limit + 1
        )
    following = str(start + page.limit) if len(rows) > page.limit else None
    return AlertList(items=[AlertOut.of(row) for row in rows[: page.limit]], next=following)


@router.get("/alerts/{alert_id}")
async def get_alert(alert_id: UUID, caller: Caller, db: Db) -> AlertOut:
    """Return one alert."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        return AlertOut.of(await queries.get(session, caller.scope, alert_id))


@router.get("/rules")
async def list_rules(caller: Caller, db: Db, page: Paging) -> RuleList:
    """Return the rules that hold for some client the caller reaches."""
    caller.need(Right.READ)
    start = page.cursor or 0
    async with db.snapshot() as session:
        rows = await queries.rows_of_rules(session)
    shown = [row for row in rows if queries.concerns(row, caller.scope)]
    following = str(start + page.limit) if len(shown) > start + page.limit else None
    return RuleList(
        items=[RuleOut.of(row, seen_by=caller.scope) for row in shown[start : start + page.limit]],
        next=following,
    )


@router.get("/rules/{name}")
async def get_rule(name: Name, caller: Caller, db: Db) -> RuleOut:
    """Return one rule."""
    caller.need(Right.READ)
    async with db.snapshot() as session:
        row = await queries.rule(session, caller.scope, name)
    return RuleOut.of(row, seen_by=caller.scope)
