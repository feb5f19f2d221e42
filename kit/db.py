"""The database: types that keep our rules, the unit of work, and batches as statements."""

import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Dialect,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    bindparam,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, registry

from kit.errors import Overloaded
from kit.keepalive import watch_over
from kit.kept import keep, learn
from kit.sql import driver


class Moment(TypeDecorator[datetime]):
    """A moment: naive values are refused, UTC comes back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime: every moment has a zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None


class Word(TypeDecorator[StrEnum]):
    """A StrEnum stored by value in a plain string column, so that a new member is no migration."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.kind(value)


class _Words(registry):
    """Maps every StrEnum annotation to `Word`, without a line for each enum."""

    def _resolve_type(self, python_type: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(python_type, type) and issubclass(python_type, StrEnum):
            return Word(python_type)
        return super()._resolve_type(python_type, *args, **kwargs)


class Base(DeclarativeBase):
    """What every row is: UTC moments, words for enums, JSONB, named constraints."""

    registry = _Words(
        type_annotation_map={
            datetime: Moment,
            dict[str, Any]: JSONB,
            dict[str, str]: JSONB,
            list[Any]: JSONB,
            list[str]: JSONB,
            list[dict[str, Any]]: JSONB,
            UUID: Uuid,
        }
    )
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _dumps(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


UNREACHED = (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a database that is away, or says no, raises."""


class DatabaseAway(Overloaded, ConnectionError):
    """A refusal for who asks us; for our own loops a lost connection like any other."""

    slug, title = "database-away", "The database cannot be reached"


RESTED = 1.0
"""Seconds after which a connection in the pool is asked whether it is still there."""
RESTS_SINCE = "rests_since"


async def _reached(session: AsyncSession, **options: object) -> None:
    try:
        await session.connection(execution_options=options)
    except UNREACHED as error:
        raise DatabaseAway(
            "the database cannot be reached: {why}", why=type(error).__name__
        ) from error


def _rests(_connection: object, record: Any) -> None:
    record.info[RESTS_SINCE] = time.monotonic()


def _alive(connection: Any, record: Any, _fairy: object) -> None:
    """Ask a connection that has rested whether it still answers; of one just used we know.

    One that was cut has told us so by then: asking each time would cost every transaction a trip.
    """
    now = time.monotonic()
    if not connection.driver_connection.is_closed():
        if now - record.info.get(RESTS_SINCE, now) < RESTED:
            return
        with suppress(connection.dbapi.Error):
            connection.ping()
            return
    raise InvalidatePoolError("the connection was cut while it rested")


def _watch_over(connection: Any, _record: object) -> None:
    watch_over(connection.driver_connection)


NOTICES = "langyan"
SAID = "said"
SAYING = text(f"SELECT pg_notify('{NOTICES}', word) FROM unnest(:words) AS word").bindparams(
    bindparam("words", type_=ARRAY(Text))
)

keep(lambda: (SAYING, {"words": []}))


def say(tx: AsyncSession, *words: str) -> None:
    """Have PostgreSQL tell whoever listens to `NOTICES` when the transaction commits."""
    tx.info.setdefault(SAID, {}).update(dict.fromkeys(words))


ARRAYS = select(*(literal([], ARRAY(kind, dimensions=1)) for kind in (Uuid, String, Text)))


LEARNED = 3
"""Connections that know beforehand what is asked most; more than that are rarely busy at once."""


class Database:
    """The way to PostgreSQL: one pool, sessions for reading, transactions for writing."""

    def __init__(self, url: str, *, pool: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool,
            max_overflow=pool,
            pool_timeout=30,
            pool_use_lifo=True,  # a connection that was just used has its statements prepared
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            connect_args={"server_settings": {"timezone": "UTC", "application_name": "langyan"}},
        )
        engine = self.engine.sync_engine
        event.listen(engine, "connect", _watch_over)
        event.listen(engine, "checkin", _rests)
        event.listen(engine, "checkout", _alive)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._pool = pool
        self._shares: list[Database] = []
        self.commits = 0
        """How many transactions over these connections have been kept, shares apart."""

    async def warm(self) -> None:
        """Open every connection that stays open: who comes first would otherwise wait for it.

        And for the driver, which asks of each what an array is when it first meets one. Then some
        learn what is asked most: those that were given back last are taken first.
        """
        async with AsyncExitStack() as held:
            for _ in range(self._pool):
                connection = await held.enter_async_context(self.engine.connect())
                await connection.execute(ARRAYS)
        async with AsyncExitStack() as held:
            for _ in range(min(LEARNED, self._pool)):
                connection = await held.enter_async_context(self.engine.connect())
                async with AsyncSession(connection) as session:
                    await learn(session)
                await connection.rollback()
        for share in self._shares:
            await share.warm()

    def share(self, pool: int) -> "Database":
        """Return the same database over connections of its own, up to twice `pool`.

        Whoever takes all of its own leaves those of others alone; closed together with this one.
        """
        own = Database(self.url, pool=pool)
        self._shares.append(own)
        return own

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """The unit of work: commits when the block ends, rolls back when it raises.

        What `say` was told leaves with the commit, all of it in one statement.
        """
        async with self._sessions() as session, session.begin():
            await _reached(session)
            yield session
            words = session.info.get(SAID)
            if words and session.in_transaction():  # a dry run has taken everything back
                await session.execute(SAYING, {"words": list(words)})
        self.commits += 1

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """One consistent view for reading; nothing written through it is kept."""
        async with self._sessions() as session:
            await _reached(session, isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield session

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncSession]:
        """A session for a single read, without the transaction that would hold two together."""
        async with self._sessions() as session:
            await _reached(session, isolation_level="AUTOCOMMIT")
            yield session

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Any]:
        """The driver's own connection, no transaction around it: each statement is a snapshot.

        What passes SQLAlchemy by begins no transaction, and no `snapshot` holds for it.
        """
        async with self._sessions() as session:
            await _reached(session)
            yield await driver(session)

    async def close(self) -> None:
        """Let go of every connection."""
        for share in self._shares:
            await share.close()
        await self.engine.dispose()


def table_of(kind: type[Base]) -> Table:
    """Return the bare table of a kind of rows, for statements that pass the session by."""
    table = kind.__table__
    assert isinstance(table, Table)
    return table


def among(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Iterable[Any]
) -> ColumnElement[bool]:
    """Return whether the column has one of `values`; one parameter, whatever their number.

    `in_` writes one for each: every number of them is a statement of its own, to be prepared anew.
    """
    found: ColumnElement[bool] = column == func.any(_array(column, values))
    return found


def not_among(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Iterable[Any]
) -> ColumnElement[bool]:
    """Return whether the column has none of `values`; one parameter, as with `among`."""
    found: ColumnElement[bool] = column != func.all(_array(column, values))
    return found


def _array(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Iterable[Any]
) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(column.type, dimensions=1))


async def lock(tx: AsyncSession, *words: str) -> None:
    """Hold the one lock that these words name until the transaction ends."""
    digest = hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest()
    key = int.from_bytes(digest, "big", signed=True)
    await tx.execute(select(func.pg_advisory_xact_lock(key)))
