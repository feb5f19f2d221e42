"""The server that the workers of a test run share."""

import asyncio
import json
import os
import sys
from typing import TypedDict
from uuid import uuid4

from sqlalchemy import make_url

from kit.postgres.opening import patiently
from tests.support import postgres

WORKER = """
import asyncio, json, os, sys
from tests.support import postgres

async def build(url):
    print("built", file=sys.stderr, flush=True)
    connection = await postgres.connect(url)
    await connection.execute("CREATE TABLE words AS SELECT 'copied' AS word")
    await connection.close()

async def main():
    await postgres.build_template(build)
    url = await postgres.create_database(f"worker_{os.getpid()}")
    print(json.dumps({"pid": os.getpid(), "url": url}), flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


class Said(TypedDict):
    pid: int
    url: str


async def worker(run: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        env=postgres.environment(PYTEST_XDIST_TESTRUNUID=run),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def said(process: asyncio.subprocess.Process) -> Said:
    assert process.stdout is not None
    line: Said = json.loads(await process.stdout.readline())
    return line


async def copied(url: str) -> str | None:
    connection = await postgres.connect(url)
    word: str | None = await connection.fetchval("SELECT word FROM words")
    await connection.close()
    return word


async def test_the_server_outlives_the_worker_that_started_it_and_leaves_with_the_last() -> None:
    run = uuid4().hex
    starter = await worker(run)
    await said(starter)
    others = await asyncio.gather(worker(run), worker(run))
    urls = [(await said(process))["url"] for process in others]

    starter.kill()
    _, told = await starter.communicate()
    assert [await copied(url) for url in urls] == ["copied", "copied"]

    for process in others:
        told += (await process.communicate(b""))[1]
    assert told.count(b"built") == 1
    folder = str(make_url(urls[0]).query["passfile"])
    await patiently(lambda: not os.access(folder, os.F_OK) or None, "the server to leave")


async def test_each_database_is_a_copy_of_its_own() -> None:
    for name in ("first_of_its_own", "second_of_its_own"):
        url = await postgres.create_database(name, template="template1")
        connection = await postgres.connect(url)
        await connection.execute("CREATE TABLE mine (id int)")
        await connection.close()
