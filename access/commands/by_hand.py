"""What people make, change and remove by hand: rows that no file owns, each change on record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands.tokens import NameTaken
from access.commands.trail import audit, refuse_if_owned
from access.scope import Identity, Right, RightMissing
from access.tables import Configuration
from kit.db import Base, lock
from kit.errors import ChangedMeanwhile, NotFound, Said
from kit.notices import notify
from kit.sync import HIDDEN

CHANNEL = "config"
"""The notice that the configuration has changed; the running program reads it again."""

OURS = frozenset({"origin", "version"})
SECRET = frozenset({"secret"})
Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True)
class Hand:
    """Who changes something by hand, when, and on which version they decided (None: any).

    `seal` makes a secret fit to be kept; without it none is taken.
    """

    by: Identity
    now: datetime
    version: int | None = None
    seal: Callable[[str], str] | None = None


def refuse_narrow(hand: Hand, *, what: str) -> None:
    """Refuse who reaches some clients only: what holds for all is not theirs to change."""
    if hand.by.scope.clients is not None:
        raise RightMissing(
            "only who reaches every client may change {what}", right=Right.ADMIN.value, what=what
        )


async def configured(tx: AsyncSession) -> None:
    """Say that the configuration has changed; whoever runs reads it again, now or when back.

    The one row is locked until the commit, so that the numbers rise in the order of the commits.
    """
    first = insert(Configuration).values(only=True, version=1)
    moved = {Configuration.version: Configuration.version + 1}
    await tx.execute(first.on_conflict_do_update(index_elements=["only"], set_=moved))
    notify(tx, CHANNEL)


async def hold_configuration(tx: AsyncSession) -> None:
    """Let nobody else change the configuration until the transaction ends."""
    await lock(tx, "provisioning")


async def make(
    tx: AsyncSession, row: Row, *, kind: str, hand: Hand, client: str | None = None
) -> Row:
    """Add a row under a name that is free."""
    name = _name(row)
    if await tx.get(type(row), _key(row)) is not None:
        raise NameTaken(
            "there is a {kind} called {name} already", field="name", kind=kind, name=name
        )
    tx.add(row)
    await tx.flush()
    after = _said(row)
    await _record(tx, f"{kind}.add", name, hand, client=client, before={}, after=after)
    return row


async def change(
    tx: AsyncSession, wanted: Row, *, kind: str, hand: Hand, client: str | None = None
) -> Row:
    """Bring a row to what is wanted; what `wanted` does not say keeps what it has."""
    row = await _held(tx, wanted, kind=kind, hand=hand)
    before = _said(row)
    moved = {name: value for name, value in _said(wanted).items() if before[name] != value}
    if not moved:
        return row
    for name, value in moved.items():
        setattr(row, name, value)
    await tx.flush()
    was = {name: before[name] for name in moved}
    await _record(tx, f"{kind}.change", _name(row), hand, client=client, before=was, after=moved)
    return row


async def remove(
    tx: AsyncSession, named: Base, *, kind: str, hand: Hand, client: str | None = None
) -> None:
    """Delete the row that has the key of `named`."""
    row = await _held(tx, named, kind=kind, hand=hand)
    before = _said(row)
    await tx.delete(row)
    await tx.flush()
    await _record(tx, f"{kind}.remove", _name(row), hand, client=client, before=before, after={})


async def _held(tx: AsyncSession, named: Row, *, kind: str, hand: Hand) -> Row:
    table: Any = type(named)
    columns = [getattr(table, str(column.key)) for column in inspect(table).primary_key]
    same = [column == getattr(named, column.key) for column in columns]
    row: Row | None = await tx.scalar(select(table).where(*same).with_for_update())
    if row is None:
        raise NotFound("there is no {kind} {name}", kind=kind, name=_name(named))
    found: Any = row
    refuse_if_owned(found.origin, what=Said("the {kind} {name}", kind=kind, name=_name(named)))
    if hand.version is not None and hand.version != found.version:
        raise ChangedMeanwhile(
            "this was decided on version {decided_on}, the {kind} stands at {version}",
            kind=kind,
            decided_on=hand.version,
            version=found.version,
        )
    return row


async def _record(
    tx: AsyncSession,
    did: str,
    on: str,
    hand: Hand,
    *,
    client: str | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    fields = sorted({*before, *after})
    facts = {"fields": fields, "before": _veiled(before), "after": _veiled(after)}
    audit(tx, who=hand.by.name, did=did, on=on, now=hand.now, client=client, facts=facts)
    await configured(tx)


def _veiled(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: HIDDEN if name in SECRET and value else value for name, value in said.items()}


def _key(row: Base) -> tuple[Any, ...]:
    return tuple(getattr(row, str(column.key)) for column in inspect(type(row)).primary_key)


def _name(row: Base) -> str:
    return "/".join(str(part) for part in _key(row))


def _said(row: Base) -> dict[str, Any]:
    keys = {str(column.key) for column in inspect(type(row)).primary_key}
    said, names = vars(row), inspect(type(row)).column_attrs.keys()
    return {n: said[n] for n in names if n in said and n not in keys and n not in OURS}
