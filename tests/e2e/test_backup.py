"""Backup and restore with the real program: under load, into nothing, and with what must not be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from app.backup import rows
from kit.db import Database
from kit.postgres.server import start as start_postgres
from tests.support.access import sign_in
from tests.support.program import ADMIN_TOKEN, Program
from tests.support.site import ENVIRONMENT, Site, bearer, signed, standing

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Contents = dict[str, tuple[tuple[str, ...], list[str]]]


async def contents(url: str) -> Contents:
    """Return the columns and every row of every table."""
    db = Database(url, pool=2)
    found: Contents = {}
    async with db.snapshot() as session:
        for table in await rows.tables(session):
            query = text(f'SELECT t::text FROM "{table.name}" t')
            found[table.name] = (table.columns, sorted(await session.scalars(query)))
    await db.close()
    return found


async def stored(folder: Path) -> Contents:
    """Return what stands in the embedded database of a folder nobody serves from."""
    server = await start_postgres(folder / "postgres")
    try:
        return await contents(server.url)
    finally:
        await server.stop()


@asynccontextmanager
async def elsewhere(folder: Path) -> AsyncIterator[str]:
    """A PostgreSQL of the operator's own, empty."""
    server = await start_postgres(folder / "elsewhere")
    try:
        yield server.url.replace("postgresql+asyncpg", "postgresql")
    finally:
        await server.stop()


