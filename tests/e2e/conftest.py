"""What every test against the running program may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.browser import Screens, browsing
from tests.support.site import Site, standing


@pytest.fixture(name="screens")
async def a_browser() -> AsyncIterator[Screens]:
    async with browsing() as screens:
        yield screens


@pytest.fixture(name="site")
async def a_site(tmp_path: Path) -> AsyncIterator[Site]:
    async with standing(tmp_path) as site:
        yield site
