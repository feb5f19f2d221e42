"""Everything that YAML configures, made, read, changed and removed over REST."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from access.commands import make_token
from access.scope import SYSTEM, Right
from access.tables import AuditEntry
from app.configuration import KINDS
from app.configuration.examples import EXAMPLES
from tests.support.world import World

SECTIONS = list(EXAMPLES)


def place(section: str, thing: dict[str, Any] | None = None) -> str:
    thing = EXAMPLES[section][0] if thing is None else thing
    return "/".join(["/api/v1", section, *(thing[part] for part in KINDS[section].parts)])


async def token(world: World, *rights: Right, client: str | None = None) -> dict[str, str]:
    async with world.db.transaction() as tx:
        raw = await make_token(
            tx, name="t", client=client, rights=rights, by=SYSTEM, now=world.clock()
        )
    return {"Authorization": f"Bearer {raw}"}


def test_there_is_an_example_of_each_kind_and_each_is_valid() -> None:
    assert EXAMPLES.keys() == KINDS.keys()
    for section, (thing, _) in EXAMPLES.items():
        assert KINDS[section].given.model_validate(thing)


@pytest.mark.parametrize("section", SECTIONS)
async def test_what_was_made_is_read_changed_and_removed(world: World, section: str) -> None:
    thing, some = EXAMPLES[section]
    http, at = world.http, place(section)

    read = (await http.get(at)).json()
    listed = (await http.get(f"/api/v1/{section}")).json()["items"]
    changed = await http.patch(at, json={**some, "version": 1})
    replaced = await http.put(at, json={**thing, "version": 2})

    assert read in listed
    assert (read["origin"], read["version"]) == (None, 1)
    assert thing.keys() - {"secret"} <= read.keys()
    assert (changed.status_code, changed.json()["version"]) == (200, 2), changed.text
    assert replaced.json() == {**read, "version": 3}, replaced.text


@pytest.mark.parametrize("section", SECTIONS)
async def test_what_was_read_can_be_sent_back(world: World, section: str) -> None:
    read = (await world.http.get(place(section))).json()
    answer = await world.http.put(place(section), json=read)
    assert (answer.status_code, answer.json()) == (200, read), answer.text


@pytest.mark.parametrize("section", SECTIONS)
async def test_a_decision_on_an_old_version_is_refused(world: World, section: str) -> None:
    _, some = EXAMPLES[section]
    thing = EXAMPLES[section][0]
    for answer in (
        await world.http.patch(place(section), json={**some, "version": 7}),
        await world.http.put(place(section), json={**thing, "version": 7}),
        await world.http.delete(place(section, {**thing, "name": "nobody"})),
        await world.http.patch(place(section, {**thing, "name": "nobody"}), json=some),
    ):
        assert answer.status_code in (404, 409), answer.text
        if answer.status_code == 409:
            assert (answer.json()["type"], answer.json()["version"]) == (
                "/problems/changed-meanwhile",
                1,
            )


@pytest.mark.parametrize("section", SECTIONS)
async def test_each_change_is_on_record(world: World, section: str) -> None:
    one = KINDS[section].one
    await world.http.patch(place(section), json=EXAMPLES[section][1] | {"version": 1})
    async with world.db.snapshot() as session:
        mine = select(AuditEntry).where(AuditEntry.who != "config").order_by(AuditEntry.id)
        found = [entry for entry in await session.scalars(mine) if entry.did.startswith(f"{one}.")]
    assert [entry.did for entry in found] == [f"{one}.add", f"{one}.change"]
    assert found[1].facts["before"].keys() == found[1].facts["after"].keys() != set()


async def test_twelve_who_decide_at_once_are_one_who_did(world: World) -> None:
    answers = await asyncio.gather(
        *(
            world.http.patch("/api/v1/clients/shop", json={"title": f"n{number}", "version": 1})
            for number in range(12)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 11]


async def test_a_repeated_request_makes_one(world: World) -> None:
    wanted = {"name": "new", "title": "New"}
    headers = {"Idempotency-Key": "once"}
    first = await world.http.post("/api/v1/clients", json=wanted, headers=headers)
    again = await world.http.post("/api/v1/clients", json=wanted, headers=headers)
    other = await world.http.post("/api/v1/clients", json=wanted)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    assert other.json()["type"] == "/problems/name-taken"


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("clients/bolt", {"title": "B"}),
        ("schedules/bolts", {"timezone": "UTC"}),
        ("escalations/default", {"repeat": 3}),
        ("slas/standard", {"P1": {"response": "1m", "recovery": "2m"}}),
        ("thresholds/disk", {"unit": "bytes"}),
    ],
)
async def test_what_a_file_owns_is_left_to_the_file(
    world: World, path: str, changes: dict[str, Any]
) -> None:
    changed = await world.http.patch(f"/api/v1/{path}", json=changes)
    gone = await world.http.delete(f"/api/v1/{path}")
    for answer in (changed, gone):
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (409, "/problems/owned-by-file")
        assert problem["file"].endswith(".yml")
        assert problem["line"] > 0
        assert problem["origin"] == f"{problem['file']}:{problem['line']}"


@pytest.mark.parametrize(
    ("path", "changes", "field"),
    [
        ("clients/shop", {"sla": "nothing"}, "sla"),
        ("clients/shop", {"escalation": "nothing"}, "escalation"),
        ("clients/shop", {"timezone": "Mars/Olympus"}, "timezone"),
        ("clients/shop", {"title": "a\x00b"}, "title"),
        ("clients/shop", {"overrides": {"nothing": {"P1": {"above": 1}}}}, "overrides.nothing"),
        ("clients/shop", {"overrides": {"host-load": {"P1": {"above": 10**40}}}}, "overrides"),
        ("clients/shop", {"overrides": {"host-load": {"P9": None}}}, "overrides.host-load"),
        ("clients/shop", {"nothing": 1}, "nothing"),
        ("systems/shop/pos", {"match": {"job": "("}}, "match.job"),
        ("systems/shop/pos", {"match": {"drill": "x"}}, "match.drill"),
        ("systems/shop/pos", {"escalation": "nothing"}, "escalation"),
        ("schedules/primary", {"layers": [{"people": ["nobody"]}]}, "layers.0.people.0"),
        ("schedules/primary", {"layers": [{"handoff": "25:99"}]}, "layers.0"),
        ("escalations/shop", {"steps": [{"notify": ["person:nobody"]}]}, "steps.0.notify.0"),
        ("escalations/shop", {"steps": []}, "steps"),
        ("escalations/shop", {"steps": [{"notify": ["role:admin"], "wait": "400d"}]}, "steps.0"),
        ("slas/gold", {"P1": {"response": "2h", "recovery": "1h"}}, "P1"),
        ("targets/shop/pos-db", {"system": "nothing"}, "system"),
        ("targets/shop/pos-db", {"url": "ftp://x"}, "url"),
        ("targets/shop/pos-db", {"url": "http://a:b@10.0.0.5/"}, "url"),
        ("targets/shop/pos-db", {"interval": "1ms"}, ""),
        ("targets/shop/pos-db", {"labels": {"client": "x"}}, "labels.client"),
        ("targets/shop/pos-db", {"secret": "two\nlines"}, "secret"),
        ("targets/shop/pos-db", {"secret_env": "HOME"}, ""),
        ("thresholds/queue-length", {"expr": "sum by ("}, "expr"),
        ("thresholds/queue-length", {"expr": "absent(x)"}, "expr"),
        ("thresholds/queue-length", {"clients": ["nobody"]}, "clients.0"),
        ("thresholds/queue-length", {"clients": []}, "clients"),
        ("thresholds/queue-length", {"systems": ["nothing"]}, "systems.0"),
        ("thresholds/queue-length", {"P2": None, "P3": None, "absent": None}, ""),
        ("thresholds/queue-length", {"P2": {"above": 1, "below": 2}}, "P2"),
    ],
)
async def test_a_mistake_is_refused_and_its_field_named(
    world: World, path: str, changes: dict[str, Any], field: str
) -> None:
    answer = await world.http.patch(f"/api/v1/{path}", json=changes)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/invalid"), problem
    alone = [{"field": problem.get("field", ""), "reason": problem["detail"]}]
    told = problem.get("errors", alone)
    assert told[0]["field"].startswith(field), problem
    assert told[0]["reason"]


async def test_every_mistake_is_named_at_once(world: World) -> None:
    wrong = {"name": "x", "title": "X", "sla": "no", "escalation": "no"}
    answer = await world.http.post("/api/v1/clients", json=wrong)
    assert {one["field"] for one in answer.json()["errors"]} == {"sla", "escalation"}


@pytest.mark.parametrize(
    ("path", "by"),
    [
        ("clients/shop", ["system shop/pos", "target shop/pos-db", "threshold queue-length"]),
        ("schedules/primary", ["escalation shop"]),
        ("escalations/shop", ["client shop", "system shop/pos"]),
        ("slas/gold", ["client shop"]),
        ("systems/shop/pos", ["target shop/pos-db", "threshold queue-length"]),
        ("thresholds/queue-length", ["client shop"]),
    ],
)
async def test_what_is_still_named_is_not_removed(world: World, path: str, by: list[str]) -> None:
    overrides = {"queue-length": {"P2": {"above": 2000}}}
    client = {"sla": "gold", "escalation": "shop", "overrides": overrides}
    for at, changes in (
        ("clients/shop", client),
        ("systems/shop/pos", {"escalation": "shop"}),
        ("thresholds/queue-length", {"systems": ["shop/pos"]}),
    ):
        changed = await world.http.patch(f"/api/v1/{at}", json=changes)
        assert changed.is_success, changed.text
    answer = await world.http.delete(f"/api/v1/{path}")
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/in-use"), problem
    assert problem["by"] == by


async def test_what_nothing_names_is_gone(world: World) -> None:
    for section in (
        *("thresholds", "escalations", "slas", "schedules"),
        *("targets", "systems", "clients"),
    ):
        gone = await world.http.delete(place(section), params={"version": 1})
        assert gone.status_code == 204, gone.text
        assert (await world.http.get(place(section))).status_code == 404


async def test_a_change_that_breaks_something_else_is_refused(world: World) -> None:
    overrides = {"queue-length": {"P2": {"for": "1m"}}}
    await world.http.patch("/api/v1/clients/shop", json={"overrides": overrides})
    answer = await world.http.patch("/api/v1/thresholds/queue-length", json={"P2": None})
    assert (answer.status_code, answer.json()["by"]) == (409, ["client shop"]), answer.text


async def test_a_name_does_not_change(world: World) -> None:
    renamed = {**EXAMPLES["slas"][0], "name": "silver"}
    answer = await world.http.put("/api/v1/slas/gold", json=renamed)
    assert (answer.status_code, answer.json()["field"]) == (422, "name")


async def test_an_admin_of_one_client_changes_that_client_alone(world: World) -> None:
    await world.http.post("/api/v1/clients", json={"name": "else", "title": "Else"})
    narrow = await token(world, Right.ADMIN, client="shop")
    asked = [
        await world.http.patch("/api/v1/clients/shop", json={"title": "Mine"}, headers=narrow),
        await world.http.patch(
            "/api/v1/thresholds/queue-length", json={"unit": "messages"}, headers=narrow
        ),
        await world.http.patch("/api/v1/clients/else", json={"title": "x"}, headers=narrow),
        await world.http.post("/api/v1/clients", json={"name": "y", "title": "Y"}, headers=narrow),
        await world.http.patch(
            "/api/v1/thresholds/queue-length", json={"clients": None}, headers=narrow
        ),
        await world.http.patch("/api/v1/slas/gold", json=EXAMPLES["slas"][1], headers=narrow),
        await world.http.delete("/api/v1/escalations/shop", headers=narrow),
    ]
    assert [answer.status_code for answer in asked] == [200, 200, 404, 403, 403, 404, 404]


async def test_a_reader_sees_what_holds_for_its_own_client(world: World) -> None:
    rule = {"name": "two", "expr": "x", "P1": {"above": 1}, "clients": ["shop", "bolt"]}
    await world.http.post("/api/v1/thresholds", json=rule)
    narrow = await token(world, Right.READ, client="bolt")

    async def names(section: str) -> list[str]:
        answer = await world.http.get(f"/api/v1/{section}", headers=narrow)
        return [thing["name"] for thing in answer.json()["items"]]

    assert await names("clients") == ["bolt"]
    assert await names("systems") == []
    assert await names("slas") == ["standard"]
    assert await names("schedules") == await names("escalations") == []
    two = await world.http.get("/api/v1/thresholds/two", headers=narrow)
    assert two.json()["clients"] == ["bolt"]
    assert (await world.http.get(place("thresholds"), headers=narrow)).status_code == 404


async def test_a_list_goes_on_where_its_page_ended(world: World) -> None:
    for section in SECTIONS:
        whole = (await world.http.get(f"/api/v1/{section}")).json()["items"]
        seen: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            asked: dict[str, str | int] = {"limit": 1, "cursor": cursor}
            page = (await world.http.get(f"/api/v1/{section}", params=asked)).json()
            seen, cursor = [*seen, *page["items"]], page["next"]
        assert seen == whole


async def test_an_override_is_listed_and_taken_back(world: World) -> None:
    at = "/api/v1/schedules/primary/overrides"
    standing_in = {
        "person": "han",
        "starts_at": "2026-11-02T13:00:00Z",
        "ends_at": "2026-11-02T14:00:00Z",
    }
    made = (await world.http.post(at, json=standing_in)).json()
    assert (await world.http.get(at)).json()["items"] == [made]
    assert (await world.http.delete(f"{at}/{made['id']}")).status_code == 204
    assert (await world.http.delete(f"{at}/{made['id']}")).status_code == 404
    assert (await world.http.get(at)).json()["items"] == []
