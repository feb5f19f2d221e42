"""Changes by hand: checked against all that stands, then written by the room that owns the row."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import Hand, InUse, hold_configuration, refuse_if_owned
from app.configuration.kinds import Key, Kind
from app.configuration.standing import enter, standing
from app.provisioning.checks import CHECKS, exprs
from app.provisioning.entries import Provision
from app.provisioning.mistakes import Mistake
from app.provisioning.yaml_tree import NUMBER_MOST
from kit.errors import Said, unfit
from kit.plain import misfit, unkept

CONTROL = frozenset(map(chr, range(32))) - {"\n", "\t"}


async def make(tx: AsyncSession, kind: Kind, given: BaseModel, hand: Hand) -> Any:
    """Make a thing that fits to what stands; return its row."""
    await hold_configuration(tx)
    await _fit(tx, kind, given)
    return await kind.keep(tx, given, hand, new=True)


async def change(tx: AsyncSession, kind: Kind, given: BaseModel, hand: Hand) -> Any:
    """Bring a thing to what is wanted, if that fits to what stands; return its row."""
    await hold_configuration(tx)
    key = kind.key(given)
    row = await kind.row(tx, hand.by.scope, *key)
    refuse_if_owned(row.origin, what=_what(kind, key))
    await _fit(tx, kind, given)
    return await kind.keep(tx, given, hand, new=False)


async def patched(
    tx: AsyncSession, kind: Kind, key: Key, changes: Mapping[str, Any], hand: Hand
) -> BaseModel:
    """Return a thing as it stands with `changes`, each of which replaces a whole field."""
    await hold_configuration(tx)
    row = await kind.row(tx, hand.by.scope, *key)
    refuse_if_owned(row.origin, what=_what(kind, key))
    try:
        return kind.given.model_validate({**kind.written(row), **changes})
    except ValidationError as error:
        wrong = [(one["loc"], unfit(one)) for one in error.errors(include_url=False)]
        raise misfit(wrong) from None


async def remove(tx: AsyncSession, kind: Kind, key: Key, hand: Hand) -> None:
    """Delete a thing that nothing else names."""
    await hold_configuration(tx)
    row = await kind.row(tx, hand.by.scope, *key)
    refuse_if_owned(row.origin, what=_what(kind, key))
    there = await standing(tx)
    before = _mistakes(there)
    del there.entries[kind.section][key]
    if names := _called(_mistakes(there) - before):
        what = _what(kind, key)
        raise InUse("{what} is still needed: {names}", what=what, names=", ".join(names), by=names)
    await kind.drop(tx, *key, hand=hand)


async def _fit(tx: AsyncSession, kind: Kind, given: BaseModel) -> None:
    written = given.model_dump(mode="json", by_alias=True)
    unsaid = list(unkept(written, biggest=NUMBER_MOST, control=CONTROL))
    if unsaid:  # no file could say it either
        raise misfit(unsaid)
    there = await standing(tx)
    before, key = _mistakes(there), kind.key(given)
    entry = enter(there, kind, key, given)
    alone = Provision()
    enter(alone, kind, key, given)
    found = _mistakes(there)
    own = sorted(one for one in {*found, *exprs(alone)} if one.file == entry.source.name)
    if own:
        raise misfit([((re.sub(r"\[(\d+)\]", r".\1", one.field),), one.message) for one in own])
    if names := _called(found - before):
        what = _what(kind, key)
        raise InUse(
            "something else needs {what} as it is: {names}",
            what=what,
            names=", ".join(names),
            by=names,
        )


def _mistakes(provision: Provision) -> set[Mistake]:
    return {mistake for check in CHECKS for mistake in check(provision)}


def _called(broken: Collection[Mistake]) -> list[str]:
    """Return the names of the things that have these mistakes."""
    return sorted({one.file for one in broken})


def _what(kind: Kind, key: Key) -> Said:
    return Said("the {kind} {name}", kind=kind.one, name="/".join(key))
