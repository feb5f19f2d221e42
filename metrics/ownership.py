"""Whose samples the database holds: one data folder's. Another's journal must not mix in."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kit.errors import Conflict
from kit.folder import secret
from metrics.batch import START, Position
from metrics.tables import JournalMark

NAME = "id"
"""The file in a folder of samples that says which one it is."""


class OtherFolder(Conflict):
    """The database goes with a data folder that is not this one."""

    slug, title = "other-folder", "The database belongs to another data folder"


async def owner(session: AsyncSession) -> str | None:
    """Return the id of the data folder that goes with the database; None before the first."""
    return await session.scalar(select(JournalMark.folder))


async def own(tx: AsyncSession, folder: Path, *, adopt: bool = False) -> Position:
    """Return the place in the journal of `folder` up to which chunks hold every sample.

    A database without an owner is taken; one of another folder is refused, or taken to `adopt`.
    """
    mine, _ = secret(folder / NAME, size=16)
    fresh = {"id": 1, "segment": START.segment, "offset": START.offset, "folder": mine}
    await tx.execute(insert(JournalMark).values(fresh).on_conflict_do_nothing())
    mark = await tx.get_one(JournalMark, 1, with_for_update=True)
    if mark.folder != mine and not adopt:
        raise OtherFolder(
            f"the samples of this database belong to another data folder than {folder}; "
            "use that one, or, if it is gone for good, start once with LANGYAN_ADOPT=true"
        )
    mark.folder = mine
    return Position(mark.segment, mark.offset)
