"""Wake-up calls leave at commit and find their listeners, also after a broken connection."""

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.notices import Notices, notify


async def test_a_notice_leaves_at_commit_and_not_before(db: Database) -> None:
    notices = Notices(db)
    await notices.start()
    async with notices.subscribe("bell") as bell:
        bell.clear()
        async with db.transaction() as tx:
            notify(tx, "bell", "ding")
            assert await bell.get(0.1) is None
        assert await bell.get(2) == "ding"
    await notices.close()


async def test_a_rolled_back_notice_is_never_heard(db: Database) -> None:
    notices = Notices(db)
    await notices.start()
    async with notices.subscribe("bell") as bell:
        bell.clear()
        with pytest.raises(RuntimeError):
            async with db.transaction() as tx:
                notify(tx, "bell", "ding")
                raise RuntimeError
        assert await bell.get(0.2) is None
    await notices.close()


async def test_after_a_cut_connection_listeners_are_woken_to_look(db: Database) -> None:
    notices = Notices(db)
    await notices.start()
    async with notices.subscribe("bell") as bell:
        bell.clear()
        async with db.transaction() as tx:
            await tx.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
                )
            )
        assert await bell.get(10) == ""
    await notices.close()


async def test_a_mark_is_another_as_soon_as_its_channel_has_said_something(db: Database) -> None:
    notices, others = Notices(db), Notices(db)
    await notices.start()
    await others.start()
    before = notices.mark("bell")
    assert notices.mark("bell") == before != others.mark("bell")

    notices.wake("horn")
    assert notices.mark("bell") == before

    notices.wake("bell")
    assert notices.mark("bell") != before
    await others.close()
    await notices.close()


async def test_while_nobody_listens_no_mark_equals_another(db: Database) -> None:
    notices = Notices(db)

    assert notices.mark("bell") != notices.mark("bell")
