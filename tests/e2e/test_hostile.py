"""Everything OpenAPI tells of, asked by everybody with data good and bad: all of it keeps its word.

HOSTILE_EXAMPLES=300 asks for longer: more cases of chance, and whole chains of requests.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.support.access import csrf_in, sign_in
from tests.support.fuzzing import fuzz
from tests.support.site import STANDING, Site, standing

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PASSWORD = "correct horse battery staple"
PEOPLE = """
  - {name: eva, title: 艾娃, role: engineer, clients: [acme], password_env: PASSWORD}
  - {name: ken, title: 肯, role: client, clients: [acme], password_env: PASSWORD}
"""
SPARED = (
    "GET /healthz",  # says 503 when the world does not take what we send
    "DELETE /api/v1/account/sessions",
    "DELETE /api/v1/account/sessions/{session_id}",
)


@pytest_asyncio.fixture(name="site", scope="module", loop_scope="module")
async def a_site_with_people(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    clients, _, rest = STANDING.partition("people:\n")
    folder = tmp_path_factory.mktemp("hostile")
    yaml = clients.replace("[{", "[{name: bolt, title: 闪电物流}, {", 1) + f"people:{PEOPLE}{rest}"
    async with standing(folder, yaml=yaml, PASSWORD=PASSWORD) as site:
        await site.opens()
        yield site


async def signed_in(site: Site, who: str) -> Mapping[str, str]:
    """Return the headers that make a request this person's, as their browser sends them."""
    async with httpx.AsyncClient(base_url=site.program.url) as browser:
        assert (await sign_in(browser, who, PASSWORD)).status_code == 303
        page = await browser.get("/account")
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        return {"Cookie": cookies, "x-csrf": csrf_in(page.text)}


@pytest.mark.parametrize("who", ["ken", "eva", "admin"])  # who can do most harm comes last
async def test_every_operation_keeps_to_its_description(
    site: Site, who: str, tmp_path: Path
) -> None:
    headers = site.program.admin if who == "admin" else await signed_in(site, who)

    found = await fuzz(site.program.url, headers, folder=tmp_path, without=SPARED)

    assert found.well, found.told
    assert "Traceback" not in site.program.said()
    assert (await site.http.get("/readyz")).status_code == 200
    async with httpx.AsyncClient(base_url=site.program.url, headers=headers) as still:
        assert (await still.get("/api/v1/roles")).status_code == 200
