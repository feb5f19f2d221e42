"""Every page of the one table of routes, on a phone and on a desk, in both languages and themes."""

import os
from collections.abc import Mapping

import pytest
from axe_playwright_python.async_playwright import Axe

from app.routes import ROUTES, Door
from tests.support.browser import Screen, Screens
from tests.support.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

EVERY = [
    (size, locale, theme)
    for size in ("phone", "desk")
    for locale in ("zh-CN", "en-US")
    for theme in ("light", "dark")
]
PAIRS = [
    ("phone", "zh-CN", "light"),
    ("phone", "en-US", "dark"),
    ("desk", "zh-CN", "dark"),
    ("desk", "en-US", "light"),
]
"""Each two of size, language and theme meet once; pictures are taken of all eight."""

LOOKS = EVERY if os.environ.get("LANGYAN_SHOTS") else PAIRS
NO_PAGES = ("events", ".csv", "/explore/")
ASKED = {"/explore": "?expr=disk&range=1h", "/search": "?q=pos"}
NAMED = {
    "/clients": "acme",
    "/rules": "disk",
    "/admin/clients": "acme",
    "/admin/people": "li",
    "/admin/thresholds": "disk",
    "/admin/escalations": "default",
    "/admin/slas": "standard",
    "/admin/schedules": "primary",
    "/admin/systems": "pos",
    "/admin/limits": "disk",
    "/admin/targets": "till",
}
"""What `{name}` is below each of these."""

GRAVE = {"serious", "critical"}


def paths(found: Mapping[str, str]) -> list[str]:
    """Return the address of every page of the table."""
    pages = [
        route.path
        for route in ROUTES
        if route.method == "GET"
        and route.door is Door.PAGE
        and not any(part in route.path for part in NO_PAGES)
    ]
    return [_filled(path, found) + ASKED.get(path, "") for path in pages]


def _filled(path: str, found: Mapping[str, str]) -> str:
    above = path.partition("/{")[0]
    return path.format_map({"name": NAMED.get(above, ""), **found})


async def _complaints(screen: Screen) -> list[str]:
    """Return what axe-core calls serious or critical."""
    results = await Axe().run(screen.page)
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in results.response["violations"]
        if one["impact"] in GRAVE
    ]


@pytest.mark.parametrize(("size", "locale", "theme"), LOOKS)
async def test_every_page_fits_and_shuts_nobody_out(
    site: Site, screens: Screens, size: str, locale: str, theme: str
) -> None:
    await site.asks_for_nothing("till")
    number = await site.opens(host=f"{size}-{locale}-{theme}")
    alerts = (await site.http.get("/api/v1/alerts")).json()["items"]
    found = {
        "number": str(number),
        "alert_id": alerts[0]["id"],
        "client": "acme",
        "system": "pos",
    }
    wide = screens.phone if size == "phone" else screens.desk
    screen = await wide(locale=locale, color_scheme=theme)
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")

    wrong = []
    for path in paths(found):
        await screen.open(f"{site.program.url}{path}")
        await screen.shows(".main")
        if pixels := await screen.overflow():
            wrong.append(f"{path} is {pixels} pixels too wide")
        wrong += [f"{path}: {said}" for said in await _complaints(screen)]
        words = path.replace("/", "-").replace("?", "-").replace("&", "-")
        await screen.shot(f"{size}-{locale}-{theme}{words}")

    await site.calms(number, host=f"{size}-{locale}-{theme}")
    assert wrong == []
    assert screen.wrong == []
