"""What is configured, as administrators read it: lists and pages of every kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.forms import POLICY, send
from tests.support.reading import read
from tests.support.world import STANDING, World, world

KINDS = ("clients", "systems", "targets", "thresholds", "schedules", "escalations", "slas")
CHANGES = {
    "core: true}]": "core: true, match: {job: 'pos-.*'}},"
    " {name: web, client: acme, title: 官网, match: {job: web}}]",
    "schedules:\n": "  - {name: zhao, title: Zhao}\nschedules:\n",
    "repeat: 1": "repeat: 2\n  - {name: lonely, steps: [{notify: ['schedule:primary']},"
    " {notify: ['person:zhao']}]}",
}
MORE = """
targets:
  - {name: till, client: acme, system: pos, kind: scrape, url: "http://127.0.0.1:1/metrics"}
slas:
  - {name: gold, P1: {response: 5m, recovery: 1h}}
"""
NIGHTS = """
  - name: nights
    timezone: Asia/Shanghai
    layers:
      - {rotation: daily, handoff: "20:00", people: [li, han], start: 2026-11-02,
         only: [{days: [Mon-Fri], from: "20:00", to: "08:00"}]}
      - {rotation: weekly, handoff: "Mon 09:00", people: [han], only: [{days: [Sat, Sun]}]}
