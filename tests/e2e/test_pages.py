"""The pages in a real browser, on a phone and on a desk, with and without scripts."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from tests.support.browser import WITHIN, Screen, Screens
from tests.support.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PAGES = ("/", "/incidents", "/incidents?state=all", "/incidents/1", "/oncall", "/hosts")
THEME = "document.documentElement.dataset.theme"
LONG = f"a-host-whose-name-does-not-end-{'x' * 200}"
NOTE = "#note-text"


async def signed_in(site: Site, screen: Screen, path: str = "/") -> Screen:
    """Sign in as admin, and go to a page that follows what happens."""
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    await screen.open(f"{site.program.url}{path}")
    return screen


async def test_a_wrong_password_leaves_the_door_shut_and_the_right_one_opens_it(
    site: Site, screens: Screens
) -> None:
    screen = await screens.phone()
    await screen.open(f"{site.program.url}/oncall")
    await screen.shows("form[action='/signin']")
    await screen.enters(password="nobody's password")
    await screen.shows(".notice.bad")
    await screen.enters()

    await expect(screen.page).to_have_url(f"{site.program.url}/oncall", timeout=WITHIN)
    await screen.presses("form[action='/signout'] button")
    await screen.shows("form[action='/signin']")
    await screen.open(f"{site.program.url}/incidents")
    await screen.shows("form[action='/signin']")
    assert screen.faults == []


async def test_an_incident_appears_on_the_board_and_goes_without_a_reload(
    site: Site, screens: Screens
) -> None:
    screen = await signed_in(site, await screens.desk())
    await screen.is_live()
    await screen.page.evaluate("window.neverReloaded = true")
    number = await site.opens(host="board")
    await screen.shows(f"#incident-{number}")
    await screen.shot("board")

    await site.calms(number, host="board")
    await screen.lacks(f"#incident-{number}")
    assert await screen.page.evaluate("window.neverReloaded")
    assert screen.wrong == []


async def test_the_button_takes_the_incident_on_the_phone(site: Site, screens: Screens) -> None:
    number = await site.opens(host="button")
    screen = await signed_in(site, await screens.phone(), f"/incidents/{number}")
    await screen.is_live()
    button = await screen.at("button.take").bounding_box()
    assert button is not None
    assert button["y"] + button["height"] < 844
    await screen.shot("incident-phone")
    await screen.at("button.take").tap()

    await screen.shows(".state.acknowledged", "Admin")
    assert (await site.incident(number))["acknowledged_by"] == "admin"
    await site.calms(number, host="button")
    await screen.shows(".state.resolved")
    assert screen.wrong == []


async def test_the_form_takes_the_incident_where_scripts_are_off(
    site: Site, screens: Screens
) -> None:
    number = await site.opens(host="form")
    screen = await signed_in(
        site, await screens.phone(java_script_enabled=False), f"/incidents/{number}"
    )
    await screen.presses("button.take")
    await screen.shows(".state.acknowledged")
    await screen.at(NOTE).fill("没有脚本也行")
    await screen.presses(".note-form button")

    await screen.shows(".line-note", "没有脚本也行")
    assert (await site.incident(number))["status"] == "acknowledged"
    await site.calms(number, host="form")


async def test_a_half_typed_note_stays_while_the_page_changes_and_is_added(
    site: Site, screens: Screens
) -> None:
    number = await site.opens(host="note")
    screen = await signed_in(site, await screens.phone(), f"/incidents/{number}")
    await screen.is_live()
    await screen.at(NOTE).fill("写到一半")
    await site.pushes(98, host="note-2")
    await screen.shows(".line-joined")
    assert await screen.at(NOTE).input_value() == "写到一半"
    assert await screen.page.evaluate("document.activeElement.id") == "note-text"
    await screen.presses(".note-form button")

    await screen.shows(".line-note", "写到一半")
    await expect(screen.at(NOTE)).to_have_value("", timeout=WITHIN)
    lines = (await site.incident(number))["timeline"]
    assert [line["facts"]["text"] for line in lines if line["what"] == "note"] == ["写到一半"]
    await site.pushes(0, host="note-2")
    await site.calms(number, host="note")
    assert screen.wrong == []


async def test_language_and_theme_are_chosen_and_kept(site: Site, screens: Screens) -> None:
    screen = await signed_in(site, await screens.desk(color_scheme="light"))
    await screen.shows(".rail", "值班")
    await screen.presses("a[href^='/language/en']")
    await screen.shows(".rail", "On call")
    await screen.presses("#theme")
    assert await screen.page.evaluate(THEME) == "dark"
    await screen.open(f"{site.program.url}/oncall")

    assert await screen.page.evaluate(THEME) == "dark"
    await screen.shows("html[lang=en] .rail", "On call")
    await screen.shot("dark")
    await screen.presses("#theme")
    await screen.presses("a[href^='/language/zh-CN']")
    await screen.shows("html[lang=zh-CN] .rail", "值班")
    assert await screen.page.evaluate(THEME) == "light"
    assert screen.wrong == []


@pytest.mark.parametrize("size", ["phone", "desk"])
@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
async def test_no_page_is_wider_than_the_screen_or_complains(
    site: Site, screens: Screens, size: str, locale: str
) -> None:
    number = await site.opens(host=LONG)
    screen = await (screens.phone if size == "phone" else screens.desk)(locale=locale)
    await signed_in(site, screen)
    for path in (*PAGES, f"/incidents/{number}"):
        await screen.open(f"{site.program.url}{path}")
        await screen.shows(".main")
        assert (path, await screen.overflow()) == (path, 0)
        await screen.shot(f"{size}-{locale}{path.replace('/', '-').replace('?', '-')}")

    assert screen.wrong == []
    await site.calms(number, host=LONG)


async def test_a_page_says_when_it_is_stale_and_comes_back(site: Site, screens: Screens) -> None:
    screen = await signed_in(site, await screens.phone())
    await screen.is_live()
    site.program.kill()
    await screen.reads("#stream", "data-state", "stale")
    await screen.shot("stale")
    await screen.page.evaluate("window.neverReloaded = true")
    await site.program.start()
    await screen.reads("#stream", "data-state", "live")

    number = await site.opens(host="back")
    await screen.shows(f"#incident-{number}")
    assert await screen.page.evaluate("window.neverReloaded")
    assert screen.faults == []
    await site.calms(number, host="back")


async def test_a_page_whose_first_connection_fails_tries_again(
    site: Site, screens: Screens
) -> None:
    screen = await screens.desk()
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    events = f"{site.program.url}/events?*"
    await screen.page.route(events, lambda route: route.abort())
    await screen.open(site.program.url)
    await screen.reads("#stream", "data-state", "stale")

    await screen.page.unroute(events)
    await screen.is_live()
    assert await screen.page.evaluate("htmx.config.sse.reconnectMaxDelay") == 5000
    assert screen.faults == []


async def test_a_page_follows_events_however_late_a_script_arrives(
    site: Site, screens: Screens
) -> None:
    screen = await screens.desk()
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")

    async def late(route: Route) -> None:
        await asyncio.sleep(0.5)
        await route.continue_()

    await screen.page.route("**/hx-sse.min.js*", late)
    await screen.open(site.program.url)
    await screen.is_live()
    assert screen.wrong == []


async def test_no_button_fades_while_the_page_connects(site: Site, screens: Screens) -> None:
    number = await site.opens(host="slow")
    screen = await screens.phone()
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    connects = asyncio.Event()

    async def late(route: Route) -> None:
        await connects.wait()
        await route.continue_()

    await screen.page.route(f"{site.program.url}/incidents/{number}/events?*", late)
    await screen.open(f"{site.program.url}/incidents/{number}")
    await screen.shows("#live.htmx-request")
    await expect(screen.at(".button.take")).to_have_css("opacity", "1", timeout=WITHIN)

    connects.set()
    await screen.is_live()
    await site.calms(number, host="slow")
    assert screen.wrong == []
