"""SLA policies: brought to what files say, and kept by hand."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import Hand, by_hand, refuse_narrow
from incidents.schemas import SlaSpec
from incidents.tables import SlaPolicy
from kit.errors import Said
from kit.sync import Change, sync


async def provision_slas(tx: AsyncSession, slas: Sequence[tuple[SlaSpec, str]]) -> list[Change]:
    """Bring the policies that files own to what they say; what runs keeps its copy."""
    return await sync(tx, SlaPolicy, [_row(*given) for given in slas], kind="sla")


async def keep_sla(tx: AsyncSession, spec: SlaSpec, hand: Hand, *, new: bool) -> SlaPolicy:
    """Make a policy, or bring it to what is wanted; what runs keeps its copy."""
    refuse_narrow(hand, what=Said("an SLA policy"))
    verb = by_hand.make if new else by_hand.change
    return await verb(tx, _row(spec, None), kind="sla", hand=hand)


async def drop_sla(tx: AsyncSession, name: str, hand: Hand) -> None:
    """Delete a policy; incidents that are open keep their copy."""
    refuse_narrow(hand, what=Said("an SLA policy"))
    await by_hand.remove(tx, SlaPolicy(name=name), kind="sla", hand=hand)


def _row(spec: SlaSpec, origin: str | None) -> SlaPolicy:
    return SlaPolicy(name=spec.name, levels=spec.levels, origin=origin)
