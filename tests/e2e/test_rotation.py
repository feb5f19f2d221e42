"""Another key while the program serves: nothing sealed is lost, links hold or end as it is said."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from kit.keys import FORMER, NAME
from tests.support.examining import examined
from tests.support.program import Program
from tests.support.site import Site, signed, standing

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(name="site", scope="module", loop_scope="module")
async def a_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with standing(tmp_path_factory.mktemp("site")) as found:
        yield found


def key(program: Program) -> str:
    """Return the key that stands in the data folder."""
    return (program.folder / NAME).read_text()


async def pressed(site: Site, link: str) -> int:
    """Press the button behind a link as its receiver does; return the answer's status."""
    answer = await site.http.post(httpx.URL(link).path, headers={"Authorization": ""})
    return answer.status_code


async def test_a_running_service_goes_on_with_another_key(site: Site) -> None:
    number = await site.opens()
    link = (await site.hears("triggered", number=number)).json["links"]["acknowledge"]
    old = key(site.program)

    done = await site.program.run("rotate-key")

    assert done.returncode == 0, done.stderr
    assert "secrets were sealed anew" in done.stderr
    assert key(site.program) != old
    assert old in (site.program.folder / FORMER).read_text()
    assert await pressed(site, link) in (200, 303)
    await site.stands(number, "acknowledged")
    await site.calms(number)
    assert signed(await site.hears("resolved", number=number))
    assert (await examined(site.program))[1]["key"][0] == "ok"
    trail = (await site.http.get("/api/v1/audit", params={"did": "installation"})).json()
    assert trail["items"][0]["did"] == "installation.rotate_key"


async def test_at_once_ends_the_links_and_loses_no_secret(site: Site) -> None:
    number = await site.opens()
    link = (await site.hears("triggered", number=number)).json["links"]["acknowledge"]

    done = await site.program.run("rotate-key", "--at-once")

    assert "links that were sent before have ended" in done.stderr
    assert (site.program.folder / FORMER).read_text() == ""
    assert await pressed(site, link) == 410
    await site.calms(number)
    assert signed(await site.hears("resolved", number=number))


async def test_what_was_interrupted_after_the_key_is_finished_by_sealing(site: Site) -> None:
    folder = site.program.folder
    old = key(site.program)
    (folder / FORMER).write_text(f"{old} 2099-01-01T00:00:00+00:00\n")
    (folder / NAME).write_text("n" * 43)  # and there the command died

    number = await site.opens()
    assert signed(await site.hears("triggered", number=number))
    assert (await examined(site.program))[1]["key"][0] == "warn"
    done = await site.program.run("rotate-key", "--reseal")

    assert done.returncode == 0, done.stderr
    assert key(site.program) == "n" * 43
    assert (await examined(site.program))[1]["key"][0] == "ok"
    await site.calms(number)
    assert signed(await site.hears("resolved", number=number))


async def test_keys_of_the_environment_change_over_a_restart(site: Site) -> None:
    old, new = key(site.program), "e" * 43
    number = await site.opens()
    link = (await site.hears("triggered", number=number)).json["links"]["acknowledge"]
    site.program.stop()
    both = {"LANGYAN_SECRET_KEY": new, "LANGYAN_SECRET_KEY_PREVIOUS": old}
    site.program.more = {**site.program.more, **both}
    await site.program.start()

    done = await site.program.run("rotate-key")

    assert "LANGYAN_SECRET_KEY_PREVIOUS can be taken away" in done.stderr, done.stderr
    assert await pressed(site, link) in (200, 303)
    site.program.stop()
    site.program.more = {**site.program.more, "LANGYAN_SECRET_KEY_PREVIOUS": ""}
    await site.program.start()
    assert (await examined(site.program))[1]["key"][0] == "ok"
    await site.calms(number)
    assert signed(await site.hears("resolved", number=number))
