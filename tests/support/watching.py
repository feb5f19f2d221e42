"""A store, an evaluator and the transaction between them, in domain words; no server."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from access.directory import ClientFacts, Directory, SystemFacts
from alerting import commands
from alerting.evaluator import Evaluator
from alerting.schemas import Observation, Observed, Transition
from alerting.thresholds import CompiledRule
from kit.db import Database, lock
from metrics.batch import Position
from metrics.store import Store
from tests.support.clock import FakeClock

CLIENTS = ("acme", "bolt", "house")


def directory(**overrides: object) -> Directory:
    """Return three clients with a core system `pos` each; `overrides` are acme's."""
    clients = {
        name: ClientFacts(name, name, overrides=overrides if name == "acme" else {})  # type: ignore[arg-type]
        for name in CLIENTS
    }
    systems = [SystemFacts(name, "pos", "POS", core=True) for name in CLIENTS]
    return Directory(clients, tuple(systems))


class Watching:
    """The path from a sample to the alert rows, as `app.pipeline` composes it without incidents."""

    def __init__(self, db: Database, folder: Path, clock: FakeClock) -> None:
        self.db, self.clock = db, clock
        self.heard: list[Transition] = []
        self.carried: list[tuple[str, int]] = []
        self.directory = directory()
        self.store = Store(folder, db, known_clients=lambda: CLIENTS, adopt=True)
        self.evaluator = Evaluator(self.store, db, self.carry, clock=clock)

    async def open(self, *rules: CompiledRule) -> None:
        """Start as the program does: the store, then the rules."""
        self.rules = list(rules)
        await self.store.open(self.clock())
        await self.evaluator.start(self.rules, self.directory, now=self.clock())
        await self.evaluator.settle()

    async def close(self) -> None:
        """Stop as the program does."""
        await self.evaluator.settle()
        await self.store.close()

    async def pushes(
        self, name: str, value: float | str, *, ago: float = 0, client: str = "acme", **labels: str
    ) -> None:
        """Take one sample and evaluate it."""
        await self.takes(name, value, ago=ago, client=client, **labels)
        await self.evaluator.settle()

    async def takes(
        self, name: str, value: float | str, *, ago: float = 0, client: str = "acme", **labels: str
    ) -> None:
        """Take one sample, and leave it waiting."""
        at = self.clock() - timedelta(seconds=ago)
        sample = {"name": name, "labels": labels, "value": value, "at": at.isoformat()}
        body = orjson.dumps({"samples": [sample]})
        await self.store.append(body, port="samples", client=client, now=self.clock())

    async def passes(self, **length: float) -> None:
        """Let time go by, and tick once at its end."""
        self.clock.advance(**length)
        self.evaluator.tick(self.clock())
        await self.evaluator.settle()

    async def sweeps(self) -> None:
        """Sweep, as each minute."""
        await self.evaluator.sweep(self.clock())
        await self.evaluator.settle()

    @property
    def told(self) -> list[str]:
        """What people would have heard: `acme disk fired P2`."""
        return [f"{t.client} {t.rule} {t.kind} {t.priority or '-'}" for t in self.heard]

    async def carry(
        self,
        client: str,
        seen: Sequence[Observation],
        /,
        *,
        position: Position | None,
        now: datetime,
    ) -> Observed:
        """Carry one client's observations in one transaction, without incidents."""
        async with self.db.transaction() as tx:
            await lock(tx, "client", client)
            done = await commands.observe(tx, client, seen, position=position, now=now)
        self.heard.extend(done.transitions)
        self.carried.append((client, len(seen)))
        return done
