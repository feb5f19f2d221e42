"""Who watches the watchman: what is wrong with the program itself, and its gauges."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from access.scope import EVERYTHING
from app import given_up
from app.condition import REASON, Condition, Trouble
from app.given_up import Sort
from incidents import queries as incidents
from kit import outbox
from metrics.engine.forwarding import Forwarder
from notifications import queries as notifications

if TYPE_CHECKING:
    from app.house import House

ANSWERS_WITHIN = 2.0
NOTIFICATION_WAITS = timedelta(seconds=60)
EVENT_WAITS = timedelta(minutes=5)
STEP_WAITS = timedelta(seconds=30)
RULES_WAIT = timedelta(seconds=30)
ENGINE_WAITS = timedelta(seconds=30)
AWAY = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


async def condition(house: "House") -> Condition:
    """Return what is wrong; nothing if everything that has to happen happens."""
    now, evaluator = house.clock(), house.evaluator
    troubles = [Trouble("tick", {"name": name}) for name in house.scheduler.late(now)]
    if house.sender.skewed:
        troubles.append(Trouble("skew"))
    troubles += [*_behind(house), *_engine_behind(house.forwarder, house.clock())]
    troubles += [
        Trouble("rule", {"name": name, "why": why}) for name, why in evaluator.broken.items()
    ]
    troubles += [Trouble("unwritten", {"client": name}) for name in evaluator.unwritten]
    figures = {f"rules_{name}": value for name, value in evaluator.gauges(now).items()}
    if house.forwarder:
        figures["engine_refused"] = house.forwarder.counts["refused"]
    try:
        async with asyncio.timeout(ANSWERS_WITHIN), house.db.snapshot() as session:
            troubles += await _of_rows(session, now, figures)
    except AWAY as error:
        troubles.append(Trouble("database", {"why": type(error).__name__}))
    return Condition(troubles, figures)


def _behind(house: "House") -> list[Trouble]:
    behind, waiting = house.rules_behind(), house.store.behind(house.clock())
    found = []
    if behind > RULES_WAIT:
        found.append(Trouble("behind", {"seconds": _seconds(behind)}))
    if waiting.put_off:
        facts = {"samples": waiting.samples, "seconds": _seconds(waiting.oldest)}
        found.append(Trouble("put_off", {REASON: waiting.put_off, **facts}))
    return found


def _engine_behind(forwarder: Forwarder | None, now: datetime) -> list[Trouble]:
    if forwarder is None:
        return []
    lag, why = forwarder.lag(now), forwarder.trouble
    if why is None and lag <= ENGINE_WAITS:
        return []
    megabytes = f"{forwarder.bytes_behind / 1_000_000:.1f}"
    facts = {"seconds": _seconds(lag), "megabytes": megabytes}
    if why is None:
        return [Trouble("engine_behind", facts)]
    return [Trouble("engine_away", {"why": why, **facts})]


async def _of_rows(
    session: AsyncSession, now: datetime, figures: dict[str, float]
) -> list[Trouble]:
    untold, figures["notifications_waiting"] = await notifications.waiting(session, now)
    unheeded, parked = await outbox.waiting(session)
    figures["events_parked"] = parked
    waits = (
        ("notification", untold, NOTIFICATION_WAITS),
        ("event", unheeded, EVENT_WAITS),
        ("step", await incidents.oldest_step_due(session, now), STEP_WAITS),
    )
    troubles = []
    for name, since, most in waits:
        waited = now - since if since else timedelta()
        figures[f"oldest_{name}_seconds"] = max(0.0, waited.total_seconds())
        if waited > most:
            troubles.append(Trouble(f"waiting_{name}", {"seconds": _seconds(waited)}))
    for forgotten in await incidents.without_prospect(session, now):
        troubles.append(Trouble("forgotten", {"number": forgotten.number}))
    for unheard in await incidents.unreached(session):
        troubles.append(Trouble("unreached", {"number": unheard.number}))
    waiting = await given_up.counts(session, EVERYTHING)
    figures["rows_set_aside"] = waiting[Sort.ROWS]
    figures["notifications_failed"] = waiting[Sort.MESSAGES]
    figures["events_parked"] = parked
    return [*troubles, Trouble("parked", {"n": parked})] if parked else troubles


async def readiness(house: "House") -> Condition:
    """Return whether requests are welcome: the database answers, samples are taken.

    They are while an engine is away, as long as the journal has room for what waits for it.
    """
    troubles = [] if house.store.opened else [Trouble("replaying")]
    try:
        async with asyncio.timeout(ANSWERS_WITHIN), house.db.snapshot() as session:
            await session.execute(select(1))
    except AWAY as error:
        troubles.append(Trouble("database", {"why": type(error).__name__}))
    behind = house.rules_behind().total_seconds()
    return Condition([*troubles, *_behind(house)], {"rules_behind_seconds": behind})


async def measure(house: "House") -> None:
    """Bring the gauges up to date."""
    gauge = house.measures.gauge
    found = await condition(house)
    gauge("well", "1 while everything that has to happen happens", float(found.well))
    gauge("muted", "1 while nobody is told anything", float(house.muted is not None))
    for name, value in found.figures.items():
        gauge(name, "See docs/operating.md", value)
    gauge("series", "Series that are written to", house.store.series)
    gauge("samples_pending", "Samples that no chunk holds yet", house.store.pending)
    behind = house.store.behind(house.clock())
    gauge("samples_pending_seconds", "Age of the oldest of them", behind.oldest.total_seconds())
    gauge("bodies_bytes", "Bytes of bodies that are being read or decoded", house.store.load.bytes)
    for reason, count in house.store.load.put_off.items():
        gauge("put_off", "Requests answered 503 since the start", count, reason=reason)
    if house.forwarder is not None:
        _measure_engine(house.forwarder, now=house.clock(), gauge=gauge)
    gauge("samples_kept", "Samples kept since the start", house.store.appended)
    gauge("sends_in_flight", "Messages under way", house.sender.in_flight)
    for tick in house.scheduler.ticks:
        at = tick.succeeded_at.timestamp() if tick.succeeded_at else 0.0
        gauge("tick_success_timestamp_seconds", "When a tick last succeeded", at, tick=tick.name)
        gauge("tick_failures", "How often it failed since the start", tick.failures, tick=tick.name)
    for reason, count in house.store.refused.items():
        gauge("samples_refused", "Samples refused since the start", count, reason=reason)


def _measure_engine(forwarder: Forwarder, *, now: datetime, gauge: Callable[..., None]) -> None:
    gauge("engine_behind_bytes", "Journal the engine has not taken", forwarder.bytes_behind)
    lag = forwarder.lag(now).total_seconds()
    gauge("engine_behind_seconds", "Age of the oldest sample there", lag)
    for fate in ("taken", "refused"):
        count = forwarder.counts[fate]
        gauge("engine_samples", "Samples sent to the engine since the start", count, fate=fate)
    failed = forwarder.counts["failed"]
    gauge("engine_failures", "Requests the engine did not answer since the start", failed)


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.0f}"
