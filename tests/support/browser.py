"""A real browser: screens of the size of a phone or a desk, which remember what went wrong."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.support.peers import needed
from tests.support.program import ADMIN_TOKEN
from tests.support.waiting import until

WITHIN = 15_000
"""Milliseconds in which a page has to show what is expected of it."""

QUIET = (
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-gpu",
)
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
AWAY = ("Failed to load resource", "Failed to fetch", "network error")
TALLEST = 8_000
"""Pixels of a page: a picture of a taller one never ends."""


@dataclass
class Screen:
    """One page of one browser; `wrong` has the errors of its console and its scripts."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    async def open(self, url: str) -> None:
        """Go there."""
        await self.page.goto(url)

    def at(self, selector: str) -> Locator:
        """Return what stands there."""
        return self.page.locator(selector)

    async def shows(self, selector: str, text: str = "") -> None:
        """Wait until something stands there that has this text in it."""
        found = self.at(selector).first
        await expect(found).to_be_visible(timeout=WITHIN)
        await expect(found).to_contain_text(text, timeout=WITHIN)

    async def lacks(self, selector: str) -> None:
        """Wait until nothing stands there."""
        await expect(self.at(selector)).to_have_count(0, timeout=WITHIN)

    async def presses(self, selector: str) -> None:
        """Tap on it, or click where there is no touch."""
        await self.at(selector).first.click(timeout=WITHIN)

    async def is_live(self) -> None:
        """Wait until the page follows the server's events."""
        connected = "document.getElementById('live')?._htmx?.sse?.status === 200"
        await until(lambda: self.page.evaluate(connected), within=15)
        await self.reads("#stream", "data-state", "live")

    async def reads(self, selector: str, attribute: str, value: str) -> None:
        """Wait until an attribute has this value."""
        await expect(self.at(selector)).to_have_attribute(attribute, value, timeout=60_000)

    async def signs_in(self, url: str) -> None:
        """Sign in as admin by the page's form."""
        await self.open(f"{url}/signin")
        await self.enters()

    async def enters(self, name: str = "admin", password: str = ADMIN_TOKEN) -> None:
        """Fill in the form to sign in, wherever that leads."""
        await self.at("[name=name]").fill(name)
        await self.at("[name=password]").fill(password)
        await self.presses("form[action='/signin'] button")

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        whole, shown = await self.page.evaluate(widths)
        return int(whole) - int(shown)

    @property
    def faults(self) -> list[str]:
        """What went wrong but for what the test asked for: a 401, a server that is away."""
        return [each for each in self.wrong if not any(words in each for words in AWAY)]

    async def shot(self, name: str) -> None:
        """Keep a picture, when the environment says where: LANGYAN_SHOTS."""
        folder = os.environ.get("LANGYAN_SHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            height = await self.page.evaluate("document.documentElement.scrollHeight")
            place = Path(folder) / f"{name}.png"
            await self.page.screenshot(path=place, full_page=height < TALLEST)


@dataclass
class Screens:
    """A browser that opens screens, each with cookies of its own."""

    browser: Browser

    async def phone(self, **more: Any) -> Screen:
        """Open a screen of a phone."""
        return await self._open({**PHONE, **more})

    async def desk(self, **more: Any) -> Screen:
        """Open a screen of a desk."""
        return await self._open({**DESK, **more})

    async def _open(self, options: dict[str, Any]) -> Screen:
        context = await self.browser.new_context(**{"locale": "zh-CN", **options})
        screen = Screen(await context.new_page())
        screen.page.on("console", lambda said: _keep(screen, said.type, said.text))
        screen.page.on("pageerror", lambda error: screen.wrong.append(str(error)))
        return screen


def _keep(screen: Screen, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        screen.wrong.append(text)


@asynccontextmanager
async def browsing() -> AsyncIterator[Screens]:
    """Start the browser, and end it with everything that it opened."""
    path = needed("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, chromium_sandbox=False, args=list(QUIET)
        )
        yield Screens(browser)
        await browser.close()
