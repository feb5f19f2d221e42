"""Work that falls is started again."""

import asyncio
import logging

import pytest

from app.keeper import Keeper
from tests.support.clock import NOON


async def test_work_that_falls_is_started_again_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun = 0

    async def falls_once() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise RuntimeError("slipped")
        await asyncio.Event().wait()

    keeper = Keeper()
    keeper.keep("sender", falls_once)
    await asyncio.sleep(0.01)
    with caplog.at_level(logging.ERROR):
        await keeper.look_after(NOON)
    await asyncio.sleep(0.01)

    assert begun == 2
    assert keeper.falls == {"sender": 1}
    assert "slipped" in caplog.text
    await keeper.close()
