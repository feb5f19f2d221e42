"""The signed link to take an incident with."""

import pytest
from sqlalchemy import update

from access.scope import Role, Scope
from access.tables import Person
from alerting.lifecycle import Kind
from incidents import commands
from incidents.lifecycle import Status
from incidents.links import bearer
from kit.errors import NotFound, Unauthorized
from kit.signing import Signer
from tests.support.incidents import House

SIGNER = Signer("a secret of the tests")


def token(world: House) -> str:
    """Return what stands in the link that li got."""
    link: str = world.telling.phone.calls_of("li")[0].json["links"]["acknowledge"]
    return link.rpartition("/")[2]


async def follow_link(world: House) -> Status:
    async with world.db.transaction() as tx:
        number, holder = await bearer(tx, SIGNER, token(world), now=world.clock())
        incident, _ = await commands.acknowledge(tx, number, by=holder, now=world.clock())
    return incident.status


async def test_a_link_takes_the_incident_for_whom_it_was_sent_to(world: House) -> None:
    await world.fires("disk")
    assert await follow_link(world) is Status.ACKNOWLEDGED
    assert (await world.incidents())[0].acknowledged_by == "li"


async def test_a_link_reaches_no_other_client(world: House) -> None:
    await world.fires("disk")
    async with world.db.transaction() as tx:
        _, holder = await bearer(tx, SIGNER, token(world), now=world.clock())
    assert holder.scope == Scope(frozenset({"acme"}))
    await world.moves(Kind.FIRED, "disk", client="bolt")
    async with world.db.transaction() as tx:
        with pytest.raises(NotFound):
            await commands.acknowledge(tx, 2, by=holder, now=world.clock())


async def test_a_link_ends_with_its_time_and_with_its_person(world: House) -> None:
    await world.fires("disk")
    async with world.db.transaction() as tx:
        await tx.execute(update(Person).where(Person.name == "li").values(disabled=True))
    with pytest.raises(Unauthorized, match="no longer works here"):
        await follow_link(world)
    world.clock.advance(days=3)
    with pytest.raises(Unauthorized, match="over"):
        await follow_link(world)


async def test_a_link_makes_nobody_more_than_they_are(world: House) -> None:
    await world.fires("disk")
    async with world.db.transaction() as tx:
        await tx.execute(update(Person).where(Person.name == "li").values(role=Role.CLIENT))
    with pytest.raises(Unauthorized, match="may look"):
        await follow_link(world)
