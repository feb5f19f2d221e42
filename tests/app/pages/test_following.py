"""Pages that follow what happens: drawn anew when something they show has changed, else a tick."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.main import create_app
from app.pages import frame
from tests.support.waiting import until
from tests.support.world import World

TICK = b"event: tick\ndata: "


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "AGAIN_AFTER", 0.3)


@dataclass
class Heard:
    """What a stream has said so far, event by event."""

    said: list[bytes] = field(default_factory=list)

    @property
    def drawn(self) -> list[bytes]:
        """What was drawn, without the ticks."""
        return [each for each in self.said if not each.startswith(TICK)]

    async def says(self, count: int) -> None:
        """Wait until so much was said."""

        async def it_was() -> bool:
            return len(self.said) >= count

        await until(it_was)

    async def draws(self, count: int) -> None:
        """Wait until the page was drawn so often."""

        async def it_was() -> bool:
            return len(self.drawn) >= count

        await until(it_was)

    async def shows(self, part: bytes) -> None:
        """Wait until the page as it was drawn last has this in it."""

        async def it_has() -> bool:
            return part in self.drawn[-1]

        await until(it_has)


@asynccontextmanager
async def following(world: World, path: str) -> AsyncIterator[Heard]:
    """Follow a page until the block ends; it has been drawn once when the block begins."""
    heard = Heard()
    asked = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if asked.is_set():
            await asyncio.Event().wait()
        asked.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if body := message.get("body"):
            heard.said.append(body)

    url, sent = urlsplit(path), {**world.http.headers, "accept-language": "en"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    task = asyncio.create_task(create_app(world.house)(scope, receive, send))
    try:
        await heard.draws(1)
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("path", ["/hosts/events", "/incidents/events", "/oncall/events"])
async def test_while_nothing_changes_a_page_is_told_the_time_alone(world: World, path: str) -> None:
    await world.pushes("langyan_host_cpu_percent", 20, instance="a-1")

    async with following(world, path) as page:
        await page.says(4)

    assert len(page.drawn) == 1
    assert all(each.startswith(TICK) for each in page.said[1:])


async def test_hosts_are_drawn_again_when_one_has_sent(world: World) -> None:
    await world.pushes("langyan_host_cpu_percent", 20, instance="a-1")

    async with following(world, "/hosts/events") as page:
        await world.passes(seconds=1)
        await world.pushes("queue", 5)
        await asyncio.sleep(0.8)
        assert len(page.drawn) == 1
        await world.pushes("langyan_host_cpu_percent", 37, instance="a-1")
        await page.draws(2)

    assert b"37%" in page.drawn[-1]


async def test_an_incident_comes_into_the_list_and_leaves_it_again(world: World) -> None:
    async with following(world, "/incidents/events?priority=P2") as page:
        await world.pushes("langyan_host_cpu_percent", 95, instance="b-1")
        await page.shows(b'id="incident-1"')
        await world.acknowledges("li")
        await page.shows(b"acknowledged")

    assert b'id="incident-1"' not in page.said[0]


async def test_a_changed_schedule_is_on_the_page_at_once(world: World) -> None:
    layers = [{"rotation": "daily", "handoff": "09:00", "people": ["han"]}]
    made = {"name": "nights", "timezone": "Asia/Shanghai", "layers": layers}

    async with following(world, "/oncall/events") as page:
        answer = await world.http.post("/api/v1/schedules", json=made)
        assert answer.status_code == 201, answer.text
        await world.house.reload()
        await page.shows(b'id="schedule-nights"')


async def test_after_a_while_a_page_is_drawn_again_whatever_happened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame, "ANEW_AFTER", 0.9)

    async with following(world, "/oncall/events") as page:
        await page.draws(2)

    assert any(each.startswith(TICK) for each in page.said)
