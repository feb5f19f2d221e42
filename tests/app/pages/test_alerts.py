"""The list of alerts and the page of one: what fires, what waits, what has gone silent."""

from tests.support.reading import read
from tests.support.world import World


async def burning(world: World) -> dict[str, str]:
    """Let one alert fire, one wait and one fall silent; return their ids by state."""
    await world.pushes("queue", 700, instance="mq-1")
    await world.pushes("latency", 2600, system="web", instance="web-2")
    await world.passes(minutes=11)
    await world.pushes("disk", 97, instance="db-1")
    await world.pushes("queue", 700, instance="mq-1")
    items = (await world.http.get("/api/v1/alerts")).json()["items"]
    return {one["rule"]: one["id"] for one in items}


async def test_each_state_has_a_tab_with_its_number(world: World) -> None:
    found = await burning(world)

    firing = await read(world, "/alerts")
    pending = await read(world, "/alerts?state=pending")
    unknown = await read(world, "/alerts?state=unknown")

    assert f"alert-{found['queue']}" in firing.markup
    assert f"alert-{found['disk']}" not in firing.markup
    assert f"alert-{found['disk']}" in pending.markup
    assert f"alert-{found['orders']}" in unknown.markup
    assert "Firing 2 Pending 1" in " ".join(firing.words.replace("\xa0", " ").split())


async def test_the_address_narrows_the_list(world: World) -> None:
    found = await burning(world)

    for query, rules in {
        "?text=mq-1": ["queue"],
        "?priority=P1": ["orders"],
        "?rule=queue": ["queue"],
        "?client=house": [],
        "?text=%25": [],
    }.items():
        page = await read(world, f"/alerts{query}")
        assert [rule for rule in found if f"alert-{found[rule]}" in page.markup] == rules, query


async def test_a_list_without_alerts_says_so(world: World) -> None:
    assert "Nothing is firing" in (await read(world, "/alerts")).words
    assert "所有数据均正常上报" in (await read(world, "/alerts?state=unknown", "zh")).words
    assert "No alert matches" in (await read(world, "/alerts?text=x")).words


async def test_the_table_for_a_spreadsheet_holds_no_formula(world: World) -> None:
    await world.pushes("queue", 700, instance="=1+1")

    answer = await world.http.get("/alerts.csv")

    head, row = answer.text.lstrip("\ufeff").splitlines()
    assert head.startswith("state,priority,client,system,rule,title,labels,value")
    assert row.startswith("firing,P3,acme,pos,queue,")
    assert ",instance==1+1,700.0," in row


async def test_an_alert_shows_its_limits_its_past_and_its_incident(world: World) -> None:
    found = await burning(world)

    page = await read(world, f"/alerts/{found['queue']}")

    assert "above 500" in page.words
    assert "below 100" in page.words
    assert "Incident #1" in page.words
    assert "<svg" in page.markup
    assert page.markup.count('<li class="P3"') == 1
    chinese = await read(world, f"/alerts/{found['orders']}", "zh")
    assert "无数据 10 分 后为 一级" in chinese.words


async def test_an_alert_that_is_not_there_is_a_404(world: World) -> None:
    page = await read(world, "/alerts/00000000-0000-0000-0000-000000000000")

    assert page.status == 404


async def test_the_past_of_an_alert_is_told_over_rest(world: World) -> None:
    found = await burning(world)
    await world.pushes("queue", 1, instance="mq-1")

    told = (await world.http.get(f"/api/v1/alerts/{found['queue']}/history")).json()

    (firing,) = told["firings"]
    assert firing["incident"] == 1
    assert firing["priority"] == "P3"
    assert firing["ended_at"] == world.clock().isoformat().replace("+00:00", "Z")
