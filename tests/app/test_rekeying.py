"""Everything that is sealed is sealed anew, wherever it stands, and nothing else changes."""

from pathlib import Path

import pytest
from sqlalchemy import text

from app import rekeying, sealed
from app.schema import TABLES
from kit.db import Database
from kit.keys import Former, Ring
from kit.sealing import Sealer
from tests.support.clock import FakeClock
from tests.support.world import STANDING, World, world

OLD, NEW = "k" * 43, Ring("n" * 43, [Former("k" * 43)])
SEALED = {"contacts.secret", "targets.secret"}
"""Columns of which `app/sealed.py` knows; notifications keep copies of contacts inside JSON."""
TARGET = (
    "INSERT INTO targets (client, name, kind, url, interval_ms, timeout_ms, labels, options, "
    'disabled, version, "user", secret) VALUES '
    "('acme', 'shop', 'http', 'http://127.0.0.1:1', 15000, 10000, '{}', '{}', false, 1, 'u', :s)"
)


async def filled(found: World) -> None:
    """Let a contact, its notifications and a target have secrets."""
    async with found.db.transaction() as tx:
        await tx.execute(text("UPDATE contacts SET secret = :s"), {"s": Sealer(OLD).seal("li's")})
        await tx.execute(text(TARGET), {"s": Sealer(OLD).seal("the target's")})
    await found.pushes("disk", 97)
    await found.passes(minutes=2)


async def rows(db: Database, query: str) -> list[object]:
    """Return the one column of a query."""
    async with db.snapshot() as session:
        return list(await session.scalars(text(query)))


async def test_targets_contacts_and_their_copies_change_their_seals_and_nothing_else(
    db: Database, clock: FakeClock, tmp_path: Path
) -> None:
    async with world(db, tmp_path, clock, yaml=STANDING) as found:
        await filled(found)
        before = await rows(db, "SELECT contacts::text FROM notifications ORDER BY id")
        assert before

        anew, shut = await rekeying.seal_anew(db, NEW, now=clock())

        sealer = Sealer(NEW.current)
        async with db.snapshot() as session:
            opened = {sealer.unseal(word) for word in await sealed.everything(session)}
        assert (anew, shut, opened) == (2, 0, {"li's", "the target's"})
        after = await rows(db, "SELECT contacts::text FROM notifications ORDER BY id")
        old, new = Sealer(OLD).seal("li's"), sealer.seal("li's")
        assert after == [str(one).replace(old, new) for one in before]
        assert await rekeying.seal_anew(db, NEW, now=clock()) == (0, 0)


async def test_what_no_key_opens_is_counted_and_left_as_it_is(
    db: Database, clock: FakeClock, tmp_path: Path
) -> None:
    async with world(db, tmp_path, clock, yaml=STANDING) as found:
        stranger = Sealer("somebody else's").seal("lost")
        async with found.db.transaction() as tx:
            await tx.execute(text("UPDATE contacts SET secret = :s"), {"s": stranger})

        assert await rekeying.seal_anew(db, NEW, now=clock()) == (0, 1)
        assert await rows(db, "SELECT DISTINCT secret FROM contacts") == [stranger]


@pytest.mark.parametrize("table", TABLES)
def test_every_column_for_a_secret_is_known_to_whoever_changes_the_key(table: str) -> None:
    named = {f"{table}.{each.name}" for each in TABLES[table].columns if "secret" in each.name}

    assert named <= SEALED
