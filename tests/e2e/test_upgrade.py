"""A database of an older major version of PostgreSQL: what is said, and how it is moved over."""

import asyncio
from pathlib import Path

import pytest

from app.backup.archive import Archive
from app.backup.restoring import fill
from kit.clock import system_clock
from kit.db import Database
from kit.postgres.programs import MAJOR
from kit.postgres.server import start as start_postgres
from tests.support import old_postgres
from tests.support.program import Program
from tests.support.site import signed, standing

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

OLD = old_postgres.there()


async def refused(program: Program) -> str:
    """Start a program that will not stay; return what it said."""
    program.spawn()
    assert program.process is not None
    assert await asyncio.to_thread(program.process.wait, 30) == 1
    return program.said()


async def test_a_database_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    async with program:
        program.stop()
    note = program.folder / "postgres" / "data" / "PG_VERSION"
    note.write_text("9\n")

    assert "run `langyan upgrade-database`" in await refused(program)
    lost = await program.run("upgrade-database")
    wrong = await program.run("upgrade-database", LANGYAN_OLD_POSTGRES_BIN=str(tmp_path))
    assert lost.returncode == wrong.returncode == 1
    assert "PostgreSQL 9 is needed to read what it wrote" in lost.stderr
    assert "holds no program postgres" in wrong.stderr
    assert "Traceback" not in lost.stderr + wrong.stderr
    note.write_text(f"{MAJOR}\n")
    done = await program.run("upgrade-database")
    assert (done.returncode, "nothing was changed" in done.stderr) == (0, True)


async def aged(program: Program, folder: Path) -> None:
    """Let the database of a stopped program be one that an older PostgreSQL wrote."""
    assert OLD is not None
    file = folder / "as-it-is.backup"
    assert (await program.run("backup", str(file))).returncode == 0
    place = program.folder / "postgres"
    place.rename(folder / "newer")
    await old_postgres.make(place, OLD)
    server = await start_postgres(place, brought=OLD)
    db = Database(server.url, pool=2)
    with Archive(file) as archive:
        await fill(db, archive, now=system_clock(), tell=print)
    await db.close()
    await server.stop()


@pytest.mark.skipif(OLD is None, reason="no older PostgreSQL is installed on this machine")
async def test_it_is_moved_over_and_the_old_one_stays_aside(tmp_path: Path) -> None:
    assert OLD is not None
    async with standing(tmp_path) as site:
        number = await site.opens()
        await site.pushes(42, name="load")
        site.program.stop()
        await aged(site.program, tmp_path)
        assert f"was written by PostgreSQL {OLD.major}" in await refused(site.program)

        done = await site.program.run(
            "upgrade-database", LANGYAN_OLD_POSTGRES_BIN=str(OLD.home / "bin")
        )

        assert done.returncode == 0, done.stderr
        aside = site.program.folder / f"postgres.{OLD.major}"
        assert (aside / "data" / "PG_VERSION").read_text().strip() == str(OLD.major)
        assert not list(site.program.folder.glob("*.backup"))
        assert not (site.program.folder / "restoring").exists()
        await site.program.start()
        await site.stands(number, "triggered")
        await site.reads('load{client="acme"}', "42")
        await site.calms(number)
        assert signed(await site.hears("resolved", number=number))


@pytest.mark.skipif(OLD is None, reason="no older PostgreSQL is installed on this machine")
async def test_an_upgrade_that_was_interrupted_is_finished(tmp_path: Path) -> None:
    assert OLD is not None
    program = Program(tmp_path / "data")
    async with program:
        program.stop()
    await aged(program, tmp_path)
    stage, place = program.folder / "restoring", program.folder / "postgres"
    stage.mkdir()
    assert "run `langyan restore`" in await refused(program)

    place.rename(program.folder / f"postgres.{OLD.major}")
    (tmp_path / "newer").rename(stage / "postgres")
    (stage / "whole").touch()  # and there the command died
    done = await program.run("upgrade-database")

    assert done.returncode == 0, done.stderr
    async with program:
        assert not stage.exists()
