"""Clients, their systems and targets, as people make and change them by hand."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast
from urllib.parse import urlsplit

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import by_hand
from access.commands.by_hand import Hand
from access.schemas import ClientSpec, SystemSpec, TargetSpec
from access.scope import HOUSE, Right, RightMissing
from access.tables import Client, System, Target
from kit.errors import Conflict, Invalid, NotFound

AFTER_FILES = 1_000_000
"""Systems made by hand are asked after those of files."""


class InUse(Conflict):
    """Something else needs the thing; `by` names what."""

    slug, title = "in-use", "Something else needs this"


async def keep_client(tx: AsyncSession, spec: ClientSpec, hand: Hand, *, new: bool) -> Client:
    """Make a client, or bring it to what is wanted."""
    if new and hand.by.scope.clients is not None:
        raise RightMissing("only who reaches every client may make one", right=Right.ADMIN.value)
    if not new:
        _refuse_strangers(hand, spec.name)
    verb = by_hand.make if new else by_hand.change
    return await verb(tx, Client(**asdict(spec)), kind="client", hand=hand, client=spec.name)


async def drop_client(tx: AsyncSession, name: str, hand: Hand) -> None:
    """Delete a client that has no history yet."""
    _refuse_strangers(hand, name)
    if name == HOUSE:
        raise InUse("the client house owns the operator's own machines", by=["Langyan"])
    try:
        async with tx.begin_nested():
            await by_hand.remove(tx, Client(name=name), kind="client", hand=hand, client=name)
    except IntegrityError as error:
        table = getattr(error.orig.__cause__, "table_name", None) if error.orig else None
        raise InUse(
            "the client {name} is still named by {table}", by=[table], name=name, table=table
        ) from error


async def keep_system(tx: AsyncSession, spec: SystemSpec, hand: Hand, *, new: bool) -> System:
    """Make a system, or bring it to what is wanted; it keeps its turn among the others."""
    _refuse_strangers(hand, spec.client)
    row = System(**asdict(spec))
    if new:
        last = await tx.scalar(
            select(func.max(System.position)).where(System.client == spec.client)
        )
        row.position = max(last or 0, AFTER_FILES) + 1
        return await by_hand.make(tx, row, kind="system", hand=hand, client=spec.client)
    known = await tx.get(System, (spec.client, spec.name))
    row.position = known.position if known else 0
    return await by_hand.change(tx, row, kind="system", hand=hand, client=spec.client)


async def drop_system(tx: AsyncSession, client: str, name: str, hand: Hand) -> None:
    """Delete a system; alerts and incidents keep its name."""
    _refuse_strangers(hand, client)
    named = System(client=client, name=name)
    await by_hand.remove(tx, named, kind="system", hand=hand, client=client)


async def keep_target(tx: AsyncSession, spec: TargetSpec, hand: Hand, *, new: bool) -> Target:
    """Make a target, or bring it to what is wanted; a secret that is kept stays where it goes."""
    _refuse_strangers(hand, spec.client)
    known = None if new else await tx.get(Target, (spec.client, spec.name))
    if known and known.secret and spec.keeps_secret and _place(known.url) != _place(spec.url):
        raise Invalid("send the secret again: it would go to another address", field="secret")
    verb = by_hand.make if new else by_hand.change
    return await verb(tx, target_row(spec), kind="target", hand=hand, client=spec.client)


async def exchange_seals(tx: AsyncSession, new_of: Mapping[str, str]) -> None:
    """Put the new seal of a secret in the place of each old one; who asks targets is told."""
    moved = 0
    for old, new in new_of.items():
        done = await tx.execute(update(Target).where(Target.secret == old).values(secret=new))
        moved += cast(CursorResult[Any], done).rowcount
    if moved:
        await by_hand.configured(tx)


def target_row(spec: TargetSpec) -> Target:
    """Return the row that keeps a target."""
    said = asdict(spec)
    if said.pop("keeps_secret"):
        del said["secret"]
    return Target(**said)


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


async def drop_target(tx: AsyncSession, client: str, name: str, hand: Hand) -> None:
    """Ask a target no more."""
    _refuse_strangers(hand, client)
    named = Target(client=client, name=name)
    await by_hand.remove(tx, named, kind="target", hand=hand, client=client)


def _refuse_strangers(hand: Hand, client: str) -> None:
    if not hand.by.scope.allows(client):
        raise NotFound("no client is called {client!r}", client=client)
