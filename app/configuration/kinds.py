"""The kinds of things that are configured by hand, each with what its room knows of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from access import commands as access
from access import queries as access_queries
from access.commands import Hand
from access.scope import Scope
from alerting import commands as alerting
from alerting import queries as alerting_queries
from alerting.schemas import ThresholdSpec
from app.provisioning import specs
from app.provisioning.sections import OF_CLIENTS, ClientIn, SystemIn, TargetIn
from incidents import commands as incidents
from incidents import queries as incident_queries
from incidents.schemas import SlaSpec
from kit import durations
from kit.errors import Invalid
from oncall import commands as oncall
from oncall import queries as oncall_queries
from oncall.schemas import PolicyIn, ScheduleIn

Key = tuple[str, ...]
"""What names a thing: its name, or its client and its name."""

Written = dict[str, Any]
"""A thing as a file would write it."""


@dataclass(frozen=True)
class Part:
    """Which part of a list is asked for: at most `limit` (None: all) behind `after`."""

    after: Key = ()
    limit: int | None = None
    client: str | None = None

    def of(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Return this part of rows that were read as a whole, by name."""
        behind = [row for row in rows if (row.name,) > self.after]
        return behind[: self.limit]


Rows = Callable[[AsyncSession, Scope, Part], Awaitable[Sequence[Any]]]
Row = Callable[..., Awaitable[Any]]
"""Asked with (session, scope, *key)."""
Keep = Callable[..., Awaitable[Any]]
"""Asked with (tx, given, hand, new=…)."""
Drop = Callable[..., Awaitable[None]]
"""Asked with (tx, *key, hand=…)."""


def _all_of_it(written: Written, scope: Scope) -> Written:
    return written


@dataclass(frozen=True)
class Kind:
    """How one kind is read, written down, kept and dropped; `section` is its name in the YAML.

    `one` is the word for one of them in names, `a` in a sentence.
    """

    section: str
    one: str
    a: str
    given: type[BaseModel]
    rows: Rows
    row: Row
    keep: Keep
    drop: Drop
    written: Callable[[Any], Written]
    seen: Callable[[Written, Scope], Written] = _all_of_it

    @property
    def path(self) -> str:
        """Where one of them lives behind the address of all."""
        return "".join(f"/{{{part}}}" for part in self.parts)

    @property
    def parts(self) -> Key:
        """Which fields name a thing of this kind."""
        return ("client", "name") if self.section in OF_CLIENTS else ("name",)

    def key(self, thing: object) -> Key:
        """Return what names a row, or a thing that is wanted."""
        return tuple(getattr(thing, part) for part in self.parts)


def _fields(kind: type[BaseModel]) -> Callable[[Any], Written]:
    """Return how a row is written whose columns are the fields of `kind`."""
    return lambda row: {name: getattr(row, name) for name in kind.model_fields}


async def _clients(session: AsyncSession, scope: Scope, part: Part) -> Sequence[Any]:
    return await access_queries.clients(session, scope, after="".join(part.after), limit=part.limit)


async def _systems(session: AsyncSession, scope: Scope, part: Part) -> Sequence[Any]:
    return await access_queries.systems(
        session, scope, client=part.client, after=part.after or ("", ""), limit=part.limit
    )


async def _targets(session: AsyncSession, scope: Scope, part: Part) -> Sequence[Any]:
    return await access_queries.targets_of(
        session, scope, client=part.client, after=part.after or ("", ""), limit=part.limit
    )


def _target_as_written(row: Any) -> Written:
    """Return a target without its secret, which is never told again."""
    plain = ("client", "name", "system", "kind", "url", "labels", "user")
    lengths = {"interval": row.interval_ms, "timeout": row.timeout_ms}
    return {
        **{name: getattr(row, name) for name in plain},
        **{name: durations.text(timedelta(milliseconds=ms)) for name, ms in lengths.items()},
        **row.options,
    }


