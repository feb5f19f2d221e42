"""A backup of tables as an older Langyan made them becomes an installation of today."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app import migrations
from app.backup.archive import Archive
from app.backup.restoring import restore
from app.backup.taking import take
from kit.db import Database
from kit.errors import Conflict, Invalid
from kit.settings import Settings
from tests.support import postgres

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CLIENT = (
    "INSERT INTO clients (name, title, locale, timezone, sla, overrides, version) "
    "VALUES ('acme', 'Acme \"NUL\" \t 爱可美', 'zh-CN', 'Asia/Shanghai', 'standard', '{}', 1)"
)


class Place:
    """An installation in a folder, with an empty database of the operator's own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.settings = Settings(data_dir=folder, database_url=url, secret_key="k" * 43)
        self.db = Database(url, pool=2)
        self.told: list[str] = []

    async def moves(self, revision: str) -> None:
        """Bring the tables to a revision."""

        def work(connection: Connection) -> None:
            migrations.move(connection, to=revision)

        async with self.db.engine.connect() as connection:
            await connection.run_sync(work)
            await connection.commit()

    async def says(self, *statements: str) -> None:
        """Run statements in one transaction."""
        async with self.db.transaction() as tx:
            for statement in statements:
                await tx.execute(text(statement))

    async def finds(self, query: str) -> list[Any]:
        """Return the one column of a query."""
        async with self.db.transaction() as session:
            return list(await session.scalars(text(query)))

    async def restores(self, path: Path, *, aside: bool = False) -> None:
        """Make it what the backup holds."""
        with Archive(path) as archive:
            tell = self.told.append
            await restore(self.settings, archive, aside=aside, now=NOW, tell=tell)


@pytest.fixture
async def places(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Place, Place]]:
    name = database_url.rpartition("/")[2].partition("?")[0]
    urls = [await postgres.create_database(f"{name}_{n}", "template1") for n in ("from", "to")]
    found = (Place(tmp_path / "from", urls[0]), Place(tmp_path / "to", urls[1]))
    yield found
    for place in found:
        await place.db.close()


@pytest.mark.parametrize("revision", migrations.chain())
async def test_it_is_brought_up_to_date(
    places: tuple[Place, Place], tmp_path: Path, revision: str
) -> None:
    old, new = places
    await old.moves(revision)
    await old.says(CLIENT, "SELECT nextval(pg_get_serial_sequence('incidents', 'number'))")
    await take(old.settings, tmp_path / "backup", now=NOW, tell=old.told.append)

    await new.restores(tmp_path / "backup")

    assert await new.finds("SELECT title FROM clients") == ['Acme "NUL" \t 爱可美']
    assert await new.finds("SELECT version_num FROM alembic_version") == [migrations.head()]
    assert await new.finds("SELECT nextval(pg_get_serial_sequence('incidents', 'number'))") == [2]


async def test_a_table_of_somebody_else_is_left_out_and_named(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    old, new = places
    await old.moves("head")
    await old.says("CREATE TABLE mine (n int)", "INSERT INTO mine VALUES (1)")
    await take(old.settings, tmp_path / "backup", now=NOW, tell=old.told.append)

    await new.restores(tmp_path / "backup")

    assert new.told == ["left out: the table mine, which is not Langyan's"]


async def test_a_database_with_rows_is_refused_or_keeps_them_beside(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    old, new = places
    for place in places:
        await place.moves("head")
    await new.says(CLIENT)
    await take(old.settings, tmp_path / "backup", now=NOW, tell=old.told.append)

    with pytest.raises(Conflict, match="the database holds an installation"):
        await new.restores(tmp_path / "backup")
    await new.restores(tmp_path / "backup", aside=True)

    assert await new.finds("SELECT name FROM clients") == []
    kept = 'SELECT name FROM "before_restore_20261102_090000".clients'
    assert await new.finds(kept) == ["acme"]


async def test_an_interrupted_restore_can_be_repeated(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    old, new = places
    await old.moves("head")
    await old.says(CLIENT)
    await take(old.settings, tmp_path / "backup", now=NOW, tell=old.told.append)
    await new.moves("0001")  # so far it had come, and no further
    left = new.settings.data_dir / "restoring" / "samples"
    left.mkdir(parents=True)

    await new.restores(tmp_path / "backup")

    assert await new.finds("SELECT name FROM clients") == ["acme"]
    assert list(new.settings.data_dir.glob("restoring*")) == []


async def test_an_empty_database_and_a_newer_langyan_are_said_plainly(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    old, new = places
    with pytest.raises(Invalid, match="nothing to back up"):
        await take(old.settings, tmp_path / "none", now=NOW, tell=old.told.append)

    await old.moves("head")
    await old.says("UPDATE alembic_version SET version_num = '9999'")
    await take(old.settings, tmp_path / "backup", now=NOW, tell=old.told.append)

    with pytest.raises(Invalid, match="its tables are at 9999"):
        await new.restores(tmp_path / "backup")
