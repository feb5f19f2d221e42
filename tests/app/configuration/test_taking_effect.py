"""A change by hand holds within a second, in a program that nobody tells to read it again."""

from pathlib import Path

from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.phone import Phone
from tests.support.waiting import until
from tests.support.world import STANDING, World, life


async def fires(world: World, rule: str) -> bool:
    answer = await world.http.get("/api/v1/alerts", params={"rule": rule, "state": "firing"})
    return bool(answer.json()["items"])


async def test_a_threshold_fires_changes_and_ends_its_alerts(
    db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    async with (
        Phone() as phone,
        life(db, tmp_path, clock, phone=phone, by_itself=True) as world,
    ):
        rule = {"name": "queue", "expr": "queue", "P1": {"above": 10}}
        assert (await world.http.post("/api/v1/thresholds", json=rule)).status_code == 201

        async def pushed(value: float) -> bool:
            clock.advance(seconds=1)
            await world.writes("queue", value)
            return await fires(world, "queue")

        await until(lambda: pushed(11))
        await world.http.patch("/api/v1/thresholds/queue", json={"P1": {"above": 100}})

        async def calm() -> bool:
            return not await pushed(11)

        await until(calm)
        await until(lambda: pushed(101))
        assert (await world.http.delete("/api/v1/thresholds/queue")).status_code == 204

        async def over() -> bool:
            return not await fires(world, "queue")

        await until(over)


async def test_a_schedule_that_was_changed_says_who_is_told(
    db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    yaml = STANDING.replace("schedule:primary", "person:han")
    async with Phone() as phone, life(db, tmp_path, clock, phone=phone, yaml=yaml) as world:
        layer = {"rotation": "daily", "people": ["li"]}
        for path, thing in (
            ("schedules", {"name": "night", "layers": [layer]}),
            ("escalations", {"name": "night", "steps": [{"notify": ["schedule:night"]}]}),
            (
                "thresholds",
                {"name": "q", "expr": "q", "P1": {"above": 1}, "escalation": "night"},
            ),
        ):
            made = await world.http.post(f"/api/v1/{path}", json=thing)
            assert made.status_code == 201, made.text
        await world.house.reload()

        await world.pushes("q", 2, system="a")
        assert phone.rang == ["li"]
        changed = {"layers": [{**layer, "people": ["han"]}]}
        await world.http.patch("/api/v1/schedules/night", json=changed)
        await world.pushes("q", 2, system="pos")
        assert phone.rang == ["li", "han"]
