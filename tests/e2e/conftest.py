"""What every test against the running program may ask for; a module shares what it has started."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.browser import Screens, browsing
from tests.support.site import Site, standing


@pytest_asyncio.fixture(name="screens", scope="module", loop_scope="module")
async def a_browser() -> AsyncIterator[Screens]:
    async with browsing() as screens:
        yield screens


@pytest_asyncio.fixture(name="site", scope="module", loop_scope="module")
async def a_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with standing(tmp_path_factory.mktemp("site")) as site:
        yield site
