"""The pages that follow what happens, in a browser: hosts, incidents, on call."""

import pytest
from playwright.async_api import expect

from tests.support.browser import WITHIN, Screen, Screens
from tests.support.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CPU = "langyan_host_cpu_percent"


async def following(site: Site, screen: Screen, path: str) -> Screen:
    """Open a page as admin, and wait until it follows the server."""
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    await screen.open(f"{site.program.url}{path}")
    await screen.is_live()
    await screen.page.evaluate("window.neverReloaded = true")
    return screen


async def stayed(screen: Screen) -> None:
    """See that the page was never loaded again, and nothing went wrong on it."""
    assert await screen.page.evaluate("window.neverReloaded")
    assert screen.wrong == []


async def test_an_incident_comes_into_the_list_and_its_row_keeps_the_focus(
    site: Site, screens: Screens
) -> None:
    number = await site.opens(host="list-1")
    screen = await following(site, await screens.desk(), "/incidents")
    await screen.page.keyboard.press("j")
    focused = "document.activeElement.getAttribute('href')"
    assert await screen.page.evaluate(focused) == f"/incidents/{number}"
    await site.http.post(f"/api/v1/incidents/{number}/acknowledge")

    await screen.shows(f"#incident-{number} .state.acknowledged", "admin")
    assert await screen.page.evaluate(focused) == f"/incidents/{number}"
    await site.calms(number, host="list-1")
    await screen.lacks(f"#incident-{number}")
    await stayed(screen)


async def test_a_host_appears_and_its_values_move(site: Site, screens: Screens) -> None:
    screen = await following(site, await screens.phone(), "/hosts")
    await site.pushes(12, name=CPU, instance="web-1")
    await expect(screen.at("#host-acme-web-1")).to_contain_text("12%", timeout=2 * WITHIN)
    await site.pushes(34, name=CPU, instance="web-1")
    await expect(screen.at("#host-acme-web-1")).to_contain_text("34%", timeout=2 * WITHIN)
    await stayed(screen)


async def test_a_schedule_made_by_hand_appears(site: Site, screens: Screens) -> None:
    screen = await following(site, await screens.desk(), "/oncall")
    layers = [{"rotation": "daily", "handoff": "09:00", "people": ["li"]}]
    made = {"name": "nights", "timezone": "Asia/Shanghai", "layers": layers}
    answer = await site.http.post("/api/v1/schedules", json=made)
    assert answer.status_code == 201, answer.text

    await screen.shows("#schedule-nights", "李雷")
    await stayed(screen)
