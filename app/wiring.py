"""Who is handed what, and who reacts to what: the one place where the rooms meet."""

import time
from collections.abc import Awaitable, Callable, Container, Sequence
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from access.authorizer import Authorizer
from access.directory import Directory
from access.events import ResetAsked
from access.passwords import Passwords
from access.scope import Right
from access.sso.provider import Provider
from alerting.delivery import Carry
from alerting.evaluator import Evaluator
from alerting.schemas import Observation, Observed
from app import engine_mode, pipeline
from app.heartbeat import Heartbeat
from app.house import House
from app.housekeeping import clean
from app.keeper import Keeper
from app.measures import Measures
from app.opening import Secrets
from app.people import inviting, letters
from app.people.inviting import Inviting
from app.ports import ports
from app.scheduler import Job, Scheduler, Tick
from app.telling import Speaker
from collectors.host import Host
from collectors.jobs import Collector, Rounds
from collectors.probe import Prober
from collectors.samples import Sample
from collectors.scrape import Scraper
from incidents import jobs as incidents
from incidents import reactions as incident_reactions
from kit import outbox
from kit.clock import Clock, milliseconds
from kit.db import Database
from kit.net import guarded
from kit.notices import Notices
from kit.outbox import Reactions
from kit.pages import Pages, own_pages
from kit.sealing import Sealer
from kit.settings import Settings
from kit.signing import Signer
from metrics.batch import Position
from metrics.engine.store import EngineStore
from metrics.journal import Sync
from metrics.load import limits_here
from metrics.ports.encode import write_request
from metrics.pushed.gateway import Gateway
from metrics.store import Store
from notifications.batches import Outside
from notifications.channels.email import Email
from notifications.channels.webhook import Webhook, open_client
from notifications.events import NotificationFailed
from notifications.schemas import Channel, Leaving, Message, Render
from notifications.sender import Limits, Sender

REACTIONS: Reactions = {
    NotificationFailed: (incident_reactions.notification_failed,),
    ResetAsked: (inviting.reset_asked,),
}
"""Who reacts to which news, off the main path."""

PATH, SENDS, TICKS = 5, 4, 5
"""Connections of their own, twice as many at need, so that none starves another; requests have
twice ten. Our own PostgreSQL has room for all (`max_connections` in kit/postgres/cluster.py)."""

FETCHES = httpx.Limits(max_connections=200, max_keepalive_connections=100)


def build(
    settings: Settings,
    secrets: Secrets,
    db: Database,
    clock: Clock,
    *,
    sending: Limits | None = None,
) -> House:
    """Return the house, every part handed what it needs; nothing moves yet."""
    measures, notices, pages = Measures(), Notices(db), own_pages()
    signer, sealer = Signer(secrets.keys), Sealer(secrets.keys)
    http = guarded(FETCHES, allow=settings.allow_link_local)
    path, sends = db.share(PATH), db.share(SENDS)
    authorizer = Authorizer(db, clock)
    store = _store(settings, db, lambda: house.directory.clients, clock)
    engine = store if isinstance(store, EngineStore) else None
    lead = engine_mode.lead(engine, db, clock, lambda: house) if engine else None
    gateway = Gateway(store, db, lambda: house.directory.clients)
    evaluator = Evaluator(
        store,
        path,
        _carrying(path, settings, measures, clock, still=lead.still if lead else None),
        clock=clock,
        took=measures.evaluation.observe,
    )
    store.load.ask(lambda: evaluator.crowded)
    links = Inviting(signer, settings.url, bool(settings.smtp_url))
    webhooks = open_client(allow_link_local=settings.allow_link_local)
    render = _speaking(pages, links, clock, lambda: house.directory)
    outside = Outside(_channels(settings, webhooks, sealer), render, observe=measures.observe_send)
    house = House(
        settings=settings,
        version=version("langyan"),
        clock=clock,
        db=db,
        http=http,
        webhooks=webhooks,
        notices=notices,
        signer=signer,
        sealer=sealer,
        inviting=links,
        sso=Provider(settings, http, clock) if settings.oidc_issuer else None,
        passwords=Passwords(),
        authorizer=authorizer,
        measures=measures,
        pages=pages,
        store=store,
        evaluator=evaluator,
        sender=Sender(sends, outside, clock, notices, limits=sending),
        rounds=_rounds(settings, store, http, sealer, clock),
        scheduler=Scheduler((), clock),
        keeper=Keeper(),
        gateway=gateway,
        ports=ports(store, gateway, partial(authorizer, needed=Right.INGEST), clock),
        lead=lead,
        forwarder=engine.forwarder if engine else None,
    )
    house.loops = engine_mode.loops(house)
    house.scheduler.ticks = ticks(house)
    return house


