"""Groups to and from PostgreSQL: they outlive a restart."""

from collections.abc import Sequence
from hashlib import blake2b

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from metrics.pushed.groups import Family, Group
from metrics.tables import PushedGroup


async def groups(session: AsyncSession) -> Sequence[Group]:
    """Return every group, by who pushed it."""
    stmt = select(PushedGroup).order_by(PushedGroup.sender, PushedGroup.key)
    return [_group(row) for row in await session.scalars(stmt)]


async def keep(tx: AsyncSession, group: Group) -> None:
    """Write a group down; the same group is written over."""
    values = {
        "key": _key(group),
        "sender": group.sender or "",
        "labels": dict(group.labels),
        "families": _written(group),
        "pushed_at": group.pushed_at,
        "failed_at": group.failed_at,
    }
    stmt = insert(PushedGroup).values(values)
    again = {name: value for name, value in values.items() if name != "key"}
    await tx.execute(stmt.on_conflict_do_update(index_elements=[PushedGroup.key], set_=again))


async def drop(tx: AsyncSession, group: Group) -> None:
    """Take a group away."""
    await tx.execute(delete(PushedGroup).where(PushedGroup.key == _key(group)))


def _key(group: Group) -> bytes:
    return blake2b(orjson.dumps([group.sender, group.labels]), digest_size=16).digest()


def _written(group: Group) -> bytes:
    # values as text: JSON has no word for NaN
    return orjson.dumps(
        {
            name: [family.kind, [[labels, repr(value)] for labels, value in family.samples]]
            for name, family in group.families.items()
        }
    )


def _group(row: PushedGroup) -> Group:
    families = {
        name: Family(kind, tuple((_labels(labels), float(value)) for labels, value in samples))
        for name, (kind, samples) in orjson.loads(row.families).items()
    }
    labels = tuple(sorted(row.labels.items()))
    return Group(row.sender or None, labels, families, row.pushed_at, row.failed_at)


def _labels(pairs: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)
