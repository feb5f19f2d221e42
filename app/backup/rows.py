"""Tables out of a database and into one, by COPY's binary format: the same for every PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.sql import driver

VERSIONS = "alembic_version"

_TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition AND c.relname <> :versions
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.relname ORDER BY c.relname
"""
_REFERENCES = """
SELECT c.relname, f.relname FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
WHERE k.contype = 'f' AND c.relnamespace = current_schema()::regnamespace AND c.oid <> f.oid
"""
_SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences
WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY sequencename
"""
_ALL_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()"
_SIZE = """
SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
"""

Sink = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Table:
    """A table and its columns, those that are computed left out."""

    name: str
    columns: tuple[str, ...]


async def tables(session: AsyncSession) -> list[Table]:
    """Return every table but Alembic's own, by name."""
    found = await session.execute(text(_TABLES), {"versions": VERSIONS})
    return [Table(name, tuple(columns)) for name, columns in found]


async def in_order(session: AsyncSession, names: Iterable[str]) -> list[str]:
    """Return tables so that each comes after those it refers to."""
    graph = {name: set[str]() for name in sorted(names)}
    for name, referred in await session.execute(text(_REFERENCES)):
        if name in graph and referred in graph:
            graph[name].add(referred)
    return list(TopologicalSorter(graph).static_order())


async def hold(session: AsyncSession, found: Sequence[Table]) -> None:
    """Keep migrations away from the tables for as long as the session reads them."""
    names = ", ".join(quoted(table.name) for table in found)
    await session.execute(text("SET LOCAL statement_timeout = 0"))
    await session.execute(text(f"LOCK TABLE {names} IN ACCESS SHARE MODE"))


async def size(session: AsyncSession) -> int:
    """Return about how many bytes there are to copy."""
    return int(await session.scalar(text(_SIZE)) or 0)


async def sequences(session: AsyncSession) -> dict[str, int]:
    """Return the last number that each sequence gave."""
    return {name: last for name, last in await session.execute(text(_SEQUENCES))}


async def go_on(tx: AsyncSession, last: Mapping[str, int]) -> None:
    """Let sequences go on behind the numbers they had given."""
    known = {name for (name,) in await tx.execute(text(_ALL_SEQUENCES))}
    for name in known & last.keys():
        say = text("SELECT setval(CAST(:name AS regclass), :last)")
        await tx.execute(say, {"name": quoted(name), "last": last[name]})


async def copy_out(session: AsyncSession, table: Table, sink: Sink) -> int:
    """Hand every row of `table` to `sink`; return how many there are."""
    columns = ", ".join(map(quoted, table.columns))
    connection = await driver(session)
    query = f"SELECT {columns} FROM {quoted(table.name)}"
    said: str = await connection.copy_from_query(query, output=sink, format="binary")
    return int(said.rpartition(" ")[2])


async def copy_in(tx: AsyncSession, table: Table, blocks: AsyncIterator[bytes]) -> int:
    """Write rows that `copy_out` gave; return how many there were."""
    connection = await driver(tx)
    said: str = await connection.copy_to_table(
        table.name, source=blocks, columns=list(table.columns), format="binary"
    )
    return int(said.rpartition(" ")[2])


async def empty(session: AsyncSession) -> bool:
    """Tell whether no table has a row."""
    for table in await tables(session):
        if await session.scalar(text(f"SELECT 1 FROM {quoted(table.name)} LIMIT 1")):
            return False
    return True


async def clear(tx: AsyncSession) -> None:
    """Take out what migrations have put in."""
    names = ", ".join(quoted(table.name) for table in await tables(tx))
    await tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


def quoted(name: str) -> str:
    """Return a name as it stands in SQL, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
