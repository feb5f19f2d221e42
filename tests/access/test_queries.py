"""Reads of access: the directory, and who sees whom."""

import pytest
from sqlalchemy import event

from access import queries
from access.scope import EVERYTHING, Role, Scope
from access.tables import Client, Person, System, Target
from kit.db import Database
from kit.errors import NotFound

ACME = Scope(frozenset({"acme"}))


async def filled(db: Database) -> None:
    async with db.transaction() as tx:
        tx.add_all(
            [
                Client(name="acme", title="Acme", overrides={"disk": {"P1": {"above": 99}}}),
                Client(name="bolt", title="Bolt"),
            ]
        )
        await tx.flush()
        tx.add_all(
            [
                System(client="acme", name="all", title="All", match={"job": ".*"}, position=1),
                System(client="acme", name="pos", title="POS", match={"job": "pos-.*"}, core=True),
                Person(name="li", title="Li", clients=["acme"]),
                Person(name="wu", title="Wu", clients=["bolt"]),
                Person(name="reader", title="Reader", role=Role.CLIENT),
            ]
        )


async def test_the_directory_is_two_statements_and_knows_whose_a_series_is(db: Database) -> None:
    await filled(db)
    seen: list[str] = []
    engine = db.engine.sync_engine
    async with db.snapshot() as session:
        event.listen(engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
        found = await queries.directory(session)
    assert len(seen) == 2
    assert found.clients["acme"].overrides == {"disk": {"P1": {"above": 99}}}
    assert found.system_of({"client": "acme", "job": "pos-1"}) == "pos"
    assert found.system_of({"client": "acme", "job": "db"}) == "all"
    assert found.system_of({"client": "bolt", "job": "pos-1"}) == ""


async def test_outside_the_scope_nothing_exists(db: Database) -> None:
    await filled(db)
    async with db.snapshot() as session:
        assert (await queries.client(session, ACME, "acme")).name == "acme"
        assert (await queries.person(session, ACME, "li")).name == "li"
        for read, name in (
            (queries.client, "bolt"),
            (queries.client, "nobody"),
            (queries.person, "wu"),
            (queries.person, "reader"),
            (queries.token, "none"),
        ):
            with pytest.raises(NotFound):
                await read(session, ACME, name)
        assert await queries.people(session, Scope(frozenset())) == []
        assert len(await queries.people(session, EVERYTHING)) == 3


async def test_a_clients_reader_without_a_client_reaches_nothing(db: Database) -> None:
    await filled(db)
    async with db.snapshot() as session:
        reader = queries.identity_of(await queries.person(session, EVERYTHING, "reader"))
    assert not reader.scope.allows("acme")


async def test_a_target_that_is_disabled_is_not_asked(db: Database) -> None:
    await filled(db)
    async with db.transaction() as tx:
        for name, disabled in (("a", False), ("b", True)):
            tx.add(Target(client="acme", name=name, kind="http", url="http://x", disabled=disabled))
    async with db.snapshot() as session:
        assert [target.name for target in await queries.targets(session)] == ["a"]
