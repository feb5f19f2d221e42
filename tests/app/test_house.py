"""The house follows its configuration, whatever goes wrong meanwhile."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from access import commands
from access.commands import Hand
from access.directory import Directory
from access.schemas import SystemSpec
from access.scope import SYSTEM
from alerting.groups.rules import FileRule
from alerting.share import Share
from alerting.thresholds import CompiledRule
from app import provisioning
from kit.db import Database
from kit.errors import Overloaded
from tests.support.clock import FakeClock
from tests.support.phone import Phone
from tests.support.waiting import until
from tests.support.world import PASSWORD, STANDING, World, life


async def apply(world: World, folder: Path, expr: str) -> None:
    written = folder / "config" / "world.yml"
    written.write_text(written.read_text().replace("expr: disk", f"expr: {expr}"))
    await provisioning.apply(
        world.db,
        [provisioning.DEFAULTS, folder / "config"],
        seal=str,
        now=world.clock(),
        environ={"LI_PASSWORD": PASSWORD},
    )


async def test_a_change_that_could_not_be_read_at_once_is_read_later(
    db: Database, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 0
    async with (
        Phone() as phone,
        life(db, tmp_path, clock, phone=phone, yaml=STANDING, by_itself=True) as world,
    ):
        reload = world.house.evaluator.reload

        async def falls_once(
            rules: Sequence[CompiledRule],
            directory: Directory,
            *,
            files: Sequence[FileRule],
            share: Share,
            version: int | None,
            now: datetime,
        ) -> None:
            nonlocal failures
            failures += 1
            if failures == 1:
                raise Overloaded("not now")
            await reload(rules, directory, files=files, share=share, version=version, now=now)

        monkeypatch.setattr(world.house.evaluator, "reload", falls_once)
        await apply(world, tmp_path, "disk_used")

        async def read_again() -> bool:
            return failures == 2

        await until(read_again, within=10)


async def test_a_change_during_the_start_is_read(
    db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    async with Phone() as phone, life(db, tmp_path, clock, phone=phone) as world:
        await apply(world, tmp_path, "disk_used")  # nobody listens yet
        world.house.keeper.keep("configuration", world.house._follow_configuration)

        async def read_again() -> bool:
            await world.pushes("disk_used", 97)
            await world.passes(minutes=2)
            return world.phone.rang == ["li"]

        await until(read_again, within=10)


async def test_what_somebody_makes_by_hand_holds_within_a_second(
    db: Database, tmp_path: Path, clock: FakeClock
) -> None:
    async with (
        Phone() as phone,
        life(db, tmp_path, clock, phone=phone, yaml=STANDING, by_itself=True) as world,
    ):
        spec = SystemSpec("acme", "web", "Web", None, match={"job": "web"})
        async with db.transaction() as tx:
            await commands.keep_system(tx, spec, Hand(SYSTEM, clock()), new=True)

        async def it_holds() -> bool:
            return world.house.directory.system_of({"client": "acme", "job": "web"}) == "web"

        await until(it_holds, within=1)
