"""What is configured is made, changed and removed by forms; what was wrong stands at its field."""

import re
from collections.abc import Mapping

import pytest

from tests.support.reading import Page, page_of, read
from tests.support.world import World

POLICY = {
    "name": "night",
    "steps.0.notify": "person:li",
    "steps.0.wait": "5m",
    "steps.4.notify": "schedule:primary",
    "steps.4.wait": "10m",
    "repeat": "2",
}
SCHEDULE = {
    "name": "night",
    "timezone": "Asia/Shanghai",
    "layers.0.rotation": "weekly",
    "layers.0.day": "Mon",
    "layers.0.time": "09:00",
    "layers.0.people": "li han ",
    "layers.0.only.0.days": "Mon Tue Wed Thu Fri",
    "layers.0.only.0.from": "20:00",
    "layers.0.only.0.to": "08:00",
}
SLA = {
    f"{priority}.{name}": value
    for priority in ("P1", "P2", "P3", "P4")
    for name, value in (("response", "10m"), ("recovery", "1h"), ("hours", "always"))
}
THRESHOLD = {
    "name": "slow",
    "title.zh": "慢",
    "title.en": "Slow",
    "expr": "latency",
    "unit": "ms",
    "P1.test": "above",
    "P1.limit": "2000",
    "P1.for": "1m",
    "P2.test": "above",
    "P2.limit": "",
    "recover.test": "below",
    "recover.limit": "500",
    "core": "true",
    "clients": "acme",
}
GOOD: dict[str, tuple[str, Mapping[str, str]]] = {
    "clients": (
        "bolt",
        {
            "name": "bolt",
            "title": "Bolt",
            "locale": "en",
            "timezone": "Europe/Berlin",
            "sla": "standard",
            "escalation": "",
        },
    ),
    "systems": (
        "acme/wms",
        {
            "client": "acme",
            "name": "wms",
            "title": "仓储",
            "match.0.label": "job",
            "match.0.text": "wms.*",
            "match.1.label": "",
            "match.1.text": "",
            "core": "true",
        },
    ),
    "targets": (
        "acme/till",
        {
            "name": "till",
            "place": "acme/pos",
            "kind": "http",
            "url": "http://127.0.0.1:1/",
            "interval": "30s",
            "timeout": "5s",
            "expect_status": "200, 204",
            "labels.0.label": "zone",
            "labels.0.value": "a",
            "user": "prometheus",
            "secret": "not for anybody",
        },
    ),
    "thresholds": ("slow", THRESHOLD),
    "schedules": ("night", SCHEDULE),
    "escalations": ("night", POLICY),
    "slas": ("gold", {"name": "gold", **SLA}),
}


async def send(world: World, path: str, form: Mapping[str, str], language: str = "en") -> Page:
    headers = {"accept-language": {"zh": "zh-CN"}.get(language, "en"), "accept": "text/html"}
    return page_of(await world.http.post(path, data=dict(form), headers=headers))


async def made(world: World, kind: str) -> str:
    key, form = GOOD[kind]
    answer = await world.http.post(f"/admin/{kind}/new", data=dict(form))
    assert answer.status_code == 303, page_of(answer).words
    assert answer.headers["location"] == f"/admin/{kind}/{key}?done=made"
    return f"/admin/{kind}/{key}"


def fields_of(page: Page) -> dict[str, str]:
    """Return what the form of a page would send if nobody touched it."""
    form = page.part("thing").markup
    form = re.sub(r"<template>.*?</template>", "", form, flags=re.DOTALL)
    found: dict[str, str] = {}

    def put(name: str, value: str) -> None:
        found[name] = f"{found[name]} {value}" if name in found else value

    for element in re.finditer(
        r"<input\b([^>]*)>|<textarea\b([^>]*)>(.*?)</textarea>|<select\b([^>]*)>(.*?)</select>",
        form,
        re.DOTALL,
    ):
        about = next(part for part in (element[1], element[2], element[4]) if part is not None)
        name = re.search(r'name="([^"]+)"', about)
        assert name is not None
        if element[3] is not None:
            put(name[1], element[3])
        elif element[5] is not None:
            chosen = re.search(r'value="([^"]*)" selected', element[5])
            put(name[1], chosen[1] if chosen else "")
        elif "checkbox" not in about or " checked" in about:
            value = re.search(r'value="([^"]*)"', about)
            put(name[1], value[1] if value else "")
    return found


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
