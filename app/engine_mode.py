"""What is put together only where another engine keeps the samples (docs/engine-mode.md)."""

from collections.abc import Callable, Container

from alerting.reading import read_by, trees_of
from app.house import House, Loop
from app.leading import Around, Lead
from app.pages.hosts import MACHINES
from kit.clock import Clock
from kit.db import Database
from kit.settings import Settings
from metrics.columns import NAME
from metrics.engine.client import Engine
from metrics.engine.store import EngineStore
from metrics.engine.tailing import Tail
from metrics.journal import Sync
from metrics.load import limits_here
from metrics.matchers import Matcher, one_of

MEBIBYTE = 1024 * 1024


def engine(settings: Settings) -> Engine:
    """Return the engine that the settings name."""
    token = settings.metrics_token
    return Engine(
        settings.metrics_url or "",
        write_url=settings.metrics_write_url,
        token=token.get_secret_value() if token else None,
    )


def store(
    settings: Settings, db: Database, known: Callable[[], Container[str]], clock: Clock
) -> EngineStore:
    """Return a store whose samples stay in that engine."""
    return EngineStore(
        settings.data_dir / "samples",
        db,
        engine(settings),
        clock=clock,
        known_clients=known,
        buffer=settings.metrics_buffer * MEBIBYTE,
        limits=limits_here(settings.series_per_client),
        sync=Sync(settings.journal_sync.value),
        retention=settings.retention,
    )


def lead(store: EngineStore, db: Database, clock: Clock, house: Callable[[], House]) -> Lead:
    """Return what says which of the rules are ours."""

    def caught_up() -> bool:
        tail = house().tail
        return tail is not None and tail.caught_up

    around = Around(lambda: house().units, caught_up, lambda: house().evaluator.quiet)
    return Lead(db.share(1), store.replica, clock, around)


def loops(house: House) -> dict[str, Loop]:
    """Return what moves by itself there: samples to the engine, and other replicas' from it."""
    samples, lead = house.store, house.lead
    if not isinstance(samples, EngineStore) or lead is None:
        return {}

    kept: tuple[object, list[list[Matcher]]] = (None, [])

    def looked_at() -> list[list[Matcher]]:
        nonlocal kept
        if kept[0] is not house.rules:
            trees = [*trees_of(house.rules), *(rule.own for rule in house.files)]
            kept = house.rules, [*read_by(trees), [one_of(NAME, MACHINES)]]
        return kept[1]

    tail = house.tail = Tail(samples, looked_at, needed=lambda: lead.others > 0, clock=house.clock)
    return {"forwarding": samples.forwarder.run, "tail": tail.run}
