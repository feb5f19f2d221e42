"""Incidents over REST, for those who may and those who may not."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from access.scope import Right
from incidents.api.verbs import router
from incidents.lifecycle import What
from tests.support.access import Doors
from tests.support.incidents import P1, P3, House

AT_LEAST = {
    *("number", "title", "client", "system", "priority", "status", "opened_at"),
    *("acknowledged_at", "acknowledged_by", "resolved_at", "sla", "alerts", "timeline", "version"),
}
LIST = "/api/v1/incidents"
FIRST = f"{LIST}/1"
VERBS = ("acknowledge", "unacknowledge", "resolve", "escalate", "reopen", "notes")


class Api:
    """Programs with tokens of their own, in front of the routes."""

    def __init__(self, world: House) -> None:
        self.doors = Doors(world.db, world.clock)
        self.doors.app.include_router(router)

    @asynccontextmanager
    async def program(
        self, name: str, *rights: Right, client: str | None = None
    ) -> AsyncIterator[httpx.AsyncClient]:
        """Let a program in that may do this much."""
        token = await self.doors.gives(name, rights, client)
        async with self.doors.visitor(Authorization=f"Bearer {token}") as visitor:
            yield visitor


@pytest.fixture
def api(world: House) -> Api:
    return Api(world)


@pytest.fixture
async def li(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.program("li-token", Right.READ, Right.WORK) as visitor:
        yield visitor


@pytest.fixture
async def han(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.program("han-token", Right.READ, Right.WORK) as visitor:
        yield visitor


async def test_an_incident_reads_as_the_manual_says(world: House, li: httpx.AsyncClient) -> None:
    await world.fires("disk")
    world.clock.advance(seconds=90)

    answer = await li.get(FIRST)

    body = answer.json()
    assert body.keys() >= AT_LEAST
    assert (body["number"], body["title"], body["status"]) == (1, "disk 告警", "triggered")
    assert body["opened_at"] == "2026-11-02T12:00:00Z"
    assert set(body["sla"]) == {"response", "recovery"}
    response = body["sla"]["response"]
    assert response["due_at"] == "2026-11-02T12:15:00Z"
    assert (response["state"], response["elapsed_seconds"]) == ("running", 90)
    assert body["alerts"][0]["labels"] == {"instance": "disk"}
    assert [line["what"] for line in body["timeline"]] == ["opened", "escalated"]


async def test_what_the_webhook_posts_has_the_incident_and_signed_links(world: House) -> None:
    await world.fires("disk")
    (call,) = world.telling.phone.calls
    assert call.json["event"] == "triggered"
    assert call.json["idempotency_key"] == call.key
    assert call.json["incident"].keys() >= AT_LEAST
    assert call.json["alerts"] == call.json["incident"]["alerts"]
    assert call.json["links"]["page"] == "http://langyan.test/incidents/1"
    assert call.json["links"]["acknowledge"].startswith("http://langyan.test/acknowledge/")


async def test_an_incident_another_has_is_refused_as_a_problem(
    world: House, li: httpx.AsyncClient, han: httpx.AsyncClient
) -> None:
    await world.fires("disk")
    assert (await li.post(f"{FIRST}/acknowledge")).json()["status"] == "acknowledged"
    again = (await li.post(f"{FIRST}/acknowledge")).json()
    assert again["message"] == "already acknowledged"

    answer = await han.post(f"{FIRST}/acknowledge")

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/incident-move-not-allowed"


async def test_of_twelve_programs_one_gets_the_incident(world: House, api: Api) -> None:
    await world.fires("disk")

    async def tries(n: int) -> int:
        async with api.program(f"t{n}", Right.WORK) as visitor:
            return (await visitor.post(f"{FIRST}/acknowledge")).status_code

    assert Counter(await asyncio.gather(*(tries(n) for n in range(12)))) == {200: 1, 409: 11}


async def test_the_whole_life_of_an_incident(world: House, li: httpx.AsyncClient) -> None:
    await world.fires("disk")
    story = []
    for verb in ("acknowledge", "unacknowledge", "escalate", "resolve", "reopen"):
        answer = await li.post(f"{FIRST}/{verb}", json={"reason": "so it is"})
        assert answer.status_code == 200, answer.text
        story.append(answer.json()["status"])
    assert story == ["acknowledged", "triggered", "triggered", "resolved", "triggered"]


async def test_a_note_under_one_key_is_written_once(world: House, li: httpx.AsyncClient) -> None:
    await world.fires("disk")
    key = {"Idempotency-Key": "k1"}
    first = await li.post(f"{FIRST}/notes", json={"text": "looking"}, headers=key)
    again = await li.post(f"{FIRST}/notes", json={"text": "looking"}, headers=key)
    other = await li.post(f"{FIRST}/notes", json={"text": "found"}, headers=key)
    assert (first.status_code, again.json()) == (200, first.json())
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert (await world.story()).count(What.NOTE) == 1


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001, "a\0b"])
async def test_a_note_has_one_to_four_thousand_characters(
    world: House, li: httpx.AsyncClient, text: str
) -> None:
    await world.fires("disk")
    answer = await li.post(f"{FIRST}/notes", json={"text": text})
    assert (answer.status_code, answer.json()["field"]) == (422, "text")


async def test_a_decision_on_an_old_version_is_refused(world: House, li: httpx.AsyncClient) -> None:
    await world.fires("disk")
    tag = (await li.get(FIRST)).headers["ETag"]
    await li.post(f"{FIRST}/escalate")
    by_header = await li.post(f"{FIRST}/resolve", headers={"If-Match": tag})
    by_body = await li.post(f"{FIRST}/resolve", json={"version": 1})
    for answer in (by_header, by_body):
        assert answer.status_code == 409
        assert answer.json()["type"] == "/problems/incident-version-passed"
    fresh = (await li.get(FIRST)).headers["ETag"]
    assert (await li.post(f"{FIRST}/resolve", headers={"If-Match": fresh})).status_code == 200


async def test_a_list_is_filtered_and_turned_page_by_page(
    world: House, li: httpx.AsyncClient
) -> None:
    for n, priority in enumerate((P1, P3, P1, P3, P3)):
        await world.fires("disk", priority=priority, system=f"s{n}")
    await li.post(f"{LIST}/5/acknowledge")

    seen, cursor = [], ""
    while True:
        page = await li.get(LIST, params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += [item["number"] for item in page.json()["items"]]
        cursor = page.json()["next"]
        if cursor is None:
            break

    assert seen == [5, 4, 3, 2, 1]
    found = await li.get(LIST, params={"status": "triggered", "priority": "P3", "client": "acme"})
    assert [item["number"] for item in found.json()["items"]] == [4, 2]
    assert found.json()["items"][0].keys() >= AT_LEAST
    assert (await li.get(LIST, params={"client": "bolt"})).json() == {"items": [], "next": None}
    assert (await li.get(LIST, params={"status": "burning"})).status_code == 422


@pytest.mark.parametrize("verb", VERBS)
async def test_who_may_only_read_changes_nothing(world: House, api: Api, verb: str) -> None:
    await world.fires("disk")
    async with api.program("reader", Right.READ) as reader:
        assert (await reader.get(FIRST)).status_code == 200
        answer = await reader.post(f"{FIRST}/{verb}", json={"text": "x"} if verb == "notes" else {})
        assert answer.status_code == 403


@pytest.mark.parametrize("verb", VERBS)
async def test_another_clients_incident_is_not_found(world: House, api: Api, verb: str) -> None:
    await world.fires("disk")
    async with api.program("bolts", Right.READ, Right.WORK, client="bolt") as bolt:
        assert (await bolt.get(FIRST)).status_code == 404
        assert (await bolt.get(LIST)).json()["items"] == []
        answer = await bolt.post(f"{FIRST}/{verb}", json={"text": "x"} if verb == "notes" else {})
        assert answer.status_code == 404


async def test_who_only_sends_samples_sees_nothing(world: House, api: Api) -> None:
    await world.fires("disk")
    async with api.program("agent", Right.INGEST) as agent:
        assert (await agent.get(FIRST)).status_code == 403
        assert (await agent.get(LIST)).status_code == 403
    async with api.doors.visitor() as stranger:
        assert (await stranger.get(FIRST)).status_code == 401


async def test_a_clock_is_paused_and_goes_on(world: House, li: httpx.AsyncClient) -> None:
    await world.fires("disk")
    clock = f"{FIRST}/clocks/recovery"
    paused = await li.post(f"{clock}/pause", json={"reason": "waits for acme"})
    assert paused.json()["sla"]["recovery"]["state"] == "paused"
    world.clock.advance(minutes=10)
    resumed = (await li.post(f"{clock}/resume")).json()["sla"]["recovery"]
    assert (resumed["state"], resumed["elapsed_seconds"]) == ("running", 0)
    world.clock.advance(minutes=10)
    span = {"since": "2026-11-02T12:10:00Z", "until": "2026-11-02T12:15:00Z", "reason": "drill"}
    cut = (await li.post(f"{clock}/exclude", json=span)).json()["sla"]["recovery"]
    assert cut["elapsed_seconds"] == 300
    again = await li.post(f"{clock}/resume")
    assert again.json()["type"] == "/problems/sla-clock-stands"


@pytest.mark.parametrize("tag", ["soon", "\u00b2", "9" * 5000])
async def test_a_version_that_is_none_is_refused_politely(
    world: House, li: httpx.AsyncClient, tag: str
) -> None:
    await world.fires("disk")
    answer = await li.post(f"{FIRST}/resolve", headers={b"If-Match": tag.encode("latin-1")})
    assert (answer.status_code, answer.json()["field"]) == (422, "If-Match")
