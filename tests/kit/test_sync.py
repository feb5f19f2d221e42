"""Rows that a file owns."""

from collections.abc import Sequence

from sqlalchemy import select

from access.tables import Client, Person, System, Token
from kit.db import Database
from kit.sync import HIDDEN, Change, Verb, sync
from tests.support.clock import NOON


def client(name: str, **columns: object) -> Client:
    return Client(**({"name": name, "title": name, "origin": "a.yml:1"} | columns))


async def synced(db: Database, *wanted: Client) -> list[Change]:
    async with db.transaction() as tx:
        return await sync(tx, Client, wanted, kind="client")


async def names(db: Database) -> Sequence[str]:
    async with db.snapshot() as session:
        return (await session.scalars(select(Client.name).order_by(Client.name))).all()


async def test_what_the_file_says_is_added_changed_and_removed(db: Database) -> None:
    await synced(db, client("acme"), client("bolt"))

    changes = await synced(db, client("acme", title="Acme Ltd"), client("cord"))

    assert [(c.verb, c.name) for c in changes] == [
        (Verb.CHANGE, "acme"),
        (Verb.ADD, "cord"),
        (Verb.REMOVE, "bolt"),
    ]
    assert changes[0].fields == {"title": ("acme", "Acme Ltd")}
    assert await names(db) == ["acme", "cord"]


async def test_the_same_file_again_changes_nothing_even_when_its_lines_moved(db: Database) -> None:
    await synced(db, client("acme", overrides={"disk": {"P1": {"above": 99}}}))
    again = client("acme", overrides={"disk": {"P1": {"above": 99}}}, origin="a.yml:7")

    assert await synced(db, again) == []

    async with db.snapshot() as session:
        assert (await session.scalars(select(Client.origin))).all() == ["a.yml:7"]


async def test_a_row_made_by_hand_stays_unless_the_file_names_it(db: Database) -> None:
    async with db.transaction() as tx:
        tx.add_all([client("mine", origin=None), client("ours", origin=None, locale="en")])

    changes = await synced(db, client("ours"))

    assert [(c.verb, c.name, c.fields) for c in changes] == [
        (Verb.CHANGE, "ours", {"origin": (None, "a.yml:1")})
    ]
    assert await names(db) == ["mine", "ours"]


async def test_a_column_that_the_file_does_not_say_keeps_its_value(db: Database) -> None:
    async with db.transaction() as tx:
        tx.add(client("acme", locale="en"))
    await synced(db, client("acme", title="other"))
    async with db.snapshot() as session:
        assert (await session.scalars(select(Client.locale))).all() == ["en"]


async def test_a_row_with_a_history_is_released_instead_of_deleted(db: Database) -> None:
    def leave(person: Person) -> None:
        person.disabled = True

    async with db.transaction() as tx:
        await sync(tx, Person, [Person(name="li", title="Li", origin="a:1")], kind="person")
    async with db.transaction() as tx:
        (change,) = await sync(tx, Person, [], kind="person", release=leave)

    assert (change.verb, change.fields) == (Verb.RELEASE, {"disabled": (False, True)})
    async with db.snapshot() as session:
        (person,) = (await session.scalars(select(Person))).all()
    assert (person.disabled, person.origin) == (True, None)


async def test_a_key_of_two_columns_is_named_with_a_slash(db: Database) -> None:
    await synced(db, client("acme"))
    async with db.transaction() as tx:
        pos = System(client="acme", name="pos", title="POS", origin="a.yml:2")
        (change,) = await sync(tx, System, [pos], kind="system")
    assert change.name == "acme/pos"


async def test_a_secret_is_never_part_of_the_news(db: Database) -> None:
    async with db.transaction() as tx:
        token = Token(name="t", digest="d" * 64, rights=["read"], created_at=NOON, origin="a:1")
        (change,) = await sync(tx, Token, [token], kind="token", secret={"digest"})
    assert change.fields["digest"] == (None, HIDDEN)
