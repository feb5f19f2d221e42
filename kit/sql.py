"""Around SQLAlchemy where its own way costs most: statements built once, and the bare driver."""

from typing import Any

from sqlalchemy import BindParameter, Insert, TextClause, bindparam, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

NAMED = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


def written_out(statement: Insert) -> TextClause:
    """Return the statement as text with the same parameters, its fixed values and defaults set.

    Of an INSERT … ON CONFLICT SQLAlchemy has no key to know it again by, so each call costs as
    much as building it did; text it knows. What it returns comes as the driver gives it.
    A column whose default is computed for each row raises a `ValueError`.
    """
    compiled: Any = statement.compile(dialect=NAMED)
    defaults = {column.key: column.default for column in compiled.insert_prefetch}
    if computed := [name for name, default in defaults.items() if not default.is_scalar]:
        raise ValueError(f"computed for each row: {', '.join(computed)}")
    values = {name: default.arg for name, default in defaults.items()}
    parameters = [
        _parameter(name, bind, values.get(name, bind.value))
        for bind, name in compiled.bind_names.items()
    ]
    return text(compiled.string).bindparams(*parameters)


def _parameter(name: str, bind: BindParameter[Any], value: object) -> BindParameter[Any]:
    if value is None:
        return bindparam(name, type_=bind.type)
    return bindparam(name, value, type_=bind.type)


async def driver(session: AsyncSession) -> Any:
    """Return asyncpg's own connection of a session: COPY, and rows at a fifth of the ORM's time."""
    connection = await (await session.connection()).get_raw_connection()
    return connection.driver_connection
