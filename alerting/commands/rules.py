"""What is done to rules: brought to what files say, and kept by hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import Hand, by_hand, refuse_narrow
from alerting import queries
from alerting.groups.schemas import SEVERITIES, Placed
from alerting.lifecycle import Priority
from alerting.schemas import ThresholdSpec
from alerting.tables import Rule, RuleGroup
from alerting.thresholds import ladder_as_written
from kit.errors import Said
from kit.sync import Change, sync


async def provision(
    tx: AsyncSession, rules: Sequence[tuple[ThresholdSpec, str]], now: datetime
) -> list[Change]:
    """Bring the rules that files own to what the files say; each comes with its origin."""
    return await sync(tx, Rule, [_row(*given) for given in rules], kind="threshold")


async def provision_groups(
    tx: AsyncSession, groups: Sequence[Placed], severities: Mapping[str, Priority]
) -> list[Change]:
    """Bring the groups of rule files to what the files say."""
    words = {word: str(priority) for word, priority in {**SEVERITIES, **severities}.items()}
    rows = [
        RuleGroup(
            file=group.file,
            name=group.spec.name,
            place=place,
            spec=group.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            lines=list(group.lines),
            clients=None if group.clients is None else list(group.clients),
            severities=words,
            origin=group.file,
        )
        for place, group in enumerate(groups)
    ]
    return await sync(tx, RuleGroup, rows, kind="rule group")


async def keep_threshold(tx: AsyncSession, spec: ThresholdSpec, hand: Hand, *, new: bool) -> Rule:
    """Make a rule, or bring it to what is wanted; its alerts follow within a second."""
    _refuse_beyond(hand, spec.clients)
    if new:
        return await by_hand.make(tx, _row(spec, None), kind="threshold", hand=hand)
    known = await queries.rule(tx, hand.by.scope, spec.name)
    _refuse_beyond(hand, known.clients)
    return await by_hand.change(tx, _row(spec, None), kind="threshold", hand=hand)


async def drop_threshold(tx: AsyncSession, name: str, hand: Hand) -> None:
    """Delete a rule; its alerts are resolved."""
    known = await queries.rule(tx, hand.by.scope, name)
    _refuse_beyond(hand, known.clients)
    await by_hand.remove(tx, Rule(name=name), kind="threshold", hand=hand)


def _refuse_beyond(hand: Hand, clients: Sequence[str] | None) -> None:
    """Refuse a rule that also holds for clients whom the hand does not reach."""
    if clients is None or not all(map(hand.by.scope.allows, clients)):
        refuse_narrow(hand, what=Said("a threshold that also holds for others"))


def _row(spec: ThresholdSpec, origin: str | None) -> Rule:
    return Rule(
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
