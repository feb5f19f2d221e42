"""A browser without a screen: cookies of its own, and forms sent as its pages have them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.support.access import csrf_in
from tests.support.world import World


@asynccontextmanager
async def browsing(
    world: World, name: str = "", password: str = ""
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser with cookies of its own, signed in if it has a name; it reads English."""
    headers = {"accept": "text/html", "accept-language": "en"}
    transport = world.http._transport
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=headers
    ) as browser:
        if name:
            entered = await sends(browser, "/signin", to="/signin", name=name, password=password)
            assert entered.status_code == 303, entered.text
        yield browser


async def sends(browser: httpx.AsyncClient, page: str, *, to: str, **form: str) -> httpx.Response:
    """Open a page and send a form with the token that it carries."""
    shown = await browser.get(page)
    assert shown.status_code in (200, 422), shown.text
    return await browser.post(to, data={"csrf": csrf_in(shown.text), **form})
