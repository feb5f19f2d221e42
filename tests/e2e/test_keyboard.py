"""The pages by keyboard alone, and on paper."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.support.browser import WITHIN, Screen, Screens
from tests.support.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

FOCUSED = "document.activeElement.getAttribute('href')"


async def signed_in(site: Site, screen: Screen, path: str) -> Screen:
    """Sign in as admin and go to a page."""
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    await screen.open(f"{site.program.url}{path}")
    return screen


async def test_the_first_tab_leads_past_the_menu(site: Site, screens: Screens) -> None:
    screen = await signed_in(site, await screens.desk(), "/oncall")
    await screen.page.keyboard.press("Tab")

    await expect(screen.at(".skip")).to_be_focused()
    await expect(screen.at(".skip")).to_be_in_viewport()
    await screen.page.keyboard.press("Enter")
    await expect(screen.at("#main")).to_be_focused()
    assert screen.wrong == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_question_mark_lists_the_keys(site: Site, screens: Screens, theme: str) -> None:
    screen = await signed_in(site, await screens.desk(color_scheme=theme), "/rules")
    await screen.page.keyboard.press("?")
    await screen.shows("#keys[open]", "快捷键")
    results = await Axe().run(screen.page)
    await screen.shot(f"keys-{theme}")
    await screen.page.keyboard.press("j")
    assert await screen.page.evaluate("document.activeElement.closest('#keys') !== null")
    await screen.page.keyboard.press("Escape")

    await screen.lacks("#keys[open]")
    assert [one["id"] for one in results.response["violations"]] == []
    await screen.presses("#keys-open")
    await screen.shows("#keys[open]")
    await screen.presses("#keys button")
    await screen.lacks("#keys[open]")
    assert screen.wrong == []


async def test_a_list_is_walked_and_opened_and_a_slash_searches(
    site: Site, screens: Screens
) -> None:
    screen = await signed_in(site, await screens.desk(), "/rules")
    lines = [await line.get_attribute("href") for line in await screen.at("#main a.row").all()]
    await screen.page.keyboard.press("ArrowDown")
    assert await screen.page.evaluate(FOCUSED) not in lines
    await screen.page.keyboard.press("j")
    assert await screen.page.evaluate(FOCUSED) == lines[0]
    await screen.page.keyboard.press("ArrowDown")
    assert await screen.page.evaluate(FOCUSED) == lines[1]
    await screen.page.keyboard.press("k")
    await screen.page.keyboard.press("Enter")
    await expect(screen.page).to_have_url(f"{site.program.url}{lines[0]}", timeout=WITHIN)

    await screen.page.keyboard.press("/")
    await screen.page.keyboard.type("disk?j")
    await expect(screen.at("#find")).to_have_value("disk?j")
    await screen.lacks("#keys[open]")
    assert screen.wrong == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_paper_is_white_and_has_nothing_to_press(
    site: Site, screens: Screens, theme: str
) -> None:
    number = await site.opens(host=f"paper-{theme}")
    screen = await signed_in(site, await screens.desk(color_scheme=theme), f"/incidents/{number}")
    await screen.page.emulate_media(media="print")

    for gone in (".rail", ".top", ".act", ".note-form", ".skip", "main button", "main .button"):
        for each in await screen.at(gone).all():
            await expect(each).to_be_hidden()
    await screen.shows(".printed", f"/incidents/{number}")
    ink = "getComputedStyle(document.querySelector('h1')).color"
    assert await screen.page.evaluate(ink) == "rgb(24, 33, 45)"
    await screen.page.emulate_media(media="screen")
    await expect(screen.at(".rail")).to_be_visible()
    await site.calms(number, host=f"paper-{theme}")
    assert screen.wrong == []
