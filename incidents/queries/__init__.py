"""Reads of incidents. Those for a caller take its scope; another client's incident is not found."""

from incidents.queries.due import (
    at_a_mark,
    oldest_step_due,
    to_escalate,
    to_resolve,
    without_prospect,
)
from incidents.queries.rows import (
    Clocks,
    Terms,
    alerts_of,
    another_gathers,
    by_id,
    clocks,
    concerned,
    get,
    known_to_have_failed,
    refuse_if_passed,
    terms,
)
from incidents.queries.shown import (
    Detail,
    Shown,
    board,
    detail,
    detail_of,
    last_resolved_at,
    listed,
    open_of_alerts,
)

__all__ = [
    "Clocks",
    "Detail",
    "Shown",
    "Terms",
    "alerts_of",
    "another_gathers",
    "at_a_mark",
    "board",
    "by_id",
    "clocks",
    "concerned",
    "detail",
    "detail_of",
    "get",
    "known_to_have_failed",
    "last_resolved_at",
    "listed",
    "oldest_step_due",
    "open_of_alerts",
    "refuse_if_passed",
    "terms",
    "to_escalate",
    "to_resolve",
    "without_prospect",
]
