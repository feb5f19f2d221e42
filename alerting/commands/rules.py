"""What is done to rules: bring in what files say."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from alerting.schemas import ThresholdSpec
from alerting.tables import Rule
from alerting.thresholds import ladder_as_written
from kit.sync import Change, sync


async def provision(
    tx: AsyncSession, rules: Sequence[tuple[ThresholdSpec, str]], now: datetime
) -> list[Change]:
    """Bring the rules that files own to what the files say; each comes with its origin."""
    wanted = [
        Rule(
            name=spec.name,
            title=spec.title,
            expr=spec.expr,
            unit=spec.unit,
            ladder=ladder_as_written(spec),
            clients=spec.clients,
            systems=spec.systems,
            core=spec.core,
            escalation=spec.escalation,
            origin=origin,
        )
        for spec, origin in rules
    ]
    return await sync(tx, Rule, wanted, kind="threshold")
