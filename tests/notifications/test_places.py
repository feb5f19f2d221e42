"""Who gets a place: the grave ones always, and nobody because others are in the way."""

from uuid import uuid4

from sqlalchemy import update

from kit.db import Database
from notifications.sender import Limits
from notifications.tables import Notification
from tests.support.clock import FakeClock
from tests.support.phone import Answer
from tests.support.telling import telling


async def test_p4s_at_hosts_that_hang_leave_places_for_a_p1(db: Database, clock: FakeClock) -> None:
    limits = Limits(in_flight=8, for_grave=2, per_host=8, skew_most=None)
    async with telling(db, clock, limits=limits) as world:
        world.phone.always_answers(Answer(hang=True), name="slow")
        for _ in range(12):
            await world.promises("slow", priority=4, about=uuid4())
        assert await world.sender.send_due() == 6
        await world.promises("li", priority=1, about=uuid4())
        assert await world.sender.send_due() == 1
        await world.phone.rings(7)
        assert "li" in world.phone.rang


async def test_many_that_cannot_be_claimed_hide_no_other(db: Database, clock: FakeClock) -> None:
    limits = Limits(in_flight=4, skew_most=None)
    async with telling(db, clock, limits=limits) as world:
        for _ in range(9):
            await world.promises("broken", about=uuid4())
        async with db.transaction() as tx:
            await tx.execute(update(Notification).values(contacts=[{"unknown": 1}]))
        await world.promises("li", about=uuid4())
        for _ in range(3):
            await world.sender.send_due()
        await world.sender.settle()
        assert world.phone.rang == ["li"]