async def _keep_target(tx: AsyncSession, given: TargetIn, hand: Hand, *, new: bool) -> Any:
    """Keep a target; a secret that is not named stays as it is."""
    if given.secret_env:
        raise Invalid("only files read the environment; send the secret itself", field="secret_env")
    sealed = None
    if given.secret:
        assert hand.seal is not None  # an edge that takes secrets brings what seals them
        sealed = hand.seal(given.secret.get_secret_value())
    keeps = not new and "secret" not in given.model_fields_set
    spec = specs.target(given, None, secret=sealed, keeps_secret=keeps)
    return await access.keep_target(tx, spec, hand, new=new)


async def _thresholds(session: AsyncSession, scope: Scope, part: Part) -> Sequence[Any]:
    rows = await alerting_queries.rows_of_rules(session)
    return part.of([row for row in rows if alerting_queries.concerns(row, scope)])


async def _schedules(session: AsyncSession, scope: Scope, part: Part) -> Sequence[Any]:
    return part.of(await oncall_queries.schedules_inside(session, scope))


async def _escalations(session: AsyncSession, scope: Scope, part: Part) -> Sequence[Any]:
    return part.of(await oncall_queries.policies_inside(session, scope))


async def _slas(session: AsyncSession, scope: Scope, part: Part) -> Sequence[Any]:
    return await incident_queries.slas(session, scope, after="".join(part.after), limit=part.limit)


CLIENTS = Kind(
    section="clients",
    one="client",
    a="a client",
    given=ClientIn,
    rows=_clients,
    row=access_queries.client,
    keep=lambda tx, given, hand, new: access.keep_client(
        tx, specs.client(given, None), hand, new=new
    ),
    drop=access.drop_client,
    written=_fields(ClientIn),
)
SYSTEMS = Kind(
    section="systems",
    one="system",
    a="a system",
    given=SystemIn,
    rows=_systems,
    row=access_queries.system,
    keep=lambda tx, given, hand, new: access.keep_system(
        tx, specs.system(given, None), hand, new=new
    ),
    drop=access.drop_system,
    written=_fields(SystemIn),
)
THRESHOLDS = Kind(
    section="thresholds",
    one="threshold",
    a="a threshold",
    given=ThresholdSpec,
    rows=_thresholds,
    row=alerting_queries.rule,
    keep=alerting.keep_threshold,
    drop=alerting.drop_threshold,
    written=alerting_queries.as_written,
    seen=alerting_queries.seen_by,
)
SCHEDULES = Kind(
    section="schedules",
    one="schedule",
    a="a schedule",
    given=ScheduleIn,
    rows=_schedules,
    row=oncall_queries.get_schedule,
    keep=oncall.keep_schedule,
    drop=oncall.drop_schedule,
    written=_fields(ScheduleIn),
)
ESCALATIONS = Kind(
    section="escalations",
    one="escalation",
    a="an escalation policy",
    given=PolicyIn,
    rows=_escalations,
    row=oncall_queries.get_policy,
    keep=oncall.keep_policy,
    drop=oncall.drop_policy,
    written=_fields(PolicyIn),
)
SLAS = Kind(
    section="slas",
    one="sla",
    a="an SLA policy",
    given=SlaSpec,
    rows=_slas,
    row=incident_queries.sla,
    keep=incidents.keep_sla,
    drop=incidents.drop_sla,
    written=lambda row: {"name": row.name, **row.levels},
)
TARGETS = Kind(
    section="targets",
    one="target",
    a="a target",
    given=TargetIn,
    rows=_targets,
    row=access_queries.target,
    keep=_keep_target,
    drop=access.drop_target,
    written=_target_as_written,
)
KINDS: Mapping[str, Kind] = {
    kind.section: kind
    for kind in (CLIENTS, SYSTEMS, SCHEDULES, ESCALATIONS, SLAS, THRESHOLDS, TARGETS)
}
