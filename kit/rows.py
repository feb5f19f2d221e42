"""Rows by the thousand on their way into SQL: one parameter of JSON, taken apart there."""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    BindParameter,
    Dialect,
    Float,
    TableValuedAlias,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    column,
    func,
)
from sqlalchemy.orm import InstrumentedAttribute

from kit.slices import sliced
from kit.sql import NAMED

PIECE = 64
"""Rows that are written down in one go."""


class Rows:
    """Columns of objects on their way into SQL."""

    def __init__(self, objects: Sequence[object], columns: Sequence[tuple[str, Any]]) -> None:
        self._objects, self._columns = objects, columns
        self._text: str | None = None

    def __repr__(self) -> str:
        return f"<{len(self._objects)} rows>"

    def written(self) -> str:
        """Return the rows as JSON; what cannot be written raises."""
        return self._json(self._objects).decode() if self._text is None else self._text

    async def write_ahead(self) -> None:
        """Write the rows down before their statement, letting the loop go in between.

        What cannot be written is left for the statement to raise.
        """
        pieces = []
        with suppress(ValueError, TypeError, AttributeError):
            async for start in sliced(range(0, len(self._objects), PIECE)):
                pieces.append(self._json(self._objects[start : start + PIECE])[1:-1])
            self._text = f"[{b','.join(pieces).decode()}]"

    def _json(self, objects: Sequence[object]) -> bytes:
        names = [name for name, _ in self._columns]
        columns = [
            _as_json(kind, list(map(attrgetter(name), objects))) for name, kind in self._columns
        ]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return orjson.dumps(rows, _plain, orjson.OPT_NON_STR_KEYS)


def _plain(value: object) -> str:
    if isinstance(value, UUID):  # asyncpg's own, a class of its own
        return str(value)
    raise TypeError(f"a row cannot hold {type(value).__name__}")


def _as_json(kind: Any, values: list[Any]) -> list[Any]:
    """Return values as JSON can carry them; moments and words are held to the rules of theirs."""
    if isinstance(kind, TypeDecorator):
        check = kind.process_bind_param
        return [check(value, NAMED) for value in values]
    if isinstance(kind, Float):  # JSON has no word for these, PostgreSQL reads them as text
        return [v if v is None or math.isfinite(v) else str(v) for v in values]
    return values


class _Json(TypeDecorator[Rows]):
    """Rows as one text of JSON; what cannot be written is an error of the statement."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Rows | None, dialect: Dialect) -> str | None:
        return None if value is None else value.written()


def as_rows(
    objects: Sequence[object], *columns: InstrumentedAttribute[Any], name: str = "given"
) -> TableValuedAlias:
    """Return `objects` as a table inside SQL: one parameter, which PostgreSQL takes apart.

    An array for each column would be encoded value by value here, on the event loop.
    """
    rows = Rows(objects, [(c.key, c.type) for c in columns])
    return _table(bindparam(None, rows, type_=_Json, unique=True), columns, name)


class Given:
    """The same for a statement that is built once and kept: its rows come when it is executed.

    Building one, and telling it from others, takes longer than what it does for a few rows.
    """

    def __init__(self, *columns: InstrumentedAttribute[Any], name: str = "given") -> None:
        self._name, self._columns = name, [(c.key, c.type) for c in columns]
        self.table = _table(bindparam(name, type_=_Json), columns, name)

    def rows(self, objects: Sequence[object]) -> dict[str, Rows]:
        """Return the parameters of the statement."""
        return {self._name: Rows(objects, self._columns)}

    async def many(self, objects: Sequence[object]) -> dict[str, Rows]:
        """Return the same of rows by the thousand, which are written down in slices."""
        rows = Rows(objects, self._columns)
        await rows.write_ahead()
        return {self._name: rows}


def _table(
    text: BindParameter[Any], columns: Iterable[InstrumentedAttribute[Any]], name: str
) -> TableValuedAlias:
    named = (column(c.key, c.type) for c in columns)
    found = func.json_to_recordset(cast(text, JSON)).table_valued(*named)
    return found.render_derived(name=name, with_types=True)
