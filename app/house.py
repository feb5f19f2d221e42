"""The house with all its parts: how it opens, what it watches, how it closes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from starlette.types import ASGIApp

from access import queries as access
from access.authorizer import Authorizer
from access.directory import Directory
from access.passwords import Passwords
from access.sso.provider import Provider
from alerting import queries as alerting
from alerting.evaluator import Evaluator
from alerting.groups.rules import FileRule, compiled
from alerting.groups.units import Unit, units
from alerting.share import NOTHING, WHOLE, Share
from alerting.thresholds import CompiledRule
from app import vigil
from app.condition import Condition
from app.keeper import Keeper
from app.leading import Lead
from app.measures import Measures
from app.pages.views import BoardPage
from app.people.inviting import Inviting
from app.scheduler import Scheduler
from collectors.jobs import Rounds
from collectors.turns import TargetFacts
from kit import live
from kit.clock import Clock
from kit.db import UNREACHED, Database
from kit.drawn import Drawn
from kit.lately import Lately
from kit.notices import Notices
from kit.pages import Pages
from kit.sealing import Sealer
from kit.settings import Settings
from kit.signing import Signer
from metrics.engine.forwarding import Forwarder
from metrics.engine.tailing import Tail
from metrics.pushed.gateway import Gateway
from metrics.store import Store
from notifications import queries as notifications
from notifications.schemas import Muted
from notifications.sender import Sender

if TYPE_CHECKING:
    from access.tables import Target

log = logging.getLogger(__name__)

CONFIG = "config"
ACCESS = "access"
LATELY = 1.0
BOARD_STANDS, BOARDS_MOST = timedelta(seconds=0.5), 64
"""How long a board may be shown again while nothing is announced: machines and clocks move on;
and how many kinds of reader it is kept for."""
STANDING_BY = timedelta(seconds=15)
"""Whoever stands by keeps the samples of so long: more than it takes to take over."""
OVERLAP = timedelta(seconds=2)
"""What another replica may have left unevaluated when it was last heard of."""

Loop = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class House:
    """Everything that serves, put together by `app.wiring`."""

    settings: Settings
    version: str
    clock: Clock
    db: Database
    http: httpx.AsyncClient
    webhooks: httpx.AsyncClient
    notices: Notices
    signer: Signer
    sealer: Sealer
    inviting: Inviting
    sso: Provider | None
    passwords: Passwords
    authorizer: Authorizer
    measures: Measures
    pages: Pages
    store: Store
    evaluator: Evaluator
    sender: Sender
    rounds: Rounds
    scheduler: Scheduler
    keeper: Keeper
    gateway: Gateway
    ports: Mapping[str, ASGIApp]
    lead: Lead | None
    """Where there may be several replicas: what of the rules is ours."""
    forwarder: Forwarder | None
    """Sends samples on, where another engine keeps them."""
    tail: Tail | None = None
    """Reads there what other replicas took."""
    directory: Directory = field(default_factory=lambda: Directory({}, ()))
    files: Sequence[FileRule] = ()
    units: Sequence[Unit] = ()
    """The groups of the files, together those that feed each other."""
    muted: Muted | None = None
    loops: Mapping[str, Loop] = field(default_factory=dict)
    """What else moves by itself, by name."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    lately: Lately[Condition] = field(init=False)
    """How the program was a moment ago: for pages, which everybody looks at."""
    boards: Drawn[BoardPage] = field(
        default_factory=lambda: Drawn(age=BOARD_STANDS, most=BOARDS_MOST)
    )
    rules: list[CompiledRule] = field(default_factory=list)
    _newest: int = 0
    _in_force: int = 0
    _share: Share = NOTHING
    _handing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.lately = Lately(self.condition, age=LATELY)

    def shared(self) -> dict[str, Any]:
        """Return what routes find on the application's state."""
        names = ("settings", "clock", "db", "notices", "signer", "passwords", "authorizer")
        more = ("pages", "store", "closing", "sealer", "inviting", "sso")
        return {"house": self, **{name: getattr(self, name) for name in (*names, *more)}}

    async def bring_up(self) -> None:
        """Fill memory: the directory, the samples of the journal, the rules and their alerts."""
        await self._read()
        await self.store.open(self.clock())
        await self.gateway.load()
        if self.lead is None:
            await self._evaluate(WHOLE)
        self._in_force = self._newest
        await self.notices.start()

    async def open(self) -> None:
        """Bring everything up, and then what moves by itself."""
        await self.bring_up()
        keep = self.keeper.keep
        keep("loop", self.measures.watch_the_loop)
        keep("authorizer", lambda: self.authorizer.watch(self.notices))
        keep("configuration", self._follow_configuration)
        keep("evaluator", self.evaluator.run)
        keep("sender", self.sender.run)
        if self.lead is not None:
            lead = self.lead
            keep("lead", lambda: lead.follow(self._evaluate))
        for name, loop in self.loops.items():
            keep(name, loop)
        self.scheduler.start()
        log.info("ready on %s", self.settings.url)

    async def warm(self) -> None:
        """Have ready what the first request would wait for: templates, connections."""
        await asyncio.to_thread(self.pages.warm)
        try:
            await self.db.warm()
        except UNREACHED as error:
            log.warning("connections are opened, and learn, when they are needed: %s", error)

    async def close(self) -> None:
        """Bring everything down in order; what is under way gets a moment to end."""
        self.begin_to_close()
        self.scheduler.close()
        await self.rounds.close()
        names = ("lead", "evaluator", "configuration", "authorizer", "loop", *self.loops)
        await self.keeper.close(*names)
        if self.lead is not None:
            await self.lead.close()
        await self.sender.close(timedelta(seconds=1))
        await self.keeper.close()
        await self.store.close()
        await self.notices.close()
        await self.http.aclose()
        await self.webhooks.aclose()

    def begin_to_close(self) -> None:
        """Tell open event streams to end."""
        self.closing.set()
        self.notices.wake(live.CHANNEL)

    @property
    def leads(self) -> bool:
        """Whether it is this process that passes verdicts on thresholds and fetches."""
        return self._share.thresholds

    async def _evaluate(self, share: Share, former: datetime | None = None) -> None:
        """Take up a part of the rules; `former` is when another last had the thresholds."""
        async with self._handing:
            begins = share.thresholds and not self._share.thresholds
            if begins and former is not None:
                self.evaluator.forget(former - OVERLAP)
                await self.gateway.load()
            if not share:
                await self.evaluator.rest()
            elif begins or self.evaluator.ready is None:
                await self._take_up(self.evaluator.start, share)
            else:
                await self._take_up(self.evaluator.reload, share)
            self._share = share

    async def _take_up(self, begin: Callable[..., Awaitable[None]], share: Share) -> None:
        version = None if self.lead is None else self._newest
        more = {"files": self.files, "share": share, "version": version, "now": self.clock()}
        await begin(self.rules, self.directory, **more)

    def look_at_waits(self, now: datetime) -> None:
        """Have the rules look at what time alone changes; whoever stands by keeps the last."""
        self.evaluator.tick(now)
        if not self.leads:
            self.evaluator.forget(now - STANDING_BY)

    async def fetch(self, now: datetime) -> None:
        """Ask the targets whose turn it is, unless another replica does."""
        if self.leads:
            await self.rounds.start_due(now)

    async def push_again(self, now: datetime) -> None:
        """Write what jobs have pushed, also to other replicas, unless one of those does."""
        if self.lead is not None and self.leads:
            await self.gateway.load()
        if self.leads:
            await self.gateway.push_again(now)

    async def reload(self) -> None:
        """Read clients, systems, rules and targets anew, and hand them on."""
        await self._read()
        self.store.forget_senders()
        async with self._handing:
            if self._share:
                await self._take_up(self.evaluator.reload, self._share)
        self._in_force = self._newest
        if self.lead is not None:
            self.lead.look_again()
        self.notices.wake(live.CHANNEL, live.CONFIGURATION)

    async def _read(self) -> None:
        async with self.db.snapshot() as session:
            self.directory = await access.directory(session)
            self.rules = await alerting.rules(session)
            self.files = list(compiled(await alerting.groups(session)))
            targets = await access.targets(session)
            self.muted = await notifications.muted(session)
            self._newest = await access.configuration_version(session)
        if self.lead is not None:
            self.units = units(self.files)
        self.rounds.targets = [facts_of(target) for target in targets]

    async def flush(self, now: datetime) -> None:
        """Write what memory alone holds to the database."""
        await self.store.flush(now)

    async def flush_if_full(self, now: datetime) -> None:
        """Do the same before its time if memory holds too much."""
        if self.store.full:
            await self.store.flush(now)

    def rules_behind(self) -> timedelta:
        """Return how old the oldest sample is that the rules have not seen."""
        return timedelta(seconds=self.evaluator.gauges(self.clock())["lag_seconds"])

    async def _follow_configuration(self) -> None:
        async with self.notices.subscribe(CONFIG) as changes:
            while True:
                async with self.db.snapshot() as session:
                    newest = await access.configuration_version(session)
                if newest == self._in_force:  # else it changed while nobody listened
                    await changes.get()
                changes.clear()
                await self.reload()

    async def condition(self) -> Condition:
        """Return whether everything that has to happen happens."""
        return await vigil.condition(self)

    async def readiness(self) -> Condition:
        """Return whether requests are welcome."""
        return await vigil.readiness(self)

    async def measure(self) -> None:
        """Bring the gauges up to date."""
        await vigil.measure(self)


def facts_of(target: "Target") -> TargetFacts:
    """Return what a fetch needs to know of a target."""
    names = ("client", "name", "kind", "url", "system", "interval_ms", "timeout_ms")
    more = ("labels", "options", "user", "secret")
    return TargetFacts(**{name: getattr(target, name) for name in (*names, *more)})
