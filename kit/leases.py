"""What one of several processes does at a time: a lease, taken from PostgreSQL for some seconds.

PostgreSQL's clock alone counts, so that no process takes a lease early because its own is wrong.
"""

from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, among

LENGTH = timedelta(seconds=6)
NOBODY = ""
FORGOTTEN = timedelta(minutes=10)
"""A process that has not been heard of for so long is no longer counted."""


class Lease(Base):
    """Who does something, and since when it has not been heard of."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    renewed_at: Mapped[datetime]


class LeaseLost(ConnectionError):
    """Somebody else does now what we meant to do; nothing of it may be written."""


@dataclass(frozen=True)
class Standing:
    """What stands of some leases: `mine`, what nobody holds, and how many hold one of a kind."""

    mine: Set[str]
    free: Set[str]
    holders: int


async def renew(tx: AsyncSession, holder: str) -> set[str]:
    """Renew all that is ours; return the names. It may have run out, if nobody took it since."""
    renewed = update(Lease).where(Lease.holder == holder)
    renewed = renewed.values(renewed_at=func.clock_timestamp()).returning(Lease.name)
    return set(await tx.scalars(renewed))


async def standing(tx: AsyncSession, names: Collection[str], holder: str, *, kind: str) -> Standing:
    """Return which of these leases are ours and which are free, and who has one of `kind` now."""
    length, all_ = func.clock_timestamp() - LENGTH, _of(kind)
    alive = and_(Lease.holder != NOBODY, Lease.renewed_at > length)
    rows = await tx.execute(
        select(Lease.name, Lease.holder, alive.label("alive")).where(
            or_(among(Lease.name, names), all_)
        )
    )
    held = {name: by for name, by, living in rows if living or by == holder}
    return Standing(
        mine={name for name in names if held.get(name) == holder},
        free={name for name in names if name not in held},
        holders=sum(name.startswith(f"{kind}/") for name in held),
    )


async def take(tx: AsyncSession, names: Collection[str], holder: str) -> dict[str, datetime | None]:
    """Take those of these leases that are free; return when another was last heard of with each.

    What a transaction of its holder, or another who wants it, has in hand is passed over.
    """
    if not names:
        return {}
    now = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
    given = [{"name": name, "holder": holder, "renewed_at": now} for name in sorted(names)]
    new = insert(Lease).values(given).on_conflict_do_nothing().returning(Lease.name)
    found: dict[str, datetime | None] = dict.fromkeys(await tx.scalars(new))
    over = or_(Lease.holder == NOBODY, Lease.renewed_at <= now - LENGTH)
    free = select(Lease.name, Lease.renewed_at).where(among(Lease.name, names), over)
    former = {name: at for name, at in await tx.execute(free.with_for_update(skip_locked=True))}
    taken = update(Lease).where(among(Lease.name, former)).values(holder=holder, renewed_at=now)
    await tx.execute(taken)
    return found | former


async def ours(tx: AsyncSession, names: Collection[str], holder: str) -> None:
    """Keep leases from passing to another before this transaction ends; refuse if one has.

    Renewing them meanwhile is no change of the key, and does not wait.
    """
    mine = select(Lease.name).where(among(Lease.name, names), Lease.holder == holder)
    held = set(await tx.scalars(mine.with_for_update(read=True, key_share=True)))
    if lost := sorted(set(names) - held):
        raise LeaseLost(f"{', '.join(lost)}: done by another process")


async def give_back(tx: AsyncSession, names: Collection[str], holder: str) -> None:
    """Let another process take them at once."""
    if not names:
        return
    mine = (among(Lease.name, names), Lease.holder == holder)
    given = {"holder": NOBODY, "renewed_at": func.clock_timestamp()}
    await tx.execute(update(Lease).where(*mine).values(given))


async def present(tx: AsyncSession, kind: str, holder: str) -> int:
    """Say that we are there; return how many others of this kind were there of late."""
    now = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
    name = f"{kind}/{holder}"
    said = {"holder": holder, "renewed_at": now}
    row = insert(Lease).values(name=name, **said)
    await tx.execute(row.on_conflict_do_update(index_elements=[Lease.name], set_=said))
    others = select(func.count()).where(
        _of(kind), Lease.name != name, Lease.renewed_at >= now - FORGOTTEN
    )
    return await tx.scalar(others) or 0


async def forget(tx: AsyncSession, *kinds: str) -> None:
    """Strike those of these kinds that nobody has renewed for long."""
    old = Lease.renewed_at < func.clock_timestamp() - FORGOTTEN
    await tx.execute(delete(Lease).where(or_(*map(_of, kinds)), old))


def _of(kind: str) -> ColumnElement[bool]:
    return Lease.name.startswith(f"{kind}/", autoescape=True)
