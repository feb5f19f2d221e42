"""A database of its own for each parallel worker, copied from a template that holds the tables."""

import asyncio
import os

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

import app.schema
from kit.db import Base

TEMPLATE = "langyan_template"


async def _admin(url: str) -> asyncpg.Connection:
    plain = make_url(url).set(drivername="postgresql")
    return await asyncpg.connect(plain.render_as_string(hide_password=False))


async def _build_template(url: str) -> None:
    engine = create_async_engine(make_url(url).set(database=TEMPLATE))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


async def database_for(worker: str, url: str, *, rebuilt: bool) -> str:
    """Return the URL of a fresh copy of the template for `worker`."""
    assert app.schema.TABLES, "no table is known"
    connection = await _admin(url)
    try:
        await connection.execute("SELECT pg_advisory_lock(4242)")
        known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", TEMPLATE)
        if rebuilt or not known:
            await connection.execute(f'DROP DATABASE IF EXISTS "{TEMPLATE}" WITH (FORCE)')
            await connection.execute(f'CREATE DATABASE "{TEMPLATE}"')
            await _build_template(url)
        name = f"langyan_test_{worker}"
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
        await connection.execute("SELECT pg_advisory_unlock(4242)")
    finally:
        await connection.close()
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def prepared(worker: str) -> str:
    """Return the URL of this worker's database on the server of LANGYAN_TEST_DATABASE_URL."""
    server = os.environ["LANGYAN_TEST_DATABASE_URL"]
    return asyncio.run(database_for(worker, server, rebuilt=True))
