"""Who looks at our health without a token: this machine for itself, nobody through a proxy."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.condition import Condition, Trouble
from app.main import create_app
from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.world import World, world

PATHS = ("/healthz", "/readyz", "/metrics")


@pytest.fixture(name="house")
async def a_house(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with world(db, tmp_path, clock) as found:
        yield found


async def asked(house: World, path: str, *, of: str, address: str, **headers: str) -> int:
    transport = httpx.ASGITransport(create_app(house.house), client=(address, 1))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url=of, headers=named) as visitor:
        return (await visitor.get(path)).status_code


@pytest.mark.parametrize(
    ("of", "address"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1"),
        ("http://localhost:8080", "127.0.0.1"),
        ("http://[::1]:8080", "::1"),
    ],
)
async def test_this_machine_needs_no_token(house: World, of: str, address: str) -> None:
    for path in PATHS:
        assert await asked(house, path, of=of, address=address) != 401


@pytest.mark.parametrize(
    ("of", "address", "headers"),
    [
        ("http://127.0.0.1:8080", "10.0.0.7", {}),
        ("http://langyan.example.com", "127.0.0.1", {}),
        ("http://127.0.0.1.example.com", "127.0.0.1", {}),
        ("http://127.0.0.1:8080", "127.0.0.1", {"X_Forwarded_For": "127.0.0.1"}),
        ("http://127.0.0.1:8080", "127.0.0.1", {"X_Forwarded_Proto": "https"}),
        ("http://127.0.0.1:8080", "127.0.0.1", {"X_Real_IP": "10.0.0.7"}),
        ("http://127.0.0.1:8080", "127.0.0.1", {"Forwarded": "for=10.0.0.7"}),
        ("http://127.0.0.1:8080", "127.0.0.1", {"Via": "1.1 proxy"}),
        ("http://127.0.0.1:8080", "what a proxy says", {}),
    ],
)
async def test_whoever_comes_from_elsewhere_does(
    house: World, of: str, address: str, headers: dict[str, str]
) -> None:
    for path in PATHS:
        assert await asked(house, path, of=of, address=address, **headers) == 401


async def test_anybody_may_know_that_requests_are_welcome(
    house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"of": "http://langyan.example.com", "address": "10.0.0.7"}

    assert await asked(house, "/prometheus/-/healthy", **away) == 200
    assert await asked(house, "/prometheus/-/ready", **away) == 200

    async def unwell() -> Condition:
        return Condition([Trouble("the database is away")])

    monkeypatch.setattr(house.house, "readiness", unwell)
    assert await asked(house, "/prometheus/-/healthy", **away) == 200
    assert await asked(house, "/prometheus/-/ready", **away) == 503
