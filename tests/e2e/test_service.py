"""The service as an operator runs it: it starts, stops, stands by, takes over and reloads."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from kit.postgres import postmaster
from kit.postgres.server import start as start_postgres
from tests.support.program import Program
from tests.support.site import INGEST_TOKEN, Site, bearer
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

THRESHOLD = """
  - {name: queue, title: Queue, expr: queue, P2: {above: 10}}
"""


async def ended(program: Program, *, within: float) -> int:
    """Wait for the end of the process; return its exit code."""
    assert program.process is not None
    return await asyncio.to_thread(program.process.wait, within)


@asynccontextmanager
async def spawned(program: Program) -> AsyncIterator[Program]:
    """Start a program without waiting for it, and leave nothing behind."""
    program.spawn()
    try:
        yield program
    finally:
        program.end()


async def listens(program: Program) -> bool:
    """Tell whether anybody answers at the program's port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", program.port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def holds_a_stream(client: httpx.AsyncClient, *, until_open: asyncio.Event) -> None:
    """Read the board's events until the other side ends."""
    async with client.stream("GET", "/events") as answer:
        assert answer.status_code == 200
        async for _ in answer.aiter_bytes():
            until_open.set()


async def holds_a_body(port: int) -> asyncio.StreamWriter:
    """Begin to send samples, and do not go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /prometheus/api/v1/write HTTP/1.1\r\nHost: langyan\r\nContent-Length: 1000\r\n"
        b"Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n"
        b"Expect: 100-continue\r\n"
        b"Authorization: Bearer " + INGEST_TOKEN.encode() + b"\r\n\r\nabc"
    )
    await writer.drain()
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")  # it is being read
    return writer


async def test_it_is_ready_within_thirty_seconds_of_the_first_start(tmp_path: Path) -> None:
    began = time.monotonic()

    async with Program(tmp_path / "data"):
        assert time.monotonic() - began < 30


async def test_apply_changes_the_running_service_and_a_bad_file_does_not(site: Site) -> None:
    config = site.program.config
    assert config is not None
    file = config / "site.yml"
    good = file.read_text() + THRESHOLD
    file.write_text(good)
    dry = await site.program.run("apply", "--dry-run", str(config))
    assert (dry.returncode, "+ threshold queue" in dry.stdout) == (0, True), dry
    assert "queue" not in await rules(site)

    file.write_text(good.replace("above: 10", "abvoe: 10"))
    bad = await site.program.run("apply", str(config))
    assert bad.returncode == 1
    assert (
        f"site.yml:{good.count(chr(10))}: thresholds[2].P2.abvoe: there is no such field"
        in bad.stderr
    )
    assert "queue" not in await rules(site)

    file.write_text(good)
    assert (await site.program.run("check", str(config))).returncode == 0
    done = await site.program.run("apply", str(config))
    assert done.returncode == 0, done.stderr
    await site.pushes(11, name="queue")
    assert (await site.hears("triggered")).json["alerts"][0]["rule"] == "queue"
    await site.calms(1, name="queue")


async def rules(site: Site) -> set[str]:
    """Return the names of the rules that the service knows."""
    answer = await site.http.get("/api/v1/rules", params={"limit": 500})
    return {rule["name"] for rule in answer.raise_for_status().json()["items"]}


async def test_a_token_made_beside_the_running_service_works_at_once(site: Site) -> None:
    words = ("token", "create", "probe", "--client", "acme", "--scope", "ingest")
    made = await site.program.run(*words)

    assert made.returncode == 0, made.stderr
    headers = bearer(made.stdout.strip())
    sample = {"samples": [{"name": "disk", "value": 1}]}
    kept = await site.http.post("/api/v1/samples", json=sample, headers=headers)
    read = await site.http.get("/api/v1/incidents", headers=headers)
    assert (kept.status_code, read.status_code) == (204, 403)
    await site.reads('disk{client="acme"}', "1")


async def test_sigterm_ends_all_of_it_in_time_whatever_is_under_way(site: Site) -> None:
    opened = asyncio.Event()
    stream = asyncio.create_task(holds_a_stream(site.http, until_open=opened))
    await asyncio.wait_for(opened.wait(), 10)
    writer = await holds_a_body(site.program.port)
    family = site.program.family()
    assert any(each.name() == "postgres" for each in family)

    began = time.monotonic()
    os.kill(family[0].pid, signal.SIGTERM)
    code = await ended(site.program, within=30)
    took = time.monotonic() - began

    writer.close()
    await stream
    said = site.program.said()
    await site.program.start()
    assert (code, took < 5) == (0, True), took
    assert [
        each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE
    ] == []
    assert "Traceback" not in said


async def test_a_second_process_stands_by_and_takes_over(site: Site) -> None:
    number = await site.opens()
    second = Program(site.program.folder, site.program.config, site.program.more)
    async with spawned(second):

        async def stands_by() -> bool:
            return "standing by" in second.said()

        await until(stands_by)
        assert not await listens(second)

        site.program.kill()
        began = time.monotonic()
        await second.ready()

        assert time.monotonic() - began < 15
        async with httpx.AsyncClient(base_url=second.url, headers=second.admin) as http:
            told = (await http.get(f"/api/v1/incidents/{number}")).json()
        assert told["status"] == "triggered"
        assert second.stop() < 5
    await site.program.start()


async def test_sigterm_while_it_starts_ends_it_as_well(tmp_path: Path) -> None:
    async with spawned(Program(tmp_path / "data")) as program:

        async def database_runs() -> bool:
            return postmaster.note(tmp_path / "data" / "postgres" / "data") is not None

        await until(database_runs)
        family = program.family()
        family[0].terminate()

        assert await ended(program, within=10) == 0
        _, left = await asyncio.to_thread(psutil.wait_procs, family, timeout=5)
        assert left == []
        assert "Traceback" not in program.said()


async def test_a_bad_file_stops_it_before_it_listens(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "site.yml").write_text("clients:\n  - {name: acme, titel: 爱可美}\n")
    async with spawned(Program(tmp_path / "data", config)) as program:
        code = await ended(program, within=30)

        assert code == 1, program.said()
        assert "site.yml:2: clients[0].titel: there is no such field" in program.said()
        assert "ready on" not in program.said()
        assert "Traceback" not in program.said()


async def test_a_port_that_is_taken_is_said_and_ends_it(site: Site, tmp_path: Path) -> None:
    async with spawned(Program(tmp_path / "other", port=site.program.port)) as program:
        assert await ended(program, within=30) != 0
        assert "address already in use" in program.said()
        assert "Traceback" not in program.said()


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[str]:
    """A PostgreSQL of the operator's own, as LANGYAN_DATABASE_URL names it."""
    server = await start_postgres(folder / "elsewhere")
    try:
        yield server.url.replace("postgresql+asyncpg", "postgresql")
    finally:
        await server.stop()


async def test_it_serves_on_a_postgresql_of_the_operators_own(tmp_path: Path) -> None:
    async with postgres(tmp_path) as url:
        more = {"LANGYAN_DATABASE_URL": url}
        async with spawned(Program(tmp_path / "keyless", more=more)) as program:
            assert await ended(program, within=30) == 1
            assert "set LANGYAN_SECRET_KEY" in program.said()
            assert "Traceback" not in program.said()

        more["LANGYAN_SECRET_KEY"] = "k" * 43
        async with Program(tmp_path / "data", more=more) as program:
            assert not (tmp_path / "data" / "postgres").exists()
            assert program.stop() < 5
