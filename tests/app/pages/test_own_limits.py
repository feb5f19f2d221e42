"""A client's own limits: shown, changed where they differ, tried on the last day, taken back."""

from typing import Any

import pytest

from tests.support.forms import fields_of, made, send
from tests.support.reading import read
from tests.support.world import World

DISK = "/admin/limits/bolt/disk"


@pytest.fixture(autouse=True)
async def bolt(world: World) -> None:
    await made(world, "clients")


async def overrides(world: World) -> dict[str, Any]:
    answer = await world.http.get("/api/v1/clients/bolt")
    found: dict[str, Any] = answer.raise_for_status().json()["overrides"]
    return found


async def sends(world: World, **changes: str) -> None:
    sent = fields_of(await read(world, DISK))
    dotted = {name.replace("_", "."): value for name, value in changes.items()}
    answer = await send(world, DISK, {**sent, **dotted})
    assert answer.status == 303, answer.words


async def test_only_what_differs_from_the_threshold_is_kept(world: World) -> None:
    await sends(world, P1_limit="98", P2_test="", recover_for="5m")

    assert await overrides(world) == {
        "disk": {"P1": {"above": 98.0}, "P2": None, "recover": {"for": "5m"}}
    }
    page = await read(world, DISK)
    assert "For all: above 95" in page.words
    fields = fields_of(page)
    assert (fields["P1.limit"], fields["P1.for"], fields["P2.test"]) == ("98", "2m", "")
    client = await read(world, "/admin/clients/bolt")
    assert client.before("Limits of its own", "Disk usage", "98%")


async def test_what_is_the_same_again_follows_the_threshold(world: World) -> None:
    await sends(world, P1_limit="98")
    await sends(world, P1_limit="95")

    assert await overrides(world) == {}


async def test_another_test_takes_the_place_of_the_first(world: World) -> None:
    await sends(world, P1_test="at_least", P1_limit="97")

    assert await overrides(world) == {"disk": {"P1": {"at_least": 97.0}}}


async def test_own_limits_are_taken_back_and_others_stay(world: World) -> None:
    own = {"queue": {"P3": {"above": 600.0}}}
    await world.http.patch("/api/v1/clients/bolt", json={"overrides": own})
    assert await overrides(world) == own
    await sends(world, P1_limit="98")
    assert (await overrides(world)).keys() == {"queue", "disk"}
    page = await read(world, DISK)

    answer = await send(world, f"{DISK}/remove", {"version": fields_of(page)["version"]})

    assert answer.status == 303
    assert await overrides(world) == {"queue": {"P3": {"above": 600.0}}}
    listed = await read(world, "/admin/limits/bolt")
    assert listed.before("Queue backlog", "Disk usage")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"P1.limit": "many"}, "P1"),
        ({"P1.for": "soon"}, "P1.for"),
        ({"recover.limit": "99"}, ""),
        ({"P1.test": "", "P2.test": ""}, ""),
    ],
)
async def test_what_makes_no_sense_stands_at_its_field(
    world: World, changes: dict[str, str], place: str
) -> None:
    sent = fields_of(await read(world, DISK))

    page = await send(world, DISK, {**sent, **changes}, "zh")

    assert page.status == 422
    assert 'role="alert"' in page.markup
    if place:
        assert f'id="wrong-{place}"' in page.markup
    assert await overrides(world) == {}


async def test_who_was_faster_is_told(world: World) -> None:
    sent = fields_of(await read(world, DISK))
    await world.http.patch("/api/v1/clients/bolt", json={"title": "Theirs"})

    page = await send(world, DISK, {**sent, "P1.limit": "98"})
    assert (page.status, "Theirs" in page.words) == (409, True)

    assert (await send(world, DISK, fields_of(page))).status == 303
    assert await overrides(world) == {"disk": {"P1": {"above": 98.0}}}


async def test_limits_are_tried_on_the_clients_own_last_day(world: World) -> None:
    await world.http.patch("/api/v1/clients/bolt", json={"overrides": {"disk": {"P2": None}}})
    await world.house.reload()
    for value in (50, 80, 80, 80, 50):
        await world.pushes("disk", value, client="bolt", system="")
        await world.pushes("disk", 99, instance="of acme")
        await world.passes(minutes=2)
    sent = fields_of(await read(world, DISK))

    calm = await send(world, f"{DISK}/preview", sent)
    typed = {"P2.test": "above", "P2.limit": "70", "recover.limit": "60"}
    lower = await send(world, f"{DISK}/preview", {**sent, **typed})

    assert "Would have raised nothing." in calm.words
    assert "1 series seen" in calm.words
    assert "Would have raised 1 × P2" in lower.words


async def test_a_client_of_a_file_is_shown_and_left_to_it(world: World) -> None:
    page = await read(world, "/admin/limits/acme/disk")
    assert ".yml:" in page.words
    assert 'name="P1.limit" value="95"' in page.markup  # for the preview alone
    assert "Save" not in page.words

    refused = await send(world, "/admin/limits/acme/disk", {"P1.test": "above", "P1.limit": "1"})
    assert refused.status == 409


async def test_nobody_sees_limits_of_what_is_not_there(world: World) -> None:
    for path in ("/admin/limits/nobody", "/admin/limits/bolt/nothing", "/admin/limits/nobody/disk"):
        assert (await read(world, path)).status == 404
