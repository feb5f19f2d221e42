"""The machines: their newest values and the last hours as small lines."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import re2
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from access.directory import Directory
from access.scope import Right, Scope
from alerting import queries as alerting
from app.pages.frame import Frame, Framed, Version
from app.pages.sheets import MARK, lines, sheet
from app.pages.views import HostsView, HostView, MetricView
from incidents import queries as incidents
from kit import live
from kit.clock import from_milliseconds, milliseconds
from kit.curves import Points
from kit.i18n import t
from kit.slices import sliced
from kit.sparklines import sparkline
from kit.wording import quantity
from metrics.matchers import Matcher, Op
from metrics.store import Store

router = APIRouter(tags=["pages"], include_in_schema=False)

SPAN = timedelta(hours=1)
SILENT = timedelta(minutes=5)
HOSTS_MOST = 200
COLUMNS = ("client", "host", "system", "state", "priority", "incident", "seen_at")
Key = tuple[str, str]
Line = tuple[
    np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]
]


ORDER = {"alert": 0, "unknown": 1, "well": 2}


@dataclass(frozen=True)
class Fire:
    """One alert that fires on a machine: how grave, on what, and the incident that has it."""

    priority: str
    expr: str
    incident: int | None

    def concerns(self, gauge: "Gauge") -> bool:
        """Tell whether the alert reads what the gauge shows."""
        return re.search(rf"\b{gauge.metric}\b", self.expr) is not None


Fires = Mapping[Key, list[Fire]]


@dataclass(frozen=True)
class Gauge:
    """One number of a host: where it comes from and how it is said."""

    kind: str
    metric: str
    unit: str
    high: float | None = None
    share_of: str | None = None


GAUGES = (
    Gauge("cpu", "langyan_host_cpu_percent", "percent", 100),
    Gauge("memory", "langyan_host_memory_percent", "percent", 100),
    Gauge("memory", "node_memory_MemAvailable_bytes", "percent", 100, "node_memory_MemTotal_bytes"),
    Gauge("disk", "node_filesystem_avail_bytes", "percent", 100, "node_filesystem_size_bytes"),
    Gauge("load", "node_load1", ""),
    Gauge("network", "langyan_host_receive_bytes_per_second", "bytes_per_second"),
)
NAMES = sorted({g.metric for g in GAUGES} | {g.share_of for g in GAUGES if g.share_of})
BOOTED = "node_boot_time_seconds"
MACHINES = [*NAMES, BOOTED]


@router.get("/hosts")
async def show_hosts(frame: Framed) -> Response:
    """Show every machine."""
    since = frame.since(_version(frame))
    view = HostsView(await _seen(frame))
    return frame.fresh(await frame.render_in_slices("hosts.html", view, here="hosts", since=since))


@router.get("/hosts/events")
async def follow_hosts(frame: Framed) -> Response:
    """Stream the machines while the page is open: when one sends, or an incident moves."""
    frame.caller.need(Right.READ)

    async def fragment() -> str:
        view = HostsView(await _seen(frame))
        return await frame.render_in_slices("_hosts_live.html", view, here="hosts")

    topics = {live.BOARD, live.CONFIGURATION}
    return frame.stream(topics, fragment, version=_version(frame))


def _version(frame: Frame) -> Version:
    """Return what differs as soon as any machine has sent something."""
    store, wanted = frame.request.app.state.store, _wanted(frame.caller.scope)

    def newest() -> object:
        refs = store.select(wanted)
        times, _ = store.newest(refs)
        return len(refs), int(times.sum())

    return newest


@router.get("/hosts.csv")
async def export_hosts(frame: Framed) -> Response:
    """Return the machines as a table for a spreadsheet, as the page shows them."""
    found = await _seen(frame)
    return sheet(_lines(found), "hosts.csv")


async def _lines(found: Sequence[HostView]) -> AsyncIterator[str]:
    kinds = list(dict.fromkeys(gauge.kind for gauge in GAUGES))
    yield MARK + lines([[*COLUMNS, *kinds]])
    for host in found:
        values = {metric.kind: metric.value for metric in host.metrics}
        what = (host.client, host.name, host.system_title, host.state)
        more = (host.priority, host.incident, host.seen_at)
        yield lines([[*what, *more, *(values.get(kind) for kind in kinds)]])


async def _seen(frame: Frame) -> list[HostView]:
    frame.caller.need(Right.READ)
    state, scope = frame.request.app.state, frame.caller.scope
    async with frame.db.snapshot() as session:
        burning = await fires(session, scope, state.store)
    now = frame.clock()
    found = await machines(state.store, scope, fires=burning, now=now)
    return await hosts(
        found[:HOSTS_MOST], state.house.directory, locale=frame.reader.locale, now=now
    )


async def fires(session: AsyncSession, scope: Scope, store: Store) -> dict[Key, list[Fire]]:
    """Return what fires on each machine, the gravest first."""
    labels = (dict(store.labels(ref)) for ref in store.select(_wanted(scope)))
    machines = {name for each in labels if (name := each.get("instance"))}
    if not machines:
        return {}
    rows = await alerting.firing_on(session, scope, machines)
    numbers = await incidents.open_of_alerts(session, [row.id for row in rows])
    found: dict[Key, list[Fire]] = {}
    for row in rows:
        if row.priority is not None:
            fire = Fire(row.priority.value, row.expr, numbers.get(row.id))
            found.setdefault((row.client, row.instance), []).append(fire)
    return found


async def hosts(
    machines: Sequence["Machine"], directory: Directory, *, locale: str, now: datetime
) -> list[HostView]:
    """Return machines as pages show them, in their order."""
    say = _Saying(locale)
    return [_host(one, directory, say=say, now=now) async for one in sliced(machines)]


async def machines(store: Store, scope: Scope, *, fires: Fires, now: datetime) -> list["Machine"]:
    """Return the machines inside the scope: what burns, then what is silent, then by name."""
    columns = await store.read(_wanted(scope), milliseconds(now - SPAN), milliseconds(now))
    lines: dict[Key, dict[str, dict[str, Line]]] = {}
    labels_of: dict[Key, Mapping[str, str]] = {}
    for index, pairs in enumerate(columns.labels):
        labels = dict(pairs)
        key = labels["client"], labels.get("instance", "")
        part = slice(columns.starts[index], columns.starts[index + 1])
        line = columns.times[part], columns.values[part]
        place = labels.get("mountpoint", "")
        lines.setdefault(key, {}).setdefault(labels["__name__"], {})[place] = line
        labels_of.setdefault(key, labels)
    found = [Machine(key, labels_of[key], lines[key], fires.get(key, ())) for key in sorted(lines)]
    return sorted(found, key=lambda machine: machine.rank(now))


def _wanted(scope: Scope) -> list[Matcher]:
    wanted = [Matcher("__name__", Op.MATCHES, "|".join(MACHINES))]
    if scope.clients is not None:
        wanted.append(
            Matcher("client", Op.MATCHES, "|".join(map(re2.escape, sorted(scope.clients))) or "-")
        )
    return wanted


@dataclass(frozen=True)
class _Saying:
    locale: str

    def __call__(self, value: float, unit: str) -> str:
        return quantity(value, unit, self.locale)

    def title(self, gauge: Gauge) -> str:
        """Return the name of a gauge."""
        return t(f"hosts.{gauge.kind}", self.locale)


@dataclass(frozen=True)
class Machine:
    """What is known of one machine: its lines by metric and place, and what fires on it."""

    key: Key
    labels: Mapping[str, str]
    lines: Mapping[str, Mapping[str, Line]]
    fires: Sequence[Fire]

    @property
    def client(self) -> str:
        """Whose it is."""
        return self.key[0]

    @cached_property
    def seen_at(self) -> datetime | None:
        """When the newest sample of any line was taken."""
        ends = [
            int(line[0][-1])
            for each in self.lines.values()
            for line in each.values()
            if len(line[0])
        ]
        return from_milliseconds(max(ends)) if ends else None

    @property
    def gravest(self) -> Fire | None:
        """The gravest alert that fires on it."""
        return self.fires[0] if self.fires else None

    def state(self, now: datetime) -> str:
        """Return whether it burns, is silent or is well."""
        if self.fires:
            return "alert"
        seen = self.seen_at
        return "unknown" if seen is None or now - seen > SILENT else "well"

    def rank(self, now: datetime) -> tuple[int, str]:
        """Return its place among the others."""
        return ORDER[self.state(now)], self.gravest.priority if self.gravest else ""


def _host(machine: Machine, directory: Directory, *, say: _Saying, now: datetime) -> HostView:
    client, name = machine.key
    system = directory.system(client, directory.system_of(machine.labels))
    booted = next(iter(machine.lines.get(BOOTED, {}).values()), None)
    up = None
    if booted is not None and len(booted[1]):
        up = now - from_milliseconds(int(booted[1][-1] * 1000))
    facts = directory.clients.get(client)
    return HostView(
        client=client,
        name=name or "–",
        client_title=facts.title if facts else client,
        system_title=system.title if system else None,
        state=machine.state(now),
        seen_at=machine.seen_at,
        metrics=list(_metrics(machine, say)),
        priority=machine.gravest.priority if machine.gravest else None,
        incident=next((fire.incident for fire in machine.fires if fire.incident), None),
        up=up,
    )


def _metrics(machine: Machine, say: _Saying) -> Iterable[MetricView]:
    shown: set[str] = set()
    for gauge in GAUGES:
        lines = machine.lines
        line = _worst(lines.get(gauge.metric, {}), lines.get(gauge.share_of or "", {}), gauge)
        if gauge.kind in shown or line is None:
            continue
        shown.add(gauge.kind)
        points = Points(line[0], line[1])
        title = say.title(gauge)
        spark = sparkline(points, title=title, low=0, high=gauge.high)
        priority = next((fire.priority for fire in machine.fires if fire.concerns(gauge)), None)
        yield MetricView(gauge.kind, say(float(line[1][-1]), gauge.unit), priority, spark)


def _worst(parts: Mapping[str, Line], wholes: Mapping[str, Line], gauge: Gauge) -> Line | None:
    """Return the line of the part that stands worst: the fullest disk of several."""
    found: list[Line] = []
    for place, (times, values) in parts.items():
        if gauge.share_of is None:
            found.append((times, values))
            continue
        whole = wholes.get(place)
        if whole is not None and len(whole[1]) and whole[1][-1] > 0:
            found.append((times, 100 * (1 - values / whole[1][-1])))
    filled = [line for line in found if len(line[1])]
    return max(filled, key=_last, default=None)


def _last(line: Line) -> float:
    return float(line[1][-1])
