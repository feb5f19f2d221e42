"""The doctor beside the running program, and without it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.examining import examined
from tests.support.phone import Phone
from tests.support.program import Program, free_port
from tests.support.site import Site, standing

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(name="site", scope="module", loop_scope="module")
async def a_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    port = free_port()
    more = {"LANGYAN_PUBLIC_URL": f"http://localhost:{port}", "LANG": "en_US.UTF-8"}
    async with standing(tmp_path_factory.mktemp("site"), **more) as found:
        found.program.stop()
        found.program.port = port
        await found.program.start()
        yield found


async def test_a_running_installation_that_is_well_is_told_so(site: Site) -> None:
    code, found = await examined(site.program)

    wrong = {check: said for check, (level, said) in found.items() if level == "fail"}
    assert (code, wrong) == (0, {})
    assert found["port"] == ("ok", f"this installation serves on 127.0.0.1:{site.program.port}")
    for check in ("public_url", "key", "tables", "clocks", "health", "escalations", "schedules"):
        assert found[check][0] == "ok", found[check]


async def test_it_speaks_the_language_of_the_terminal_and_hides_secrets(site: Site) -> None:
    english = await site.program.run("doctor", LANG="en_US.UTF-8", LC_ALL="")
    chinese = await site.program.run("doctor", LANG="zh_CN.UTF-8", LC_ALL="")

    assert "0 wrong" in english.stdout
    assert "0 项有问题" in chinese.stdout
    assert site.program.admin["Authorization"][7:] not in english.stdout + chinese.stdout


async def test_what_is_wrong_around_it_fails_with_its_name(site: Site, tmp_path: Path) -> None:
    async with Phone() as phone:
        code, found = await examined(
            site.program,
            LANGYAN_PUBLIC_URL=phone.url(),
            LANGYAN_SECRET_KEY="o" * 43,
            LANGYAN_CONFIG=str(tmp_path / "none"),
            LANGYAN_SMTP_URL="smtp://127.0.0.1:1",
            LANGYAN_LISTN="x",
        )

    assert code == 1
    levels = {check: level for check, (level, _) in found.items()}
    failing = {check for check, level in levels.items() if level == "fail"}
    assert failing >= {"public_url", "key", "configuration", "smtp"}
    assert levels["names"] == "warn"


async def test_without_the_service_it_looks_at_the_rows_all_the_same(site: Site) -> None:
    site.program.stop()
    try:
        code, found = await examined(site.program)
        async with Phone() as phone:
            other = phone.url().removeprefix("http://").rstrip("/")
            _, taken = await examined(site.program, LANGYAN_LISTEN=other)
    finally:
        await site.program.start()

    assert (code, found["port"][0]) == (0, "warn")
    assert found["database"][0] == found["key"][0] == found["rules"][0] == "ok"
    assert taken["port"][0] == "fail"


async def test_settings_that_cannot_be_understood_are_named(site: Site) -> None:
    done = await site.program.run("doctor", LANGYAN_LISTEN="nowhere")

    assert done.returncode == 2
    assert "LANGYAN_LISTEN" in done.stderr


async def test_where_nothing_is_yet_nothing_is_made(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")

    code, found = await examined(program)

    assert (code, found["database"][0]) == (0, "warn")
    assert not program.folder.exists()


async def test_a_database_that_is_away_is_told_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")

    code, found = await examined(
        program,
        LANGYAN_DATABASE_URL=f"postgresql://li:hush@127.0.0.1:{free_port()}/langyan",
        LANGYAN_SECRET_KEY="k" * 43,
    )

    assert (code, found["database"][0], found["disk"][0]) == (1, "fail", "ok")
    assert "hush" not in str(found)
