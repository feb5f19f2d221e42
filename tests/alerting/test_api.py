"""Alerts and rules over REST, inside the caller's clients."""

from access.scope import Right
from alerting import api, commands
from alerting.schemas import ThresholdSpec
from kit.db import Database
from tests.support.access import Doors
from tests.support.alerts import seen
from tests.support.clock import NOON, FakeClock


async def doors(db: Database, clock: FakeClock) -> Doors:
    found = Doors(db, clock)
    found.app.include_router(api.router)
    await found.knows("acme", "bolt")
    async with db.transaction() as tx:
        for client in ("acme", "bolt"):
            batch = [seen(host, 95.0) for host in "abc"]
            await commands.observe(tx, client, batch, position=None, now=NOON)
        spec = ThresholdSpec.model_validate({"name": "disk", "expr": "x", "P1": {"above": 1}})
        only = spec.model_copy(update={"name": "only", "clients": ["bolt"]})
        theirs = spec.model_copy(update={"name": "theirs", "systems": ["bolt/pos"]})
        rules = [(spec, "a.yml:1"), (only, "a.yml:2"), (theirs, "a.yml:3")]
        await commands.provision(tx, rules, NOON)
    return found


async def test_a_caller_reads_the_alerts_of_its_own_clients(db: Database, clock: FakeClock) -> None:
    found = await doors(db, clock)
    token = await found.gives("acme-reads", [Right.READ], "acme")
    async with found.visitor(authorization=f"Bearer {token}") as visitor:
        answer = (await visitor.get("/api/v1/alerts")).json()
        assert {alert["client"] for alert in answer["items"]} == {"acme"}
        assert (await visitor.get("/api/v1/alerts?client=bolt")).json()["items"] == []
        alert = answer["items"][0]
        assert (alert["state"], alert["priority"], alert["value"]) == ("firing", "P2", 95.0)
        one = await visitor.get(f"/api/v1/alerts/{alert['id']}")
        assert one.json() == alert


async def test_another_clients_alert_is_not_there(db: Database, clock: FakeClock) -> None:
    found = await doors(db, clock)
    theirs = await found.gives("bolt-reads", [Right.READ], "bolt")
    ours = await found.gives("acme-reads", [Right.READ], "acme")
    async with found.visitor(authorization=f"Bearer {theirs}") as visitor:
        alert = (await visitor.get("/api/v1/alerts")).json()["items"][0]
    async with found.visitor(authorization=f"Bearer {ours}") as visitor:
        assert (await visitor.get(f"/api/v1/alerts/{alert['id']}")).status_code == 404


async def test_a_list_of_alerts_comes_in_pages_and_by_state(db: Database, clock: FakeClock) -> None:
    found = await doors(db, clock)
    token = await found.gives("reads", [Right.READ])
    async with found.visitor(authorization=f"Bearer {token}") as visitor:
        first = (await visitor.get("/api/v1/alerts?limit=4")).json()
        rest = (await visitor.get(f"/api/v1/alerts?limit=4&cursor={first['next']}")).json()
        assert len({alert["id"] for alert in first["items"] + rest["items"]}) == 6
        assert rest["next"] is None
        for state, count in (("firing", 6), ("pending", 0), ("unknown", 0), ("resolved", 0)):
            shown = (await visitor.get(f"/api/v1/alerts?state={state}")).json()
            assert len(shown["items"]) == count
        assert (await visitor.get("/api/v1/alerts?state=odd")).status_code == 422


async def test_rules_are_shown_as_they_were_written(db: Database, clock: FakeClock) -> None:
    found = await doors(db, clock)
    token = await found.gives("acme-reads", [Right.READ], "acme")
    async with found.visitor(authorization=f"Bearer {token}") as visitor:
        (rule,) = (await visitor.get("/api/v1/rules")).json()["items"]
    assert (rule["name"], rule["origin"]) == ("disk", "a.yml:1")
    assert rule["ladder"] == {"P1": {"above": 1.0, "for": "0s"}}


async def test_a_token_without_the_right_reads_nothing(db: Database, clock: FakeClock) -> None:
    found = await doors(db, clock)
    token = await found.gives("agent", [Right.INGEST], "acme")
    async with found.visitor(authorization=f"Bearer {token}") as visitor:
        for path in ("alerts", "rules"):
            assert (await visitor.get(f"/api/v1/{path}")).status_code == 403


async def test_a_rule_for_several_names_the_callers_clients_alone(
    db: Database, clock: FakeClock
) -> None:
    found = await doors(db, clock)
    both = {"clients": ["acme", "bolt"], "systems": ["acme/pos", "bolt/pos", "pos"]}
    spec = ThresholdSpec.model_validate({"name": "both", "expr": "x", "P1": {"above": 1}, **both})
    async with db.transaction() as tx:
        await commands.provision(tx, [(spec, "a.yml:4")], NOON)
    token = await found.gives("acme-reads", [Right.READ], "acme")
    async with found.visitor(authorization=f"Bearer {token}") as visitor:
        (rule,) = (await visitor.get("/api/v1/rules")).json()["items"]
    assert (rule["clients"], rule["systems"]) == (["acme"], ["acme/pos", "pos"])