def _store(
    settings: Settings, db: Database, known: Callable[[], Container[str]], clock: Clock
) -> Store:
    if settings.metrics_url:
        return engine_mode.store(settings, db, known, clock)
    return Store(
        settings.data_dir / "samples",
        db,
        known_clients=known,
        limits=limits_here(settings.series_per_client),
        sync=Sync(settings.journal_sync.value),
        retention=settings.retention,
        kept=settings.retention_of_steps,
        adopt=settings.adopt,
    )


def _speaking(
    pages: Pages, links: Inviting, clock: Clock, directory: Callable[[], Directory]
) -> Render:
    speaker = Speaker(pages, links.signer, links.url, clock)
    writer = letters.Writer(pages, links, clock)

    async def render(session: AsyncSession, leavings: Sequence[Leaving]) -> Sequence[Message]:
        own = [one for one in leavings if one.event in letters.EVENTS]
        of_incidents = [one for one in leavings if one.event not in letters.EVENTS]
        found = {one.id: await writer.render(session, one) for one in own}
        told = await speaker.render(session, of_incidents, directory()) if of_incidents else ()
        found |= {one.id: message for one, message in zip(of_incidents, told, strict=True)}
        return [found[one.id] for one in leavings]

    return render


def _carrying(
    db: Database,
    settings: Settings,
    measures: Measures,
    clock: Clock,
    *,
    still: pipeline.Allowed | None,
) -> Carry:
    async def carry(
        client: str, seen: Sequence[Observation], /, *, position: Position | None, now: datetime
    ) -> Observed:
        began = time.perf_counter()
        observed = await pipeline.carry(
            db,
            client,
            seen,
            position=position,
            now=now,
            resolve_after=settings.resolve_after,
            still=still,
        )
        measures.transaction.observe(time.perf_counter() - began)
        done = clock()
        for moved in observed.transitions:
            if moved.arrived is not None:
                measures.detection.observe(max(0.0, (done - moved.arrived).total_seconds()))
        return observed

    return carry


def _channels(settings: Settings, client: httpx.AsyncClient, sealer: Sealer) -> dict[str, Channel]:
    found: dict[str, Channel] = {
        "webhook": Webhook(client, allow_link_local=settings.allow_link_local, unseal=sealer.unseal)
    }
    if settings.smtp_url:
        found["email"] = Email(settings.smtp_url, sender=settings.mail_from)
    return found


def _rounds(
    settings: Settings, store: Store, http: httpx.AsyncClient, sealer: Sealer, clock: Clock
) -> Rounds:
    async def deliver(client: str, samples: Sequence[Sample], now: datetime) -> None:
        body = write_request(
            [sample.labels for sample in samples],
            [milliseconds(now) if s.at_ms is None else s.at_ms for s in samples],
            [sample.value for sample in samples],
        )
        await store.append(body, port="remote_write", client=client, now=now)

    asking = (http, settings.allow_link_local, sealer.unseal)
    scraper = Scraper(*asking, store.described.tell)
    kinds: dict[str, Collector] = {"scrape": scraper, "http": Prober(*asking)}
    return Rounds(deliver, kinds, clock, host=Host() if settings.watch_host else None)


def ticks(house: House) -> Sequence[Tick]:
    """Return the table of what ticks."""
    db, clock, evaluator = house.db.share(TICKS), house.clock, house.evaluator
    heartbeat = Heartbeat(house)
    second, minute = timedelta(seconds=1), timedelta(minutes=1)

    async def relay(_: datetime) -> None:
        await outbox.relay(db, REACTIONS, clock)

    async def look_at_waits(now: datetime) -> None:
        house.look_at_waits(now)

    def due(job: Callable[[Database, Clock], Awaitable[int]]) -> Job:
        async def tick(_: datetime) -> None:
            await job(db, clock)

        return tick

    return (
        Tick("rules", second, look_at_waits),
        Tick("sweep", minute, evaluator.sweep),
        Tick("escalation", second, due(incidents.escalate_due)),
        Tick("resolution", second, due(incidents.resolve_due)),
        Tick("clocks", second, due(incidents.sla_due)),
        Tick("outbox", second, relay),
        Tick("fetch", second, house.fetch),
        Tick("pushed", timedelta(seconds=15), house.push_again),
        Tick("flush", house.settings.flush_every, house.flush),
        Tick("overflow", timedelta(seconds=5), house.flush_if_full),
        Tick("deleted", minute, house.store.upkeep.clear),
        Tick("packing", minute, house.store.upkeep.pack),
        Tick("rollups", minute, house.store.upkeep.roll),
        Tick("housekeeping", timedelta(hours=1), partial(clean, house)),
        Tick("last_used", minute, house.authorizer.write_down),
        Tick("keeper", second, house.keeper.look_after),
        Tick("heartbeat", timedelta(seconds=30), heartbeat.beat),
    )