escalations:"""


@pytest.fixture(name="world")
async def a_world(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    yaml = STANDING
    for before, after in CHANGES.items():
        yaml = yaml.replace(before, after)
    yaml = yaml.replace("escalations:", NIGHTS.lstrip("\n"))
    async with world(db, tmp_path, clock, yaml=yaml + MORE.lstrip("\n")) as found:
        yield found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_what_a_file_owns_is_shown_with_its_place(
    world: World, kind: str, language: str
) -> None:
    page = await read(world, f"/admin/{kind}", language)

    assert page.status == 200
    assert ".yml:" in page.words


async def test_a_client_is_shown_with_what_belongs_to_it(world: World) -> None:
    page = await read(world, "/admin/clients/acme")

    for words in ("爱可美餐饮", "点餐系统", "till", "Asia/Shanghai", "standard"):
        assert words in page.words
    assert (await read(world, "/admin/clients/nobody")).status == 404


async def test_a_system_says_which_series_it_has_now(world: World) -> None:
    await world.pushes("queue", 1, system="", job="pos-api", instance="a")
    await world.pushes("queue", 1, system="", job="pos-db", instance="b")
    await world.pushes("queue", 1, system="", job="other", instance="c")

    found = await read(world, "/admin/systems/acme/pos")
    shown = await read(world, "/admin/systems")

    assert "2 series" in found.part("matched").words
    assert "job=pos-api" in found.words
    assert "job=other" not in found.words
    assert shown.before("点餐系统", "2 series", "官网", "No series")

    world.clock.advance(minutes=6)
    assert "No series" in (await read(world, "/admin/systems/acme/pos")).part("matched").words


async def test_a_system_says_when_another_takes_its_series(world: World) -> None:
    await world.pushes("queue", 1, system="pos", job="web")

    assert "1 of them go to another system" in (await read(world, "/admin/systems/acme/web")).words


async def test_systems_are_narrowed_to_a_client(world: World) -> None:
    assert "点餐系统" in (await read(world, "/admin/systems?client=acme")).words
    assert "点餐系统" not in (await read(world, "/admin/systems?client=house")).part("main").words
    assert (await read(world, "/admin/systems?client=nobody")).status == 404


async def test_a_target_says_how_it_stands(world: World) -> None:
    assert "Not asked yet" in (await read(world, "/admin/targets")).words

    till = {"job": "till", "instance": "127.0.0.1:1"}
    await world.pushes("up", 1, **till)
    await world.pushes("scrape_duration_seconds", 0.25, **till)
    page = await read(world, "/admin/targets/acme/till")
    assert "Answers" in page.words
    assert "250 ms" in page.words

    world.clock.advance(seconds=15)
    await world.pushes("up", 0, **till)
    assert "1 does not answer as it should" in (await read(world, "/admin/targets")).words

    world.clock.advance(minutes=2)
    assert "Silent" in (await read(world, "/admin/targets/acme/till")).words


async def test_a_policy_is_told_in_steps_with_whom_they_reach_now(world: World) -> None:
    page = await read(world, "/admin/escalations/default")

    assert page.before("at once", "schedule primary", "now 李雷", "after 5 min", "韩梅梅")
    assert page.before("after 20 min", "2 rounds are through")
    assert "Everything that names no other" in page.words


async def test_a_step_that_reaches_nobody_is_marked(world: World) -> None:
    page = await read(world, "/admin/escalations/lonely")

    assert page.before("schedule primary", "Zhao", "This step reaches nobody now")
    assert (await read(world, "/admin/escalations")).before("default", "lonely", "Zhao nobody")


async def test_an_sla_is_shown_in_hours_with_its_clients(world: World) -> None:
    page = await read(world, "/admin/slas/standard")

    assert page.before("15 min", "2 h", "30 min", "4 h", "24 h", "8 h", "72 h")
    assert "爱可美餐饮" in page.words
    assert "5 min to respond, 1 h to recover" in (await read(world, "/admin/slas")).words


async def test_two_weeks_of_a_schedule_show_its_layers_and_gaps(world: World) -> None:
    page = (await read(world, "/admin/schedules/nights")).part("turns")

    assert page.markup.count('class="strip turn final"') == 2
    assert page.markup.count('class="strip turn layer"') == 4
    assert 'class="none"' in page.markup
    assert "gaps," in page.words
    assert page.before("Mon, Nov 2", "Sun, Nov 15")
    assert "Somebody is always on call." in (await read(world, "/admin/schedules/primary")).words


async def test_layers_are_told_in_words(world: World) -> None:
    page = await read(world, "/admin/schedules/nights")

    assert "李雷 → 韩梅梅" in page.words
    assert "Only Mon to Fri, 20:00 to 08:00" in page.words
    assert "default" in (await read(world, "/admin/schedules/primary")).words


async def test_thresholds_are_found_by_name_and_expression(world: World) -> None:
    page = await read(world, "/admin/thresholds?text=langyan_host_cpu")

    assert "CPU usage" in page.words
    assert "Disk usage" not in page.words
    assert (await read(world, "/admin/thresholds?text=nothing-like-it")).status == 200
    assert "above 95% for 2 min" in (await read(world, "/admin/thresholds/disk")).words


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *((f"/admin/{kind}", 200) for kind in KINDS),
        *((f"/admin/{kind}/new", 200) for kind in KINDS),
        ("/admin/clients/acme", 404),
        ("/admin/systems/acme/pos", 404),
        ("/admin/targets/acme/till", 404),
        ("/admin/schedules/nights", 404),
        ("/admin/escalations/default", 404),
        ("/admin/slas/gold", 404),
        ("/admin/thresholds/disk", 200),
        ("/admin/thresholds/theirs", 404),
        ("/admin/thresholds/ours", 200),
    ],
)
async def test_who_administers_one_client_sees_nothing_of_another(
    world: World, path: str, status: int
) -> None:
    rule = {"expr": "up", "P3": {"below": 1}}
    for section, thing in (
        ("clients", {"name": "bolt", "title": "Bolt"}),
        ("thresholds", {"name": "theirs", "clients": ["acme"], **rule}),
        ("thresholds", {"name": "ours", "clients": ["acme", "bolt"], **rule}),
        ("tokens", {"name": "bolts", "client": "bolt", "rights": ["admin"]}),
    ):
        answer = await world.http.post(f"/api/v1/{section}", json=thing)
        assert answer.is_success, answer.text
    world.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    page = await read(world, path)

    assert page.status == status
    for theirs in ("acme", "爱可美", "点餐", "李雷"):
        assert status == 404 or theirs not in page.markup, theirs


async def test_who_administers_one_client_changes_nothing_that_holds_for_all(world: World) -> None:
    await world.http.post("/api/v1/clients", json={"name": "bolt", "title": "Bolt"})
    token = {"name": "bolts", "client": "bolt", "rights": ["admin"]}
    answer = await world.http.post("/api/v1/tokens", json=token)
    world.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    rule = {"name": "mine", "expr": "up", "P3.test": "below", "P3.limit": "1"}
    assert (await send(world, "/admin/thresholds/new", rule)).status == 403
    assert (await send(world, "/admin/thresholds/new", {**rule, "clients": "bolt"})).status == 303
    system = {"name": "pos", "title": "T", "client": "acme"}
    assert (await send(world, "/admin/systems/new", system)).status == 404
    assert (await send(world, "/admin/escalations/new", POLICY)).status == 403
    peek = {"client": "acme", "name": "pos"}
    assert "No series" in (await send(world, "/admin/systems/preview", peek)).words
    assert "李雷" not in (await send(world, "/admin/escalations/preview", POLICY)).words
