"""What one of several processes does at a time: a lease, taken from PostgreSQL for some seconds.

PostgreSQL's clock alone counts, so that no process takes a lease early because its own is wrong.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base

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
class Taken:
    """A lease that is ours; `former` is when another holder was last heard of, if there was one."""

    former: datetime | None = None


async def take(tx: AsyncSession, name: str, holder: str) -> Taken | None:
    """Take or renew a lease; None while it is another's."""
    now = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
    fresh = {"name": name, "holder": holder, "renewed_at": now}
    await tx.execute(insert(Lease).values(fresh).on_conflict_do_nothing())
    lease = await tx.get_one(Lease, name, with_for_update=True, populate_existing=True)
    if lease.holder == holder:
        lease.renewed_at = now
        return Taken()
    if lease.holder != NOBODY and lease.renewed_at + LENGTH > now:
        return None
    former, lease.holder, lease.renewed_at = lease.renewed_at, holder, now
    return Taken(former)


async def ours(tx: AsyncSession, name: str, holder: str) -> None:
    """Keep a lease from passing to another before this transaction ends; refuse if it has."""
    found = await tx.scalar(
        select(Lease.holder).where(Lease.name == name).with_for_update(read=True)
    )
    if found != holder:
        raise LeaseLost(f"{name} is done by another process")


async def give_back(tx: AsyncSession, name: str, holder: str) -> None:
    """Let another process take it at once."""
    mine = (Lease.name == name, Lease.holder == holder)
    given = {"holder": NOBODY, "renewed_at": func.clock_timestamp()}
    await tx.execute(update(Lease).where(*mine).values(given))


async def present(tx: AsyncSession, kind: str, holder: str) -> int:
    """Say that we are there; return how many others of this kind were there of late."""
    now = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
    name = f"{kind}/{holder}"
    said = insert(Lease).values(name=name, holder=holder, renewed_at=now)
    await tx.execute(
        said.on_conflict_do_update(index_elements=[Lease.name], set_={"renewed_at": now})
    )
    all_ = Lease.name.startswith(f"{kind}/", autoescape=True)
    await tx.execute(delete(Lease).where(all_, Lease.renewed_at < now - FORGOTTEN))
    others = select(func.count()).where(all_, Lease.name != name)
    return await tx.scalar(others) or 0
