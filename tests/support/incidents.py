"""Incidents in domain words: alerts fire, phones ring, people answer, time goes by."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import EVERYTHING, Identity, Right, Role, Scope
from access.tables import Client, Person, System
from alerting.lifecycle import Kind, Priority
from alerting.schemas import Transition
from incidents import commands, jobs, queries, reactions
from incidents.clocks import ClockView
from incidents.clocks import Kind as ClockKind
from incidents.commands import Answer
from incidents.content import webhook_payload, written
from incidents.lifecycle import What
from incidents.links import links
from incidents.queries import Shown
from incidents.tables import Incident, SlaClock
from kit import outbox
from kit.db import Database, lock
from kit.signing import Signer
from notifications import commands as notifications
from notifications.events import NotificationFailed
from notifications.lifecycle import UNFINISHED
from notifications.schemas import Leaving, Message, NotificationOut, Promise
from notifications.tables import Notification
from oncall.tables import Contact, EscalationPolicy, Schedule
from tests.support.clock import FakeClock
from tests.support.telling import INCIDENT, Telling, telling

P1, P2, P3, P4 = Priority
URL = "http://langyan.test"


def person(name: str, *clients: str) -> Identity:
    """Return somebody who works on incidents, of these clients or of all."""
    scope = Scope(frozenset(clients)) if clients else EVERYTHING
    rights = frozenset({Right.READ, Right.WORK})
    return Identity(name, name.title(), Role.ENGINEER, scope, rights)


def transition(
    name: str,
    priority: Priority | None = P1,
    *,
    kind: Kind = Kind.FIRED,
    system: str = "pos",
    client: str = "acme",
    drill: str = "",
    escalation: str | None = None,
    clock: FakeClock,
) -> Transition:
    """Return what alerting says when the alert `name` moves."""
    return Transition(
        alert_id=uuid5(INCIDENT, f"{client} {system} {name}"),
        client=client,
        system=system,
        rule=name.partition("/")[0],
        title={"zh": f"{name} 告警", "en": f"{name} alert"},
        labels={"instance": name},
        kind=kind,
        priority_before=None,
        priority=priority,
        value=97.0,
        at=clock(),
        drill=drill,
        escalation=escalation,
    )


@dataclass
class House:
    """What a test of incidents holds in its hands."""

    db: Database
    clock: FakeClock
    telling: Telling

    @property
    def rang(self) -> list[str]:
        """Who was called, in order."""
        return self.telling.phone.rang

    def heard(self, name: str) -> list[str]:
        """Return the events that one person was told."""
        return [call.json["event"] for call in self.telling.phone.calls_of(name)]

    async def follows(self, transitions: Sequence[Transition], client: str = "acme") -> None:
        """Carry transitions down the path and let the messages leave."""
        await self.carries(transitions, client)
        await self.settles()

    async def carries(self, transitions: Sequence[Transition], client: str = "acme") -> None:
        """Carry transitions down the path."""
        async with self.db.transaction() as tx:
            await lock(tx, "client", client)
            promises = await commands.follow(tx, client, transitions, now=self.clock())
            await self.queues(tx, promises)

    async def queues(self, tx: AsyncSession, promises: Sequence[Promise]) -> None:
        """Owe people these messages."""
        await notifications.queue(tx, promises, now=self.clock())

    async def moves(
        self,
        kind: Kind,
        *names: str,
        priority: Priority | None = P1,
        system: str = "pos",
        client: str = "acme",
    ) -> None:
        """Let these alerts move."""
        told = [
            transition(n, priority, kind=kind, system=system, client=client, clock=self.clock)
            for n in names
        ]
        await self.follows(told, client)

    async def fires(self, *names: str, priority: Priority = P1, system: str = "pos") -> None:
        """Let these alerts fire."""
        await self.moves(Kind.FIRED, *names, priority=priority, system=system)

    async def clears(self, *names: str, system: str = "pos") -> None:
        """Let these alerts end."""
        await self.moves(Kind.RESOLVED, *names, priority=None, system=system)

    async def settles(self) -> None:
        """Send what is due, and let the reactions hear what became of it."""
        while await self.telling.settles() + await outbox.relay(
            self.db, {NotificationFailed: (reactions.notification_failed,)}, self.clock
        ):
            continue

    async def ticks(self) -> None:
        """Run every job once."""
        for job in (jobs.escalate_due, jobs.resolve_due, jobs.sla_due):
            await job(self.db, self.clock)
        await self.settles()

    async def passes(self, **length: float) -> None:
        """Let time go by, with the jobs at work whenever something is due."""
        until = self.clock() + timedelta(**length)
        while self.clock() < until:
            soonest = self.clock() + timedelta(seconds=1)
            self.clock.now = min(until, max(await self.next_due() or until, soonest))
            await self.ticks()

    async def next_due(self) -> datetime | None:
        """Return when the next job has work, or the next message leaves."""
        columns = (Incident.next_step_at, Incident.resolve_at, SlaClock.next_mark_at)
        waits = Notification.status.in_(UNFINISHED)
        async with self.db.snapshot() as session:
            found = [await session.scalar(select(func.min(column))) for column in columns]
            found.append(
                await session.scalar(select(func.min(Notification.next_try_at)).where(waits))
            )
        return min((moment for moment in found if moment), default=None)

    async def acknowledges(self, name: str, number: int = 1) -> Answer:
        """Let somebody take the incident."""
        async with self.db.transaction() as tx:
            answer = await commands.acknowledge(tx, number, by=person(name), now=self.clock())
        await self.settles()
        return answer

    async def resolves(self, name: str, number: int = 1) -> Answer:
        """Let somebody end the incident."""
        async with self.db.transaction() as tx:
            answer = await commands.resolve(tx, number, by=person(name), now=self.clock())
        await self.settles()
        return answer

    async def reopens(self, name: str, number: int = 1) -> Answer:
        """Let somebody open the incident again."""
        async with self.db.transaction() as tx:
            answer = await commands.reopen(tx, number, by=person(name), now=self.clock())
        await self.settles()
        return answer

    async def escalates(self, name: str, number: int = 1) -> Answer:
        """Let somebody call the next step."""
        async with self.db.transaction() as tx:
            answer = await commands.escalate(tx, number, by=person(name), now=self.clock())
        await self.settles()
        return answer

    async def receipts(self, number: int = 1) -> Sequence[NotificationOut]:
        """Return what became of every notification about the incident."""
        async with self.db.snapshot() as session:
            seen = await queries.detail(session, EVERYTHING, number, now=self.clock())
        return seen.receipts

    async def hires(self, name: str, target: str) -> None:
        """Let somebody new be on call for ever in a schedule of that target's name."""
        layer = {"people": [name], "rotation": "weekly", "handoff": "Mon 09:00"}
        schedule = Schedule(name=target.partition(":")[2], timezone="UTC", layers=[layer])
        async with self.db.transaction() as tx:
            tx.add(Person(name=name, title=name))
            await tx.flush()
            url = self.telling.phone.url(name)
            tx.add_all([schedule, Contact(person=name, channel="webhook", address=url)])

    async def forgets_policies(self) -> None:
        """Leave no escalation policy."""
        async with self.db.transaction() as tx:
            await tx.execute(delete(EscalationPolicy))

    async def shows(self, number: int = 1) -> Shown:
        """Return the incident as a page shows it."""
        async with self.db.snapshot() as session:
            seen = await queries.detail(session, EVERYTHING, number, now=self.clock())
        return seen.shown

    async def clocked(self, kind: ClockKind, number: int = 1) -> ClockView:
        """Return how one of its clocks stands."""
        return (await self.shows(number)).clock(kind)

    async def story(self, number: int = 1) -> list[What]:
        """Return what the timeline tells, in short."""
        return [line.what for line in (await self.shows(number)).timeline]

    async def incidents(self) -> Sequence[Incident]:
        """Return every incident, oldest first."""
        async with self.db.snapshot() as session:
            return (await session.scalars(select(Incident).order_by(Incident.number))).all()

    async def alters(self, name: str = "acme", **columns: object) -> None:
        """Change the client's row."""
        async with self.db.transaction() as tx:
            if columns:
                await tx.execute(update(Client).where(Client.name == name).values(**columns))

    async def alters_system(self, name: str = "pos", **columns: object) -> None:
        """Change the row of one of acme's systems."""
        async with self.db.transaction() as tx:
            await tx.execute(update(System).where(System.name == name).values(**columns))

    async def rewrites(self, name: str, *steps: tuple[str, int]) -> None:
        """Change an escalation policy."""
        written = [{"notify": [target], "wait": f"{wait}m"} for target, wait in steps]
        changed = update(EscalationPolicy).where(EscalationPolicy.name == name)
        async with self.db.transaction() as tx:
            await tx.execute(changed.values(steps=written))

    async def plans(self, name: str, *steps: tuple[str, int], repeat: int = 2) -> None:
        """Write an escalation policy of (target, minutes to wait)."""
        written = [{"notify": [target], "wait": f"{wait}m"} for target, wait in steps]
        async with self.db.transaction() as tx:
            tx.add(EscalationPolicy(name=name, steps=written, repeat=repeat))


