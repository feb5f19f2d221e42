"""The metrics explorer in a browser: limits, a window that is dragged, an address to share."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.support.browser import WITHIN, Screen, Screens
from tests.support.site import INGEST_TOKEN, Site, bearer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LIMITS = ".plot-limit"


async def written(site: Site) -> None:
    """Write three hours of a disk that fills: history, which wakes nobody."""
    end = datetime.now(UTC) - timedelta(minutes=6)
    samples = [
        {
            "name": "disk",
            "labels": {"system": "pos", "instance": "pos-1"},
            "value": 90 - minute / 3,
            "at": (end - timedelta(minutes=minute)).isoformat(),
        }
        for minute in range(180)
    ]
    answer = await site.http.post(
        "/api/v1/samples", json={"samples": samples}, headers=bearer(INGEST_TOKEN)
    )
    assert answer.status_code == 204, answer.text


async def drawn(site: Site, screen: Screen, address: str) -> None:
    """Open an address of the explorer and wait for its chart."""
    await screen.open(f"{site.program.url}{address}")
    await screen.shows("#chart canvas")


async def ink_on(screen: Screen) -> int:
    """Return how many points of the chart are drawn on."""
    counted = """() => {
        const canvas = document.querySelector('#chart canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, at) => at % 4 === 3 && value).length;
    }"""
    found: int = await screen.page.evaluate(counted)
    return found


async def test_a_rules_page_leads_to_a_chart_with_its_limits(site: Site, screens: Screens) -> None:
    await written(site)
    screen = await screens.desk(locale="en-US")
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    await screen.open(f"{site.program.url}/rules/disk")
    await screen.presses(".watch-head a[href^='/explore?']")

    await screen.shows("#chart canvas")
    await expect(screen.at(LIMITS)).to_have_text(["P1 95%", "P3 80%"], timeout=WITHIN)
    places = [await each.bounding_box() for each in await screen.at(LIMITS).all()]
    over = await screen.at("#chart .u-over").bounding_box()
    assert over is not None
    assert places[0] is not None
    assert places[1] is not None
    assert over["y"] < places[0]["y"] < places[1]["y"] < over["y"] + over["height"]
    assert await ink_on(screen) > 1000
    await screen.presses("#theme")
    await expect(screen.at(LIMITS)).to_have_count(2)
    await screen.shot("explorer-limits")
    assert screen.wrong == []


async def test_a_dragged_window_is_in_the_address_and_shows_the_same_elsewhere(
    site: Site, screens: Screens
) -> None:
    await written(site)
    screen = await screens.desk(locale="en-US")
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    await drawn(site, screen, "/explore?expr=disk&range=6h")
    over = await screen.at("#chart .u-over").bounding_box()
    assert over is not None
    across, down = over["x"] + over["width"], over["y"] + over["height"] / 2
    await screen.page.mouse.move(across - 200, down)
    await screen.page.mouse.down()
    await screen.page.mouse.move(across - 100, down, steps=5)
    await screen.page.mouse.up()
    await screen.page.wait_for_url("**since=**until=**")
    await screen.shows("#chart canvas")
    words = await screen.at(".window p").inner_text()

    await screen.at("[name=compare]").select_option("window")
    await screen.presses(".ask-foot button")
    await screen.page.wait_for_url("**compare=window**")
    await screen.shows(".ink.before")
    assert await screen.at(".window p").inner_text() == words
    other = await screens.phone(locale="en-US")
    await other.signs_in(site.program.url)
    await other.shows(".rail")
    await other.open(screen.page.url)
    await other.shows("#chart canvas")
    assert await other.at(".window p").inner_text() == words
    assert await ink_on(other) > 500
    await other.shot("explorer-shared")
    await screen.page.go_back()
    await screen.page.go_back()
    await expect(screen.page).to_have_url(f"{site.program.url}/explore?expr=disk&range=6h")
    assert screen.wrong + other.wrong == []


async def test_compared_lines_have_the_colour_of_their_series(site: Site, screens: Screens) -> None:
    await written(site)
    screen = await screens.desk(locale="en-US")
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    await drawn(site, screen, "/explore?expr=disk&range=1h&compare=window")

    inks = "[...document.querySelectorAll('[data-line]')].map(row => [" + (
        "row.querySelector('code').textContent, row.style.getPropertyValue('--line-ink')])"
    )
    found = await screen.page.evaluate(inks)

    assert len(found) == 2
    assert found[0] == found[1]
    assert screen.wrong == []
