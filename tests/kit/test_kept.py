"""Statements that connections learn before somebody waits for them."""

from sqlalchemy import text

import app.main  # noqa: F401 - every room keeps its own
from kit.db import Database
from kit.kept import learn


async def test_learning_changes_nothing(db: Database) -> None:
    counted = text("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables")
    async with db.transaction() as tx:
        before = await tx.scalar(counted)
        await learn(tx)
        assert await tx.scalar(counted) == before
