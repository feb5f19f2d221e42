"""The whole program, with two clients and one thing of each kind that nobody's file owns."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.configuration.examples import EXAMPLES
from kit.db import Database
from tests.support.clock import FakeClock
from tests.support.world import STANDING, World, world


@pytest.fixture(name="world")
async def made_by_hand(db: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    yaml = STANDING.replace("{name: acme, title: 爱可美餐饮,", "{name: bolt, title: Bolt,")
    yaml = yaml.replace("systems: [{name: pos, client: acme, title: 点餐系统, core: true}]", "")
    yaml = yaml.replace("- name: primary", "- name: bolts")
    yaml = yaml.replace("schedule:primary", "schedule:bolts")
    async with world(db, tmp_path, clock, yaml=yaml) as found:
        for section, (thing, _) in EXAMPLES.items():
            answer = await found.http.post(f"/api/v1/{section}", json=thing)
            assert answer.status_code == 201, answer.text
        yield found
