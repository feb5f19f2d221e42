"""Rows that go into SQL as one parameter come out as they were."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Float, String, column, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import StatementError
from sqlalchemy.types import Uuid

from alerting.delivery import speaks_of_a_row
from alerting.lifecycle import Priority
from kit.db import Database, Moment, Word
from kit.rows import PIECE, Given, as_rows

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
COLUMNS = (
    column("name", String),
    column("id", Uuid),
    column("value", Float),
    column("n", BigInteger),
    column("flag", Boolean),
    column("at", Moment),
    column("priority", Word(Priority)),
    column("facts", JSONB),
    column("words", ARRAY(String)),
)


@dataclass
class Row:
    name: str | None
    id: UUID | None
    value: float | None
    n: int | None
    flag: bool | None
    at: datetime | None
    priority: Priority | None
    facts: Any
    words: list[str | None] | None


ROWS = st.lists(
    st.builds(
        Row,
        name=st.none() | TEXT,
        id=st.none() | st.uuids(),
        value=st.none() | st.floats(),
        n=st.none() | st.integers(-(2**63), 2**63 - 1),
        flag=st.none() | st.booleans(),
        at=st.none() | st.datetimes(timezones=st.just(UTC)),
        priority=st.none() | st.sampled_from(Priority),
        facts=JSON,
        words=st.none() | st.lists(st.none() | TEXT, max_size=3),
    ),
    max_size=5,
)


async def back(db: Database, rows: list[Any], *columns: Any) -> list[tuple[Any, ...]]:
    """Return what PostgreSQL makes of the rows."""
    given_ = as_rows(rows, *columns)
    async with db.snapshot() as session:
        found = await session.execute(select(*(given_.c[c.key] for c in columns)))
        return [tuple(row) for row in found]


async def back_ahead(db: Database, rows: list[Any], *columns: Any) -> list[tuple[Any, ...]]:
    """Return the same of rows that are written down before their statement."""
    ahead = Given(*columns)
    async with db.snapshot() as session:
        stmt = select(*(ahead.table.c[c.key] for c in columns))
        return [tuple(row) for row in await session.execute(stmt, await ahead.many(rows))]


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same; NaN is."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(one == other)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ROWS)
async def test_every_type_comes_back_as_it_was(db: Database, rows: list[Row]) -> None:
    found = await back(db, rows, *COLUMNS)
    assert len(found) == len(rows)
    for row, got in zip(rows, found, strict=True):
        for name, value in zip(vars(row), got, strict=True):
            sent = getattr(row, name)
            assert same(sent, UUID(str(value)) if isinstance(sent, UUID) else value), name


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "a\0b"},
        {"name": "\ud800"},
        {"facts": {"a\0": 1}},
        {"facts": ["\udfff"]},
        {"at": datetime(2026, 11, 2)},  # noqa: DTZ001
        {"priority": "P9"},
        {"n": 2**63},
        {"facts": object()},
    ],
    ids=["nul", "surrogate", "nul inside", "surrogate inside", "naive", "word", "too big", "alien"],
)
async def test_what_cannot_be_written_is_a_refusal_of_the_row(
    db: Database, bad: dict[str, object]
) -> None:
    columns = [c for c in COLUMNS if c.key in bad]
    with pytest.raises(StatementError) as refused:
        await back(db, [SimpleNamespace(**bad)], *columns)
    assert speaks_of_a_row(refused.value)
    with pytest.raises(StatementError) as refused:
        await back_ahead(db, [SimpleNamespace(**bad)], *columns)
    assert speaks_of_a_row(refused.value)


@pytest.mark.parametrize("number", [0, 1, PIECE, 3 * PIECE + 1])
async def test_what_is_written_down_ahead_comes_back_the_same(db: Database, number: int) -> None:
    rows = [SimpleNamespace(name=f'"{n}, ]', n=n) for n in range(number)]
    found = await back_ahead(db, rows, *COLUMNS[:1], COLUMNS[3])
    assert found == [(row.name, row.n) for row in rows]
