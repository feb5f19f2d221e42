"""SLA policies that files own."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from incidents.schemas import SlaSpec
from incidents.tables import SlaPolicy
from kit.sync import Change, sync


async def provision_slas(tx: AsyncSession, slas: Sequence[SlaSpec], now: datetime) -> list[Change]:
    """Bring the policies that files own to what they say; what runs keeps its copy."""
    wanted = [SlaPolicy(name=sla.name, levels=sla.levels, origin=sla.origin) for sla in slas]
    return await sync(tx, SlaPolicy, wanted, kind="sla")
