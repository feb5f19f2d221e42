"""What went wrong, as a page: who is signed in keeps the menu, whatever it was."""

import pytest

from tests.support.browsing import browsing
from tests.support.reading import page_of
from tests.support.world import PASSWORD, World


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nothing/here", 404, id="no such address"),
        pytest.param("GET", "/incidents/999", 404, id="no such thing"),
        pytest.param("GET", "/incidents/seven", 422, id="not valid"),
        pytest.param("DELETE", "/hosts", 405, id="no such verb"),
        pytest.param("GET", "/troubles", 403, id="not allowed"),
    ],
)
async def test_a_problem_page_keeps_the_menu_of_who_is_signed_in(
    world: World, method: str, path: str, status: int
) -> None:
    async with browsing(world, "li", PASSWORD) as browser:
        page = page_of(await browser.request(method, path))

    assert page.status == status
    assert 'class="rail"' in page.markup
    assert "李雷" in page.words
    assert 'href="/troubles"' not in page.markup


async def test_who_is_not_signed_in_is_shown_no_menu(world: World) -> None:
    async with browsing(world) as browser:
        page = page_of(await browser.get("/nothing/here"))

    assert page.status == 404
    assert 'class="rail"' not in page.markup
