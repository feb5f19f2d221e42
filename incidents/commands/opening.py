"""How an incident begins: its own copies of the policies, and both clocks running."""

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

from incidents import clocks
from incidents.clocks import Kind
from incidents.commands.ledger import Ledger
from incidents.lifecycle import Status
from incidents.queries import Clocks, Terms
from incidents.schemas import SlaSpec
from incidents.tables import Incident
from oncall.escalation import start


def opened(client: str, place: tuple[str, str], *, now: datetime) -> Incident:
    """Return a new incident of a system (and drill) that has yet to learn its terms."""
    system, drill = place
    incident = Incident(
        id=uuid4(),
        client=client,
        system=system,
        drill=drill,
        status=Status.TRIGGERED,
        gathers=True,
        opened_at=now,
        last_alert_at=now,
        retriggers=0,
        waits_for=[],
        needs_admin=False,
    )
    incident.position = start(now)
    return incident


def agree(incident: Incident, terms: Terms, *, rule_escalation: str | None) -> None:
    """Give the incident its own copies of what holds for its client and system now."""
    policy = terms.policy(incident.system, rule_escalation)
    incident.policy = policy.model_dump(mode="json")
    incident.sla = terms.sla.model_dump(mode="json")
    incident.zone, incident.locale = terms.zone, terms.locale


def start_clocks(ledger: Ledger, incident: Incident) -> None:
    """Let both clocks run from now on."""
    sla = SlaSpec.model_validate(incident.sla)
    for kind in Kind:
        goal = sla.goal(kind, incident.priority, at=ledger.now)
        ledger.keep(incident, kind, clocks.started(goal, zone=incident.zone), told=0)


def raise_clocks(ledger: Ledger, incident: Incident, held: Clocks) -> None:
    """Hold both clocks to the limits of the graver priority, from now on, where that is earlier."""
    sla = SlaSpec.model_validate(incident.sla)
    for kind, (clock, told) in held.items():
        goal = sla.goal(kind, incident.priority, at=ledger.now)
        graver = clocks.raised(clock, goal)
        ledger.keep(incident, kind, graver, told=told if graver.goal == clock.goal else 0)


def titled(title: Mapping[str, str]) -> dict[str, str]:
    """Return a title in both languages, the one standing in for the other."""
    any_ = next(iter(title.values()), "")
    return {"zh": title.get("zh", any_), "en": title.get("en", any_)}
