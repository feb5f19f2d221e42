"""The signed link: five states, in the language and the zone of whoever holds it."""

import httpx
import pytest

from tests.support.reading import Page, page_of
from tests.support.world import World


def link(world: World, person: str = "li") -> str:
    """Return the path of the link that this person was sent last."""
    return httpx.URL(world.phone.calls_of(person)[-1].json["links"]["acknowledge"]).path


async def opened(world: World, path: str, **cookies: str) -> Page:
    """Open a link in a browser that nobody is signed in with."""
    crumbs = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return page_of(await world.http.get(path, headers={"Authorization": "", "cookie": crumbs}))


async def test_a_look_takes_nothing(world: World) -> None:
    await world.pushes("latency", 2600)

    page = await opened(world, link(world))

    assert "以 李雷 的身份接手" in page.words
    assert "确认接手" in page.words
    assert (await world.incident())["status"] == "triggered"


async def test_the_button_takes_it_for_the_holder_and_for_nobody_after(world: World) -> None:
    await world.pushes("latency", 2600)
    await world.passes(minutes=5)
    mine, other = link(world, "li"), link(world, "han")
    await world.acknowledges("li")

    assert "这起故障由你负责" in (await opened(world, mine)).words
    taken = await opened(world, other)
    assert "李雷 已经接手" in taken.words
    assert "20:05:00 接手，你不用再处理。" in taken.words
    late = await world.http.post(other, headers={"Authorization": ""})
    assert late.status_code == 409
    assert "李雷 已经接手" in page_of(late).words


async def test_what_is_over_says_when(world: World) -> None:
    await world.pushes("latency", 2600)
    path = link(world)
    await world.pushes("latency", 100)
    await world.passes(minutes=2)

    page = await opened(world, path)

    assert "故障已经恢复" in page.words
    assert "20:01:00 恢复，不需要再接手。" in page.words


@pytest.mark.parametrize("path", ["/acknowledge/nonsense", "/acknowledge/a.b"])
async def test_a_link_that_is_none_says_so_to_anybody(world: World, path: str) -> None:
    page = await opened(world, path)

    assert page.status == 410
    assert "这个链接已失效" in page.words


async def test_a_link_that_is_too_old_says_so(world: World) -> None:
    await world.pushes("latency", 2600)
    path = link(world)
    world.clock.advance(days=4)

    assert (await opened(world, path)).status == 410


async def test_the_other_language_can_be_chosen(world: World) -> None:
    await world.pushes("latency", 2600)

    page = await opened(world, link(world), langyan_locale="en")

    assert "You take it as 李雷" in page.words
    assert "Order latency" in page.words
