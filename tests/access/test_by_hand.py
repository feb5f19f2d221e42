"""What people make, change and remove by hand: on record, never over a file, never over others."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from access import commands, queries
from access.commands import Hand, InUse, OwnedByFile
from access.commands.tokens import NameTaken
from access.schemas import ClientSpec, SystemSpec, TargetSpec
from access.scope import SYSTEM, RightMissing, Scope
from access.tables import AuditEntry, Client, System
from kit.db import Database
from kit.errors import ChangedMeanwhile, NotFound
from tests.support.clock import NOON

HAND = Hand(SYSTEM, NOON)
ACME = ClientSpec("acme", "Acme", None)  # no file owns it
POS = SystemSpec("acme", "pos", "POS", None, match={"job": "pos"})


async def made(db: Database) -> None:
    async with db.transaction() as tx:
        await commands.keep_client(tx, ACME, HAND, new=True)
        await commands.keep_system(tx, POS, HAND, new=True)


async def version(db: Database) -> int:
    async with db.snapshot() as session:
        return await queries.configuration_version(session)


async def test_a_change_is_on_record_with_what_was_and_what_became(db: Database) -> None:
    await made(db)
    async with db.transaction() as tx:
        await commands.keep_client(tx, replace(ACME, title="爱可美"), HAND, new=False)
    async with db.snapshot() as session:
        last = await queries.last_audit(session, "client.change")
    assert last is not None
    assert last.facts == {
        "fields": ["title"],
        "before": {"title": "Acme"},
        "after": {"title": "爱可美"},
    }


async def test_each_change_moves_the_configuration_and_no_change_does_not(db: Database) -> None:
    await made(db)
    before = await version(db)
    async with db.transaction() as tx:
        await commands.keep_client(tx, ACME, HAND, new=False)
    assert await version(db) == before == 2
    async with db.transaction() as tx:
        await commands.drop_system(tx, "acme", "pos", HAND)
    assert await version(db) == 3


async def test_a_decision_on_an_old_version_is_refused(db: Database) -> None:
    await made(db)
    old = replace(HAND, version=1)
    async with db.transaction() as tx:
        await commands.keep_client(tx, replace(ACME, title="One"), old, new=False)
    with pytest.raises(ChangedMeanwhile):
        async with db.transaction() as tx:
            await commands.keep_client(tx, replace(ACME, title="Two"), old, new=False)
    async with db.snapshot() as session:
        assert (await queries.client(session, SYSTEM.scope, "acme")).title == "One"


async def test_what_a_file_owns_is_left_to_the_file(db: Database) -> None:
    async with db.transaction() as tx:
        tx.add(Client(name="acme", title="Acme", origin="a.yml:1"))
    with pytest.raises(OwnedByFile):
        async with db.transaction() as tx:
            await commands.keep_client(tx, replace(ACME, title="Mine"), HAND, new=False)


async def test_a_name_is_taken_once(db: Database) -> None:
    await made(db)
    with pytest.raises(NameTaken):
        async with db.transaction() as tx:
            await commands.keep_system(tx, POS, HAND, new=True)


async def test_a_client_that_something_names_stays(db: Database) -> None:
    await made(db)
    with pytest.raises(InUse, match="systems"):
        async with db.transaction() as tx:
            await commands.drop_client(tx, "acme", HAND)
    async with db.transaction() as tx:
        await commands.drop_system(tx, "acme", "pos", HAND)
        await commands.drop_client(tx, "acme", HAND)
        assert await tx.get(Client, "acme") is None


async def test_another_clients_rows_do_not_exist_and_a_narrow_admin_makes_no_client(
    db: Database,
) -> None:
    await made(db)
    narrow = Hand(replace(SYSTEM, scope=Scope(frozenset({"bolt"}))), NOON)
    target = TargetSpec("acme", "node", "scrape", "http://127.0.0.1:1/metrics", None)
    async with db.transaction() as tx:
        with pytest.raises(NotFound):
            await commands.keep_system(tx, POS, narrow, new=False)
        with pytest.raises(NotFound):
            await commands.drop_client(tx, "acme", narrow)
        with pytest.raises(NotFound):
            await commands.keep_target(tx, target, narrow, new=True)
        with pytest.raises(RightMissing):
            await commands.keep_client(tx, replace(ACME, name="bolt"), narrow, new=True)


async def test_systems_made_by_hand_are_asked_in_their_turn_after_those_of_files(
    db: Database,
) -> None:
    await made(db)
    async with db.transaction() as tx:
        web = replace(POS, name="a-web", title="Web")
        await commands.keep_system(tx, web, HAND, new=True)
        await commands.keep_system(tx, replace(POS, title="Tills"), HAND, new=False)
        found = await tx.scalars(select(System.name).order_by(System.position))
        assert list(found) == ["pos", "a-web"]
        assert await tx.scalar(select(AuditEntry.id).where(AuditEntry.did == "system.change"))


async def test_a_target_is_asked_and_then_no_more(db: Database) -> None:
    await made(db)
    target = TargetSpec("acme", "node", "scrape", "http://127.0.0.1:1/metrics", None)
    async with db.transaction() as tx:
        await commands.keep_target(tx, target, HAND, new=True)
        assert [row.version for row in await queries.targets(tx)] == [1]
        await commands.drop_target(tx, "acme", "node", HAND)
        assert list(await queries.targets(tx)) == []
