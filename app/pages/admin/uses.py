"""What names what: who follows an escalation policy, an SLA policy or a schedule."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.scope import Scope
from alerting import queries as alerting
from incidents.content import titled
from oncall import queries as oncall

MOST = 1000
Used = dict[str, list["Use"]]


@dataclass(frozen=True)
class Use:
    """One thing that names another, and where its page is."""

    kind: str  # client | system | threshold | escalation
    title: str
    href: str


def _gathered(pairs: Iterator[tuple[str | None, Use]]) -> Used:
    found: Used = {}
    for name, use in pairs:
        if name is not None:
            found.setdefault(name, []).append(use)
    return found


async def of_slas(session: AsyncSession, scope: Scope) -> Used:
    """Return the clients of each SLA policy."""
    clients = await access.clients(session, scope, limit=MOST)
    return _gathered((row.sla, _client(row.name, row.title)) for row in clients)


async def of_policies(session: AsyncSession, scope: Scope, locale: str) -> Used:
    """Return who names each escalation policy: clients, systems, thresholds."""
    clients = await access.clients(session, scope, limit=MOST)
    systems = await access.systems(session, scope, limit=MOST)
    titles = {row.name: row.title for row in clients}
    rules = [row for row in await alerting.rows_of_rules(session) if alerting.concerns(row, scope)]

    def pairs() -> Iterator[tuple[str | None, Use]]:
        yield from ((row.escalation, _client(row.name, row.title)) for row in clients)
        for system in systems:
            title = f"{titles.get(system.client, system.client)} › {system.title}"
            href = f"/admin/systems/{system.client}/{system.name}"
            yield system.escalation, Use("system", title, href)
        for rule in rules:
            title = titled(rule.title, locale)
            yield rule.escalation, Use("threshold", title, f"/admin/thresholds/{rule.name}")

    return _gathered(pairs())


async def of_schedules(session: AsyncSession, scope: Scope) -> Used:
    """Return the escalation policies that tell whoever is on call in each schedule."""
    rows = await oncall.policies_inside(session, scope)

    def pairs() -> Iterator[tuple[str | None, Use]]:
        for row in rows:
            targets = {target for step in row.steps for target in step.get("notify", ())}
            for kind, _, name in (target.partition(":") for target in sorted(targets)):
                if kind == "schedule":
                    yield name, Use("escalation", row.name, f"/admin/escalations/{row.name}")

    return _gathered(pairs())


def _client(name: str, title: str) -> Use:
    return Use("client", title, f"/admin/clients/{name}")
