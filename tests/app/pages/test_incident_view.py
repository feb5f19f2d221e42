"""The page of one incident, from real rows: names, times and steps as people say them."""

import re

from tests.support.phone import Answer
from tests.support.reading import Page, press, read
from tests.support.world import World


async def burning(world: World, value: float = 2600, **labels: str) -> None:
    """Let the latency of one machine be normal for a while, then far too high."""
    for minute in range(10):
        await world.pushes("latency", 200 + minute, instance="web-2", **labels)
        world.clock.advance(minutes=1)
    await world.pushes("latency", value, instance="web-2", **labels)


async def both(world: World) -> tuple[Page, Page]:
    """Return the page in English and in Chinese."""
    return await read(world, "/incidents/1"), await read(world, "/incidents/1", "zh")


def line(page: Page, words: str) -> Page:
    """Return the line of the timeline that says `words`, with its receipts."""
    found = re.findall(r'<li class="line-.*?id="(line-\d+)"', page.markup)
    return next(part for id in found if words in (part := page.part(id)).words)


async def test_the_story_begins_with_what_was_read_where(world: World) -> None:
    await burning(world)

    english, chinese = await both(world)

    assert "Opened as P1: Order latency (web-2), 2,600 ms" in english.words
    assert "Notified 李雷" in english.words
    assert "故障发生，一级：下单延迟（web-2），2,600 ms" in chinese.words
    assert "已通知 李雷" in chinese.words
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", english.part("live").words)


async def test_the_next_step_is_told_before_it_comes_and_counted_from_one(world: World) -> None:
    await burning(world)
    english, chinese = await both(world)
    assert "If nobody takes it by 20:15:00, we notify 韩梅梅" in english.words
    assert "20:15:00 仍无人接手，将通知 韩梅梅" in chinese.words

    await world.passes(minutes=5)

    english, chinese = await both(world)
    assert "Nobody took it: notified 韩梅梅 (step 2)" in english.words
    assert "仍无人接手，升级到第 2 步，已通知 韩梅梅" in chinese.words


async def test_many_alerts_that_come_at_once_are_one_line_of_the_story(world: World) -> None:
    machines = [{"instance": f"web-{number}"} for number in range(1, 4)]
    await world.writes("latency", 200, *machines)
    world.clock.advance(minutes=1)
    await world.writes("latency", 2600, *machines)
    await world.settles()

    english, chinese = await both(world)

    assert "2 more alerts joined as P1: Order latency" in english.words
    assert "2 条新告警并入，一级：下单延迟" in chinese.words


async def test_a_schedule_of_the_next_step_is_told_by_who_is_on_call_then(world: World) -> None:
    await burning(world)
    await world.acknowledges("li")
    await press(world, "/incidents/1/unacknowledge")
    await world.passes(minutes=10)  # past the last step: the last one repeats

    assert "we notify 韩梅梅" in (await read(world, "/incidents/1")).words


async def test_a_message_that_failed_says_so_under_the_step_that_promised_it(world: World) -> None:
    world.phone.always["/han"] = Answer(404)
    await burning(world)
    await world.passes(minutes=5)

    english, chinese = await both(world)

    assert "韩梅梅 · webhook · failed: refused (404" in line(english, "step 2").words
    assert "韩梅梅 · Webhook · 发送失败：对方拒收（404" in line(chinese, "第 2 步").words
    assert "李雷 · webhook · delivered" in line(english, "Notified").words
    assert "李雷 · Webhook · 已送达" in line(chinese, "已通知 李雷").words


async def test_a_rise_names_both_priorities_and_who_had_it(world: World) -> None:
    await burning(world, 900)
    await world.acknowledges("li")
    await world.pushes("latency", 2600, instance="web-2")

    english, chinese = await both(world)

    assert "Order latency (web-2) rose from P2 to P1, 2,600 ms" in english.words
    assert "Raised from P2 to P1; 李雷 had it" in english.words
    assert "故障由二级升为一级，李雷 原已接手" in chinese.words
    assert "None" not in english.words + chinese.words


async def test_data_that_stopped_is_seen_and_not_taken_for_a_reading(world: World) -> None:
    await burning(world, 900)
    await world.passes(minutes=18)

    page = await read(world, "/incidents/1")

    assert "No more data from Order latency (web-2)" in page.words
    assert "rose from P2 to P1, no data" in page.words
    assert "No data" in page.part("marks-P1-triggered").words


async def test_an_incident_that_waits_for_an_admin_says_so(world: World) -> None:
    await world.pushes("queue", 700)
    await world.passes(minutes=5)
    before = await both(world)
    assert "by 20:10:00, an administrator has to act" in before[0].part("act").words
    assert "20:10:00 仍无人接手，需要管理员处理" in before[1].part("act").words

    await world.passes(minutes=5)

    english, chinese = await both(world)
    assert "Nobody is left to notify" in english.part("act").words
    assert "Nobody took it in 1 round of notifications" in english.words
    assert "已没有可通知的人，需要管理员处理" in chinese.part("act").words
    assert "通知了 1 轮仍无人接手" in chinese.words


async def test_the_chart_shows_the_limits_the_crossing_and_what_was_before(world: World) -> None:
    await burning(world)

    chart = (await read(world, "/incidents/1")).markup.partition('<svg class="chart"')[2]

    assert "P1 2,000 ms" in chart
    assert chart.count('<circle class="cross') == 2
    assert 'class="gap"' not in chart.partition("</svg></svg>")[0]


async def test_the_limit_beside_a_reading_is_the_one_it_broke(world: World) -> None:
    await burning(world, 900)
    assert "900 ms limit 800 ms" in (await read(world, "/incidents/1")).words

    await world.pushes("latency", 2600, instance="web-2")

    assert "2,600 ms limit 2,000 ms" in (await read(world, "/incidents/1")).words


async def test_who_comes_second_is_told_who_was_first(world: World) -> None:
    await burning(world)
    await world.acknowledges("li")

    assert "李雷 took it a moment ago" in (await press(world, "/incidents/1/acknowledge")).words
    assert "李雷 刚刚已经接手" in (await press(world, "/incidents/1/acknowledge", "zh")).words


async def test_a_token_that_acted_is_told_as_one(world: World) -> None:
    await burning(world)

    page = await press(world, "/incidents/1/acknowledge")

    assert "token admin took it" in page.words
    assert "You have it" in (await press(world, "/incidents/1/acknowledge")).words


async def test_what_is_over_can_be_opened_again_and_says_how_it_ended(world: World) -> None:
    await burning(world)
    await world.pushes("latency", 100, instance="web-2")
    await world.passes(minutes=2)

    page = await read(world, "/incidents/1")
    assert "Every alert is over; resolved by itself" in page.words
    assert 'action="/incidents/1/acknowledge"' not in page.markup
    assert "<title>✓ Order latency" in page.markup

    again = await press(world, "/incidents/1/reopen")
    assert "token admin opened it again" in again.words
    assert 'action="/incidents/1/acknowledge"' in again.markup


async def test_the_headline_reads_the_alert_that_gave_the_title(world: World) -> None:
    await world.pushes("langyan_host_cpu_percent", 95, instance="web-2")
    await world.pushes("latency", 2600, instance="web-3")

    page = await read(world, "/incidents/1")

    assert "<h1>Order latency</h1>" in page.markup
    assert '<p class="summary">2,600 ms · web-3</p>' in page.markup
