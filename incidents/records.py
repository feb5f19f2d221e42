"""Rows that come by the thousand, as plain objects: the batch writes them, no session does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from alerting.lifecycle import Priority
from incidents.lifecycle import What


@dataclass(slots=True)
class AlertRecord:
    """A row of `incident_alerts`."""

    incident_id: UUID
    alert_id: UUID
    rule: str
    title: dict[str, str]
    labels: dict[str, str]
    priority: Priority
    value: float | None
    unit: str
    fired_at: datetime
    resolved_at: datetime | None = None
    unknown_since: datetime | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """A row of `timeline_notes` as it is read."""

    id: int
    incident_id: UUID
    at: datetime
    who: str
    what: What
    facts: dict[str, Any]


@dataclass(slots=True)
class NoteRecord:
    """A row of `timeline_notes` to be."""

    incident_id: UUID
    at: datetime
    who: str
    what: What
    facts: dict[str, Any]
