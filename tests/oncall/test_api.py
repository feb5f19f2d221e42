"""Who is on call over REST: every route with every right, and people of other clients."""

from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from access.scope import Right
from access.tables import Person
from kit.db import Database
from oncall import api
from oncall.tables import Override, Schedule
from tests.support.access import Doors
from tests.support.clock import NOON, FakeClock

ROUTES = [
    ("GET", "/api/v1/schedules", Right.READ, 200),
    ("GET", "/api/v1/oncall", Right.READ, 200),
    ("POST", "/api/v1/schedules/primary/overrides", Right.WORK, 201),
]
OVERRIDE = {
    "person": "han",
    "starts_at": "2026-11-02T11:00:00Z",
    "ends_at": "2026-11-02T21:00:00+08:00",
}


@pytest.fixture
async def doors(db: Database, clock: FakeClock) -> Doors:
    doors = Doors(db, clock)
    doors.app.include_router(api.router)
    await doors.knows("acme", "bolt")
    layer: dict[str, Any] = {"rotation": "daily", "people": ["li"]}
    async with db.transaction() as tx:
        tx.add(Person(name="li", title="li", clients=["acme"]))
        tx.add(Person(name="han", title="han", clients=["acme", "bolt"]))
        tx.add(Schedule(name="primary", timezone="Asia/Shanghai", layers=[layer]))
    return doors


async def asked(
    doors: Doors, method: str, path: str, *rights: Right, client: str | None = None, key: str = ""
) -> tuple[int, Any]:
    raw = await doors.gives(f"t-{method.lower()}-{client}-{key}", rights, client)
    headers = {"authorization": f"Bearer {raw}"} | ({"idempotency-key": key} if key else {})
    async with doors.visitor(**headers) as visitor:
        body = OVERRIDE if method == "POST" else None
        answer = await visitor.request(method, path, json=body)
        if key:
            answer = await visitor.request(method, path, json=body)
        return answer.status_code, answer.json()


@pytest.mark.parametrize(("route", "right"), list(product(ROUTES, Right)))
async def test_every_route_opens_to_its_right_alone(
    doors: Doors, route: tuple[str, str, Right, int], right: Right
) -> None:
    method, path, needed, status = route

    found, _ = await asked(doors, method, path, right)

    assert found == (status if right in (needed, Right.ADMIN) else 403)


async def test_one_sees_who_is_on_call_now_and_who_stands_in(doors: Doors) -> None:
    assert (await asked(doors, "POST", ROUTES[2][1], Right.WORK))[0] == 201

    _, body = await asked(doors, "GET", "/api/v1/oncall", Right.READ)

    assert body["items"] == [
        {
            "schedule": "primary",
            "timezone": "Asia/Shanghai",
            "now": ["han"],
            "until": "2026-11-02T13:00:00Z",
            "next": ["li"],
        }
    ]


async def test_a_repeated_request_makes_one_override(doors: Doors) -> None:
    status, body = await asked(doors, "POST", ROUTES[2][1], Right.WORK, key="once")

    assert status == 201
    assert (body["schedule"], body["person"]) == ("primary", "han")
    async with doors.db.snapshot() as session:
        rows = (await session.execute(select(Override.made_at))).all()
    assert len(rows) == 1
    assert rows[0].made_at == NOON


@pytest.mark.parametrize("path", ["/api/v1/schedules", "/api/v1/oncall"])
async def test_people_of_other_clients_are_not_shown(doors: Doors, path: str) -> None:
    _, mine = await asked(doors, "GET", path, Right.READ, client="acme")
    _, other = await asked(doors, "GET", path, Right.READ, client="bolt")

    assert (len(mine["items"]), len(other["items"])) == (1, 0)


async def test_nobody_stands_in_on_a_schedule_of_another_clients_people(doors: Doors) -> None:
    path = ROUTES[2][1]

    mine, _ = await asked(doors, "POST", path, Right.WORK, client="acme")
    other, _ = await asked(doors, "POST", path, Right.WORK, client="bolt")

    assert (mine, other) == (201, 404)
