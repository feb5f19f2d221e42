"""The doors for samples over real HTTP: what is kept is a 204, every no is a problem."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from cramjam import snappy, zstd
from starlette.types import Receive, Scope, Send

from access.scope import Identity, Right, Role
from access.scope import Scope as Reach
from kit.clock import milliseconds
from kit.db import Database
from kit.errors import Unauthorized
from metrics.labels import Limits
from metrics.matchers import Matcher, Op
from metrics.ports.encode import message, request_2, write_request
from metrics.ports.http import Door
from metrics.ports.samples import Samples
from metrics.ports.write import RemoteWrite
from metrics.store import Store
from tests.support.clock import NOON, FakeClock
from tests.support.samples import points, series

MS = milliseconds(NOON)
DISK = series("disk", host="a")
SNAPPY = {"content-encoding": "snappy", "content-type": "application/x-protobuf"}
BODY = write_request([DISK], [MS], [97.0])
VERSION_2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
ZSTD = bytes(zstd.compress(message([DISK], [MS], [97.0])))
TOKENS = {
    "acme": Identity(
        "agent", "", Role.AGENT, Reach(frozenset({"acme"})), frozenset({Right.INGEST})
    ),
    "all": Identity("fleet", "", Role.AGENT, Reach(None), frozenset({Right.INGEST})),
    "two": Identity(
        "two", "", Role.AGENT, Reach(frozenset({"acme", "house"})), frozenset({Right.INGEST})
    ),
    "reader": Identity(
        "reader", "", Role.AGENT, Reach(frozenset({"acme"})), frozenset({Right.READ})
    ),
}


def authorize(scope: Scope) -> Identity:
    headers = dict(scope["headers"])
    token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
    if token not in TOKENS:
        raise Unauthorized("no such token")
    return TOKENS[token]


class Served:
    """A store behind both doors on loopback."""

    def __init__(self, store: Store, http: httpx.AsyncClient) -> None:
        self.store = store
        self.http = http

    async def write(
        self, body: bytes = BODY, *, token: str = "acme", **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**SNAPPY, "authorization": f"Bearer {token}", **named}
        return await self.http.post("/write", content=body, headers=sent)

    async def values(self, client: str) -> list[float]:
        found = await self.store.read([Matcher("client", Op.EQUAL, client)], 0, MS * 2)
        return [value for of in points(found).values() for _, value in of]


@pytest.fixture
async def served(tmp_path: Path, db: Database) -> AsyncIterator[Served]:
    clock = FakeClock()
    limits = Limits(body_bytes=10_000)
    store = Store(tmp_path, db, known_clients=lambda: {"house", "acme"}, limits=limits)
    await store.open(clock())
    doors: dict[str, Door] = {
        "/write": RemoteWrite(store, authorize, clock),
        "/samples": Samples(store, authorize, clock),
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await doors[scope["path"]](scope, receive, send)

    config = uvicorn.Config(app, port=0, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        yield Served(store, http)
    server.should_exit = True
    await serving
    await store.close()


async def test_a_request_that_is_kept_is_a_204(served: Served) -> None:
    answer = await served.write()
    assert (answer.status_code, answer.content) == (204, b"")
    assert await served.values("acme") == [97.0]


async def test_a_partly_bad_request_is_a_400_and_its_good_samples_are_kept(
    served: Served,
) -> None:
    labels = [DISK, series("future"), series("nul", a="\0")]
    answer = await served.write(write_request(labels, [MS, MS + 86_400_000, MS], [1.0, 2.0, 3.0]))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["kept"], problem["refused"]) == (1, 2)
    assert problem["type"] == "/problems/samples-refused"
    assert await served.values("acme") == [1.0]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"token": "stranger"}, BODY, 401, id="an unknown token"),
        pytest.param({"token": "reader"}, BODY, 403, id="a token that may only read"),
        pytest.param({"token": "two"}, BODY, 403, id="a token of two clients"),
        pytest.param({"content_encoding": "gzip"}, BODY, 415, id="gzip"),
        pytest.param({"content_encoding": ""}, BODY, 415, id="no compression"),
        pytest.param({"content_type": "text/plain"}, BODY, 415, id="text"),
        pytest.param({"content_type": VERSION_2}, BODY, 400, id="1.0 that says it is 2.0"),
        pytest.param(
            {"content_type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"},
            BODY,
            415,
            id="remote write 3.0",
        ),
        pytest.param(
            {"x_prometheus_remote_write_version": "2.0.0"}, BODY, 415, id="2.0 without its name"
        ),
        pytest.param({"content_encoding": "zstd"}, ZSTD, 204, id="zstd, as vmagent sends it"),
        pytest.param(
            {"content_type": "application/x-protobuf;proto=prometheus.WriteRequest"},
            BODY,
            204,
            id="remote write 1.0 by its name",
        ),
        pytest.param({"x_prometheus_remote_write_version": "0.1.0"}, BODY, 204, id="version"),
        pytest.param({}, b"nonsense", 400, id="nonsense"),
        pytest.param({}, bytes(snappy.compress_raw(bytes(10_001))), 413, id="a bomb"),
        pytest.param({}, bytes(10_001), 413, id="a long body"),
    ],
)
async def test_every_no_has_its_number(
    served: Served, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await served.write(body, **headers)
    assert answer.status_code == status
    if status != 204:
        assert answer.json()["status"] == status
        assert await served.values("acme") == []


WRITTEN = "x-prometheus-remote-write-{}-written"


async def test_remote_write_2_says_exactly_what_was_written(served: Served) -> None:
    labels = [DISK, series("future"), series("nul", a="\0")]
    good = bytes(snappy.compress_raw(request_2([DISK], [MS], [97.0])))
    mixed = request_2(labels, [MS + 1, MS + 86_400_000, MS], [98.0, 2.0, 3.0])
    for body, status, samples in (
        (good, 204, "1"),
        (bytes(snappy.compress_raw(mixed)), 400, "1"),
        (b"nonsense", 400, "0"),
    ):
        answer = await served.write(body, content_type=VERSION_2)
        assert answer.status_code == status
        assert answer.headers[WRITTEN.format("samples")] == samples
        assert answer.headers[WRITTEN.format("histograms")] == "0"
        assert answer.headers[WRITTEN.format("exemplars")] == "0"
    assert await served.values("acme") == [97.0, 98.0]


async def test_remote_write_1_has_no_such_headers(served: Served) -> None:
    assert WRITTEN.format("samples") not in (await served.write()).headers


async def test_a_body_without_a_length_is_capped_while_it_comes(served: Served) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield bytes(1000)

    headers = {**SNAPPY, "authorization": "Bearer acme"}
    answer = await served.http.post("/write", content=endless(), headers=headers)
    assert answer.status_code == 413


async def test_overload_says_when_to_come_again(served: Served) -> None:
    served.store.journal.spare_bytes = 2**62
    answer = await served.write()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


async def test_get_is_not_spoken(served: Served) -> None:
    answer = await served.http.get("/write")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_token_for_all_writes_for_the_client_it_names(served: Served) -> None:
    labels = [series("disk", client="acme"), DISK]
    assert (await served.write(write_request(labels, [MS, MS], [1.0, 2.0]), token="all")).is_success
    assert (await served.values("acme"), await served.values("house")) == ([1.0], [2.0])


async def test_scripts_send_json(served: Served) -> None:
    headers = {"authorization": "Bearer acme"}
    body = {"samples": [{"name": "disk", "labels": {"host": "a"}, "value": 97}]}
    assert (await served.http.post("/samples", json=body, headers=headers)).status_code == 204
    assert await served.values("acme") == [97.0]

    answer = await served.http.post("/samples", json={"samples": [{}]}, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, "samples[0].name")
