"""Verbs of incidents, each called inside one transaction; they never commit."""

from incidents.commands.alerts import follow
from incidents.commands.answer import (
    acknowledge,
    note,
    reopen,
    resolve,
    resolve_some,
    unacknowledge,
)
from incidents.commands.clocks import ClockNotRunning, exclude, pause, resume, tell_marks
from incidents.commands.escalation import Answer, escalate, escalate_some, step_failed
from incidents.commands.slas import drop_sla, keep_sla, provision_slas

__all__ = [
    "Answer",
    "ClockNotRunning",
    "acknowledge",
    "drop_sla",
    "escalate",
    "escalate_some",
    "exclude",
    "follow",
    "keep_sla",
    "note",
    "pause",
    "provision_slas",
    "reopen",
    "resolve",
    "resolve_some",
    "resume",
    "step_failed",
    "tell_marks",
    "unacknowledge",
]
