"""All ports for samples over real HTTP, each at its path, before a real store."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from access.authorizer import token_of
from access.scope import Identity, Right, Role
from access.scope import Scope as Reach
from app.doors import Doors
from app.ports import ports
from kit.db import Database
from kit.errors import Unauthorized
from metrics.labels import Limits
from metrics.matchers import Matcher, Op
from metrics.ports.http import Reply
from metrics.pushed.gateway import Gateway
from metrics.store import Store
from tests.support.clock import FakeClock

CAPTURES = Path(__file__).parents[3] / "shared" / "conformance" / "captures" / "clients"
"""What real clients once sent, beside the checkout where there is any."""
FAR = 2**52


def _agent(name: str, *clients: str) -> Identity:
    reach = Reach(frozenset(clients) if clients else None)
    return Identity(name, "", Role.AGENT, reach, frozenset({Right.INGEST}))


TOKENS = {"acme": _agent("agent", "acme"), "bolt": _agent("other", "bolt"), "all": _agent("fleet")}


def authorize(scope: Scope) -> Identity:
    """Know whoever shows the name of a client for a token."""
    token = token_of(Headers(scope=scope))
    if token not in TOKENS:
        raise Unauthorized("no such token")
    return TOKENS[token]


class Ports:
    """The store, and a client that shows acme's token."""

    def __init__(
        self, store: Store, gateway: Gateway, http: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        self.store = store
        self.gateway = gateway
        self.http = http
        self.clock = clock

    async def found(self, client: str = "acme") -> dict[str, list[float]]:
        """Return the values of each of a client's series, by the series as people write it."""
        columns = await self.store.read([Matcher("client", Op.EQUAL, client)], 0, FAR)
        values = columns.values.tolist()
        spans = zip(columns.labels, columns.starts[:-1], columns.starts[1:], strict=True)
        return {_text(dict(labels)): values[begin:end] for labels, begin, end in spans}


def _text(labels: Mapping[str, str]) -> str:
    rest = {k: v for k, v in labels.items() if k not in ("__name__", "client")}
    inside = ",".join(f'{name}="{value}"' for name, value in sorted(rest.items()))
    return f"{labels['__name__']}{{{inside}}}" if inside else labels["__name__"]


async def _nowhere(scope: Scope, _receive: Receive, send: Send) -> None:
    await Reply(404).send(send)


@asynccontextmanager
async def served(
    folder: Path, db: Database, *, limits: Limits | None = None
) -> AsyncIterator[Ports]:
    """Serve every port on loopback."""
    clock = FakeClock()
    known = {"house", "acme", "bolt"}
    store = Store(folder, db, known_clients=lambda: known, limits=limits)
    await store.open(clock())
    gateway = Gateway(store, db, lambda: known)
    await gateway.load()
    app = Doors(_nowhere, ports(store, gateway, authorize, clock))
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": "Bearer acme"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as http:
        yield Ports(store, gateway, http, clock)
    server.should_exit = True
    await serving
    await store.close()


def recorded(name: str) -> list[dict[str, Any]]:
    """Return requests that a real client once made; the test is skipped where there are none."""
    path = CAPTURES / f"{name}.jsonl"
    if not path.exists():
        pytest.skip("no recordings beside this checkout")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
