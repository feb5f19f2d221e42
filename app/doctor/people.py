"""Checks of who is told: people without contacts, gaps, policies that reach nobody."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.directory import Directory
from access.scope import EVERYTHING, Role
from alerting import queries as alerting
from alerting.lifecycle import Priority
from app.doctor.findings import Finding, fail, names, ok, warn
from app.doctor.patient import Patient
from oncall import queries as oncall
from oncall.escalation import Policy
from oncall.roster import Roster

AHEAD = timedelta(days=14)
GRAVE = (Priority.P1, Priority.P2)
WORKING = (Role.ADMIN, Role.ENGINEER, Role.MANAGER)


async def contacts(session: AsyncSession, patient: Patient) -> list[Finding]:
    """People whom a schedule or a policy names and whom nothing reaches."""
    roster = await oncall.roster(session, now=patient.now)
    people = await access.people(session, EVERYTHING, limit=oncall.PEOPLE_MOST)
    there = {row.name for row in people if not row.disabled}
    named = {t.partition(":")[2] for t in await _targets(session) if t.startswith("person:")}
    for plan in (await oncall.plans(session, patient.now, patient.now + AHEAD)).values():
        named |= {person for layer in plan.layers for person in layer.people}
        named |= {stand_in.person for stand_in in plan.overrides}
    gone, mute = named - there, (named & there) - roster.contacts.keys()
    found = [fail("person_gone", people=names(gone))] if gone else []
    if mute:
        found.append(fail("person_mute", people=names(mute)))
    idle = {row.name for row in people if row.role in WORKING and row.name in there}
    idle -= roster.contacts.keys() | mute
    if idle:
        found.append(warn("person_idle", people=names(idle)))
    return found or [ok("contacts", n=len(roster.contacts))]


async def _targets(session: AsyncSession) -> Iterable[str]:
    policies = (await oncall.policies(session)).values()
    return [target for policy in policies for step in policy.steps for target in step.notify]


async def gaps(session: AsyncSession, patient: Patient) -> list[Finding]:
    """Times in the next two weeks in which a schedule has nobody."""
    weeks = await oncall.week(session, patient.now, length=AHEAD)
    found = [
        warn(
            "gap",
            schedule=one.schedule,
            at=f"{one.gaps[0].start:%Y-%m-%d %H:%M} UTC",
            n=len(one.gaps),
        )
        for one in weeks
        if one.gaps
    ]
    return found or [ok("gaps", n=len(weeks))]


async def policies(session: AsyncSession, patient: Patient) -> list[Finding]:
    """Escalation policies of which no step, or only some steps, would reach somebody now."""
    roster = await oncall.roster(session, now=patient.now)
    known = await oncall.policies(session)
    found = []
    for policy in (known or {"default": oncall.named(known, None)}).values():
        deaf = [str(n) for n, step in enumerate(policy.steps, 1) if not roster.reaches(step.notify)]
        if len(deaf) == len(policy.steps):
            found.append(fail("policy_deaf", policy=policy.name))
        elif deaf:
            found.append(warn("step_deaf", policy=policy.name, steps=", ".join(deaf)))
    return found or [ok("policies", n=len(known))]


async def rules(session: AsyncSession, patient: Patient) -> list[Finding]:
    """Rules that can raise P1 or P2 for somebody, and where nobody would hear of it."""
    known = await oncall.policies(session)
    places = _places(await access.directory(session))
    roster = await oncall.roster(session, now=patient.now)
    unknown, unheard = set[str](), set[str]()
    checked = 0
    for rule in await alerting.rules(session):
        silent = rule.spec.absent.priority if rule.spec.absent else None
        if not _grave(rule.spec.levels, silent):
            continue
        checked += 1
        clients = places if rule.spec.clients is None else places.keys() & rule.spec.clients
        met = set[str | None]().union(*(places[client] for client in clients))
        wanted = {rule.spec.escalation} if rule.spec.escalation else met
        unknown |= {f"{rule.name} → {name}" for name in wanted if name and name not in known}
        if any(_deaf(oncall.named(known, name), roster) for name in wanted):
            unheard.add(rule.name)
    found = [fail("rule_unheard", rules=names(unheard))] if unheard else []
    if unknown:
        found.append(warn("rule_policy_gone", rules=names(unknown)))
    return found or [ok("rules", n=checked)]


def _places(directory: Directory) -> dict[str, set[str | None]]:
    """Return for each client the policies that its alerts may meet; None is `default`."""
    found = {client.name: {client.escalation} for client in directory.clients.values()}
    for system in directory.systems:
        if system.escalation:
            found[system.client].add(system.escalation)
    return found


def _grave(levels: Iterable[Priority], absent: Priority | None) -> bool:
    return any(priority in GRAVE for priority in (*levels, absent))


def _deaf(policy: Policy, roster: Roster) -> bool:
    return not any(roster.reaches(step.notify) for step in policy.steps)


async def mail(session: AsyncSession, patient: Patient) -> list[Finding]:
    """Contacts by mail without a server that takes it."""
    if patient.settings.smtp_url:
        return []
    roster = await oncall.roster(session, now=patient.now)
    by_mail = {
        person
        for person, ways in roster.contacts.items()
        if any(w.channel == "email" for w in ways)
    }
    return [fail("mail_none", people=names(by_mail))] if by_mail else []
