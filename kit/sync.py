"""Rows that a file owns, brought to what the file says; the owner is named in `origin`."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import inspect, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from kit.db import Base

HIDDEN = "(secret)"


class Verb(StrEnum):
    """What happens to a row; a released one stays for its history, but no file owns it."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"
    RELEASE = "release"


@dataclass(frozen=True)
class Change:
    """One row that differed from the file; `fields` has what it was and what it became."""

    verb: Verb
    kind: str
    name: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


Row = TypeVar("Row", bound=Base)
Key = tuple[Any, ...]


async def sync(
    tx: AsyncSession,
    table: type[Row],
    wanted: Sequence[Row],
    *,
    kind: str,
    key: Sequence[str] = (),
    release: Callable[[Row], None] | None = None,
    secret: Container[str] = (),
) -> list[Change]:
    """Make the rows of `table` that a file owns those of `wanted`; return what differed.

    A wanted row says only the columns that are set on it; the others keep what they have. `key`
    is the primary key unless given. What is no longer wanted is deleted, or handed to `release`
    when history points to it. A change of `origin` alone (a line that moved) is no news, except
    that a row made by hand passes to the file. Fields in `secret` are not shown.
    """
    names = tuple(key) or tuple(str(column.key) for column in inspect(table).primary_key)
    there = await _known(tx, table, names, wanted)
    changes = []
    for row in wanted:
        known = there.pop(_key(row, names), None)
        if known is None:
            tx.add(row)
            added = {name: (None, value) for name, value in _said(row, names).items()}
            changes.append(_change(Verb.ADD, kind, row, names, added))
        elif moved := _moved(known, row, names):
            changes.append(_change(Verb.CHANGE, kind, row, names, moved))
    for row in there.values():
        changes.append(await _leave(tx, row, kind=kind, names=names, release=release))
    await tx.flush()
    return [_veiled(change, secret) for change in changes]


async def _known(
    tx: AsyncSession, table: type[Any], names: Sequence[str], wanted: Sequence[Any]
) -> dict[Key, Any]:
    columns = [getattr(table, name) for name in names]
    named = tuple_(*columns).in_([_key(row, names) for row in wanted])
    found = select(table).where(or_(table.origin.is_not(None), named))
    rows = await tx.scalars(found.order_by(*columns).with_for_update())
    return {_key(row, names): row for row in rows}


def _key(row: Base, names: Sequence[str]) -> Key:
    return tuple(getattr(row, name) for name in names)


def _said(row: Base, names: Sequence[str]) -> dict[str, Any]:
    columns = inspect(type(row)).column_attrs.keys()
    said = vars(row)
    return {
        name: said[name]
        for name in columns
        if name in said and name not in names and name != "origin"
    }


def _moved(known: Any, row: Any, names: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    said = _said(row, names)
    moved = {
        name: (getattr(known, name), value)
        for name, value in said.items()
        if getattr(known, name) != value
    }
    for name, (_, value) in moved.items():
        setattr(known, name, value)
    before, after = known.origin, row.origin
    if before != after:
        known.origin = after
    return moved if before else {**moved, "origin": (before, after)}


async def _leave(
    tx: AsyncSession,
    row: Any,
    *,
    kind: str,
    names: Sequence[str],
    release: Callable[[Any], None] | None,
) -> Change:
    if release is None:
        await tx.delete(row)
        return _change(Verb.REMOVE, kind, row, names, {})
    before = _said(row, names)
    release(row)
    row.origin = None
    after = _said(row, names)
    moved = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    return _change(Verb.RELEASE, kind, row, names, moved)


def _change(
    verb: Verb, kind: str, row: Base, names: Sequence[str], fields: Mapping[str, tuple[Any, Any]]
) -> Change:
    return Change(verb, kind, "/".join(str(part) for part in _key(row, names)), fields)


def _veiled(change: Change, secret: Container[str]) -> Change:
    def veil(name: str, value: Any) -> Any:
        return HIDDEN if name in secret and value else value

    shown = {name: (veil(name, a), veil(name, b)) for name, (a, b) in change.fields.items()}
    return replace(change, fields=shown)