class Sender:
    """Pushes numbers one after the other and remembers those that were acknowledged."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._over = False
        self._task = asyncio.create_task(self._send())
        self.kept: list[int] = []

    async def _send(self) -> None:
        number = 0
        while not self._over:
            number += 1
            await self._site.pushes(number % 50, name="load", number=str(number))
            self.kept.append(number)

    async def ends(self) -> None:
        """Send nothing more, and wait for the last answer: what is cut off may have been taken."""
        self._over = True
        await asyncio.wait([self._task])


async def numbers(http: httpx.AsyncClient) -> dict[int, str]:
    """Return every number that can be read back, with its value."""
    answer = await http.get("/prometheus/api/v1/query", params={"query": "load"})
    found = answer.raise_for_status().json()["data"]["result"]
    return {int(one["metric"]["number"]): one["value"][1] for one in found}


async def read_back(program: Program) -> int:
    """Return how many samples of the load a program that is started tells of, and stop it."""
    async with program, httpx.AsyncClient(base_url=program.url, headers=program.admin) as http:
        asked = {"query": "sum(count_over_time(load[1h]))"}
        answer = await http.get("/prometheus/api/v1/query", params=asked)
        program.stop()
    return int(answer.raise_for_status().json()["data"]["result"][0]["value"][1])


async def counted(program: Program) -> int:
    """Return how many samples of the load the chunks of a stopped program hold."""
    query = text(
        "SELECT sum(c.count) FROM chunks c JOIN series s ON s.id = c.series "
        "WHERE s.labels->>'__name__' = 'load'"
    )
    server = await start_postgres(program.folder / "postgres")
    db = Database(server.url, pool=2)
    async with db.snapshot() as session:
        found = await session.scalar(query)
    await db.close()
    await server.stop()
    return int(found or 0)


def beside(folder: Path, **more: str) -> Program:
    """Return another installation, without a configuration of its own."""
    return Program(folder, more={**ENVIRONMENT, **more})


async def test_a_backup_under_load_restores_into_nothing_with_all_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    file, copy = tmp_path / "langyan.backup", beside(tmp_path / "copy")
    async with (
        standing(tmp_path, LANGYAN_FLUSH_EVERY="1s") as site,
        httpx.AsyncClient(base_url=site.program.url) as browser,
    ):
        number = await site.opens()
        link = (await site.hears("triggered", number=number)).json["links"]["acknowledge"]
        assert (await sign_in(browser, "admin", ADMIN_TOKEN)).status_code == 303
        sender = Sender(site)
        await asyncio.sleep(3)
        before = list(sender.kept)
        made = await site.program.run("backup", str(file))
        await sender.ends()
        site.program.stop()
        assert made.returncode == 0, made.stderr

        restored = await copy.run("restore", str(file))

        assert restored.returncode == 0, restored.stderr
        async with copy, httpx.AsyncClient(base_url=copy.url, headers=copy.admin) as http:
            site = Site(copy, site.phone, http)
            read = await numbers(http)
            assert (len(before) > 100, set(before) <= read.keys() <= set(sender.kept)) == (
                True,
            ) * 2
            assert all(float(value) == n % 50 for n, value in read.items())
            await site.stands(number, "triggered")
            browser.base_url = httpx.URL(copy.url)
            assert (await browser.get("/account")).status_code == 200
            assert (await browser.post(httpx.URL(link).path)).status_code in (200, 303)
            await site.stands(number, "acknowledged")
            assert (await http.get("/api/v1/muting")).json()["muted"] is True
            assert (await http.delete("/api/v1/muting")).json()["muted"] is False
            await site.calms(number)
            assert signed(await site.hears("resolved", number=number))
            trail = (await http.get("/api/v1/audit", params={"did": "installation"})).json()
            deeds = [entry["did"] for entry in trail["items"]]
            assert deeds == [
                f"installation.{verb}" for verb in ("unmute", "mute", "restore", "backup")
            ]


async def test_every_row_comes_back_and_no_sample_counts_twice(tmp_path: Path) -> None:
    file, copy = tmp_path / "langyan.backup", beside(tmp_path / "copy")
    async with standing(tmp_path, LANGYAN_FLUSH_EVERY="2s") as site:
        await site.opens()
        sender = Sender(site)
        await asyncio.sleep(5)
        await sender.ends()
        site.program.kill(database_too=True)  # so that chunks, journal and memory differ

    made = await site.program.run("backup", str(file))
    source = await stored(site.program.folder)
    restored = await copy.run("restore", "--live", str(file))
    target = await stored(copy.folder)

    assert (made.returncode, restored.returncode) == (0, 0), made.stderr + restored.stderr
    trail = target["audit_entries"][1]
    trail.remove(next(entry for entry in trail if "installation.restore" in entry))
    assert target == source
    assert sum(len(found) for _, found in source.values()) > 100
    assert await read_back(site.program) == await read_back(copy) > 0
    assert max([await counted(program) for program in (site.program, copy)]) <= len(sender.kept)


async def test_the_key_and_where_it_goes_are_looked_at_before_anything_is_written(
    tmp_path: Path,
) -> None:
    file, key = tmp_path / "langyan.backup", "k" * 43
    copy = beside(tmp_path / "copy")
    async with Program(tmp_path / "data", more={"LANGYAN_SECRET_KEY": key}) as program:
        assert (await program.run("backup", str(file))).returncode == 0
        again = await program.run("backup", str(file))
        busy = await program.run("restore", str(file))
    full = await program.run("restore", str(file))
    keyless = await copy.run("restore", str(file))
    other = await copy.run("restore", str(file), LANGYAN_SECRET_KEY="o" * 43)
    cut = tmp_path / "cut.backup"
    cut.write_bytes(file.read_bytes()[:-1000])
    short = await copy.run("restore", str(cut), LANGYAN_SECRET_KEY=key)

    assert "is there already" in again.stderr
    assert "a service runs on" in busy.stderr
    assert "holds an installation (postgres, samples)" in full.stderr
    assert "set LANGYAN_SECRET_KEY to the key" in keyless.stderr
    assert "is not the key of this backup" in other.stderr
    assert "is not a whole backup" in short.stderr
    assert {done.returncode for done in (again, busy, full, keyless, other, short)} == {1}
    assert not copy.folder.exists()
    assert file.stat().st_mode & 0o777 == 0o600
    whole = await copy.run("restore", "--check", str(file))
    assert (whole.returncode, whole.stdout.startswith("whole: made ")) == (0, True)


async def test_what_is_there_is_moved_aside_when_that_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "langyan.backup"
    async with Program(tmp_path / "data") as program:
        assert (await program.run("backup", str(file))).returncode == 0
        made = await program.run("token", "create", "later", "--scope", "read")
        later = bearer(made.stdout.strip())
    key = (program.folder / "secret_key").read_text()

    done = await program.run("restore", "--move-aside", str(file))

    assert done.returncode == 0, done.stderr
    (old,) = program.folder.glob("before-restore-*")
    assert {path.name for path in old.iterdir()} == {"postgres", "samples", "secret_key"}
    assert (program.folder / "secret_key").read_text() == key
    async with program, httpx.AsyncClient(base_url=program.url) as http:
        assert (await http.get("/api/v1/incidents", headers=later)).status_code == 401
        assert (await http.get("/api/v1/incidents", headers=program.admin)).status_code == 200


async def test_it_moves_from_the_embedded_database_to_one_of_the_operators_own(
    tmp_path: Path,
) -> None:
    file = tmp_path / "langyan.backup"
    async with Program(tmp_path / "data") as program:
        await program.run("token", "create", "reader", "--scope", "read")
        assert (await program.run("backup", str(file))).returncode == 0
    key = (program.folder / "secret_key").read_text()
    async with elsewhere(tmp_path) as url:
        copy = beside(tmp_path / "copy", LANGYAN_DATABASE_URL=url)
        keyless = await copy.run("restore", str(file))
        assert "unzip -p FILE secret_key" in keyless.stderr
        copy.more = {**copy.more, "LANGYAN_SECRET_KEY": key}

        assert (await copy.run("restore", str(file))).returncode == 0
        async with copy, httpx.AsyncClient(base_url=copy.url, headers=copy.admin) as http:
            tokens = (await http.get("/api/v1/tokens")).json()["items"]
            assert "reader" in {token["name"] for token in tokens}
            again = tmp_path / "again.backup"
            assert (await copy.run("backup", str(again))).returncode == 0
        lost = beside(tmp_path / "lost", **copy.more)
        assert "is not in" in (await lost.run("backup", str(tmp_path / "no.backup"))).stderr
        full = await lost.run("restore", str(again))
        assert "the database holds an installation" in full.stderr
        moved = await lost.run("restore", "--move-aside", str(again))
        assert moved.returncode == 0, moved.stderr


async def test_a_service_does_not_start_on_half_a_restore(tmp_path: Path) -> None:
    (tmp_path / "data" / "restoring").mkdir(parents=True)
    program = Program(tmp_path / "data")
    program.spawn()
    assert program.process is not None

    assert await asyncio.to_thread(program.process.wait, 30) == 1
    assert "was interrupted: run `langyan restore`" in program.said()
    made = await program.run("token", "create", "early", "--scope", "read")
    assert "was interrupted" in made.stderr
