"""What is configured is made, changed and removed by forms; what was wrong stands at its field."""

import re

import pytest

from tests.support.forms import GOOD, POLICY, fields_of, made, send
from tests.support.reading import read
from tests.support.world import World


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_new_one_begins_with_a_form(world: World, kind: str, language: str) -> None:
    page = await read(world, f"/admin/{kind}/new", language)

    assert page.status == 200
    assert f'action="/admin/{kind}/new"' in page.markup
    assert "<template>" in page.markup or kind in ("clients", "thresholds", "slas")


@pytest.mark.parametrize("kind", GOOD)
async def test_what_was_made_is_kept_as_its_form_says_and_removed_when_asked(
    world: World, kind: str
) -> None:
    path = await made(world, kind)

    page = await read(world, path)
    assert "Really remove" in page.words
    sent = fields_of(page)
    before = (await world.http.get(path.replace("/admin", "/api/v1"))).json()
    assert (await send(world, path, sent)).status == 303
    after = (await world.http.get(path.replace("/admin", "/api/v1"))).json()
    assert after == before  # sending it back changes nothing

    gone = await send(world, f"{path}/remove", {"version": sent["version"]})
    assert gone.status == 303
    assert (await read(world, path)).status == 404


@pytest.mark.parametrize("kind", GOOD)
async def test_a_name_that_is_taken_is_told_at_the_name(world: World, kind: str) -> None:
    await made(world, kind)

    page = await send(world, f"/admin/{kind}/new", GOOD[kind][1])

    assert page.status == 409
    assert 'id="wrong-name"' in page.markup
    assert "1 thing" in page.words or "Look" in page.words or "field" in page.words


@pytest.mark.parametrize("kind", GOOD)
async def test_a_form_without_anything_is_refused_with_what_was_typed(
    world: World, kind: str
) -> None:
    page = await send(world, f"/admin/{kind}/new", {"name": "Not A Name", "title": "Typed"})

    assert page.status == 422
    assert 'value="Not A Name"' in page.markup
    assert 'role="alert"' in page.markup


@pytest.mark.parametrize(
    ("kind", "change", "place"),
    [
        ("clients", {"timezone": "Mars/Olympus"}, "timezone"),
        ("clients", {"sla": "nothing"}, "sla"),
        ("systems", {"match.0.text": "wms["}, "match"),
        ("systems", {"match.0.label": "client"}, "match"),
        ("targets", {"timeout": "1h"}, ""),
        ("targets", {"url": "ftp://x"}, "url"),
        ("thresholds", {"expr": "sum(("}, "expr"),
        ("thresholds", {"recover.limit": "3000"}, ""),
        ("thresholds", {"P1.limit": "many"}, "P1"),
        ("thresholds", {"P1.for": "soon"}, "P1.for"),
        ("schedules", {"layers.0.people": "ghost"}, "layers.0.people"),
        ("schedules", {"layers.0.rotation": "every", "layers.0.every": "1m"}, "layers.0.rotation"),
        ("schedules", {"layers.0.time": "late"}, "layers.0"),
        ("schedules", {"layers.0.start": "someday"}, "layers.0.start"),
        ("escalations", {"steps.4.wait": "soon"}, "steps.1.wait"),
        ("escalations", {"steps.4.notify": ""}, "steps.1.notify"),
        ("escalations", {"steps.4.notify": "person:ghost"}, "steps.1.notify"),
        ("slas", {"P1.response": "2h"}, "P1"),
        ("slas", {"P2.recovery": "x"}, "P2.recovery"),
    ],
)
async def test_what_is_wrong_stands_at_its_field(
    world: World, kind: str, change: dict[str, str], place: str
) -> None:
    page = await send(world, f"/admin/{kind}/new", {**GOOD[kind][1], **change}, "zh")

    assert page.status == 422
    if place:
        assert f'id="wrong-{place}"' in page.markup
    wrong = re.findall(r'class="(?:wrong|notice bad)"[^>]*>(.*?)<', page.markup)
    assert wrong
    assert all(re.search(r"[一-鿿]", words) for words in wrong), wrong