def alert_id(name: str, system: str = "pos", client: str = "acme") -> UUID:
    """Return the id that `transition` gives the alert `name`."""
    return uuid5(INCIDENT, f"{client} {system} {name}")


@asynccontextmanager
async def house(db: Database, clock: FakeClock) -> AsyncIterator[House]:
    """Set up two clients, the people li, han and boss, and the policy li → han → li → han."""
    signer = Signer("a secret of the tests")

    async def render(session: AsyncSession, leavings: Sequence[Leaving]) -> list[Message]:
        return [await message(session, one) for one in leavings]

    async def message(session: AsyncSession, leaving: Leaving) -> Message:
        now = clock()
        shown = (await queries.detail_of(session, leaving.about, now=now)).shown
        ways = links(signer, URL, shown.incident, person=leaving.person, now=now)
        payload = webhook_payload(
            written(shown),
            event=leaving.event,
            key=leaving.sent_key,
            links=ways,
            facts=leaving.facts,
        )
        return Message(subject=leaving.event, text=leaving.event, html="", payload=payload)

    async with telling(db, clock, render=render) as told:
        async with db.transaction() as tx:
            tx.add_all([Client(name=name, title=name) for name in ("acme", "bolt")])
            tx.add_all([Person(name=name, title=name) for name in ("li", "han")])
            tx.add(Person(name="boss", title="boss", role=Role.ADMIN))
            await tx.flush()
            tx.add(System(client="acme", name="pos", title="POS", core=True))
            for name in ("li", "han", "boss"):
                url = told.phone.url(name)
                tx.add(Contact(person=name, channel="webhook", address=url))
        world = House(db, clock, told)
        await world.plans("default", ("person:li", 5), ("person:han", 5))
        yield world