@pytest.mark.parametrize("kind", ["clients", "escalations", "schedules"])
async def test_who_was_faster_is_told_with_what_changed(world: World, kind: str) -> None:
    path = await made(world, kind)
    sent = fields_of(await read(world, path))
    first = {
        "clients": {"title": "Theirs"},
        "escalations": {"repeat": "7"},
        "schedules": {"timezone": "Europe/Berlin"},
    }[kind]
    assert (await send(world, path, {**sent, **first})).status == 303

    mine = {"clients": {"title": "Mine"}, "escalations": {"repeat": "9"}}.get(kind, {})
    page = await send(world, path, {**sent, **mine})

    assert page.status == 409
    assert "Somebody changed this while you were at it" in page.words
    assert next(iter(first.values())) in page.words
    assert all(f'value="{value}"' in page.markup for value in mine.values())

    again = fields_of(page)  # it has the new version, and what was typed
    assert (await send(world, path, again)).status == 303


async def test_what_something_else_needs_is_not_removed(world: World) -> None:
    await made(world, "schedules")
    policy = {**POLICY, "steps.0.notify": "schedule:night"}
    assert (await send(world, "/admin/escalations/new", policy)).status == 303

    page = await send(world, "/admin/schedules/night/remove", {})

    assert page.status == 409
    assert "Something else still needs it: escalation night" in page.words
    assert 'value="Asia/Shanghai"' in page.markup  # the form stands as before


@pytest.mark.parametrize(
    "path", ["/admin/clients/acme", "/admin/schedules/primary", "/admin/thresholds/disk"]
)
async def test_what_a_file_owns_has_no_form_and_is_not_changed(world: World, path: str) -> None:
    page = await read(world, path)
    assert "world.yml:" in page.words
    assert f'action="{path}"' not in page.markup

    kind = path.split("/")[2]
    refused = await send(world, path, {**GOOD[kind][1], "name": path.rsplit("/", 1)[1]})
    assert refused.status in (409, 422)
    assert (await send(world, f"{path}/remove", {})).status == 409


async def test_rows_come_and_go_without_scripts(world: World) -> None:
    more = await send(world, "/admin/escalations/new", {**POLICY, "add": "steps"})
    assert more.status == 200
    assert 'name="steps.2.wait" value="5m"' in more.markup
    assert 'value="night"' in more.markup

    less = await send(world, "/admin/escalations/new", {**POLICY, "drop": "steps.0"})
    assert 'name="steps.0.wait" value="10m"' in less.markup
    assert 'name="steps.1.wait"' not in less.markup

    up = await send(world, "/admin/escalations/new", {**fields_of(more), "up": "steps.1"})
    assert 'name="steps.0.wait" value="10m"' in up.markup


async def test_a_secret_stays_until_it_is_forgotten(world: World) -> None:
    path = await made(world, "targets")
    page = await read(world, path)
    assert "not for anybody" not in page.markup
    assert "There is one. Empty: it stays." in page.words

    sent = fields_of(page)
    assert (await send(world, path, {**sent, "interval": "1m"})).status == 303
    assert "There is one" in (await read(world, path)).words

    sent = fields_of(await read(world, path))
    assert (await send(world, path, {**sent, "forget": "true"})).status == 303
    assert "There is one" not in (await read(world, path)).words


async def test_a_level_that_is_emptied_is_gone(world: World) -> None:
    path = await made(world, "thresholds")
    sent = fields_of(await read(world, path))

    moved = {"recover.limit": "", "P2.test": "above", "P2.limit": "900"}
    assert (await send(world, path, {**sent, **moved})).status == 303

    told = (await world.http.get("/api/v1/thresholds/slow")).json()
    assert told["recover"] is None
    assert told["P2"]["above"] == 900
    assert told["title"] == {"zh": "慢", "en": "Slow"}


async def test_limits_of_a_client_stay_when_its_form_is_sent(world: World) -> None:
    thing = {"name": "bolt", "title": "Bolt", "overrides": {"disk": {"P1": {"above": 99}}}}
    assert (await world.http.post("/api/v1/clients", json=thing)).status_code == 201

    sent = fields_of(await read(world, "/admin/clients/bolt"))
    assert (await send(world, "/admin/clients/bolt", {**sent, "title": "Bolts"})).status == 303

    told = (await world.http.get("/api/v1/clients/bolt")).json()
    assert told["title"] == "Bolts"
    assert told["overrides"] == {"disk": {"P1": {"above": 99}}}
