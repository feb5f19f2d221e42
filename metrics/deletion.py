"""Series of a client taken away for good, in one transaction with whoever says that it happened.

A row of `deleted_series` keeps the number of each until its chunks are gone: nobody can read them
any more, so that takes its time. A row of `deletions` says up to where the journal is not to
bring a client's samples back.
"""

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from kit.db import among
from metrics.batch import Position
from metrics.rollups import rows
from metrics.tables import Chunk, DeletedSeries, Deletion, Series

AT_ONCE = 500
"""Series whose chunks are deleted in one transaction."""


async def delete_series(tx: AsyncSession, client: str, upto: Position) -> None:
    """Take away all series of a client, and what of them the journal holds up to a place."""
    theirs = select(Series.id).where(Series.client == client)
    await tx.execute(insert(DeletedSeries).from_select(["id"], theirs))
    await tx.execute(delete(Series).where(Series.client == client))
    place = {"segment": upto.segment, "offset": upto.offset}
    row = postgresql.insert(Deletion).values(client=client, **place)
    await tx.execute(row.on_conflict_do_update(index_elements=[Deletion.client], set_=place))


async def deletions(session: AsyncSession) -> dict[str, Position]:
    """Return up to where the journal's samples of a client are not to come back."""
    stmt = select(Deletion.client, Deletion.segment, Deletion.offset)
    rows = await session.execute(stmt)
    return {client: Position(segment, offset) for client, segment, offset in rows}


async def clear(tx: AsyncSession) -> int:
    """Delete the chunks and rollups of some series that were taken away; return of how many."""
    stmt = select(DeletedSeries.id).order_by(DeletedSeries.id).limit(AT_ONCE)
    ids = (await tx.scalars(stmt)).all()
    if ids:
        await tx.execute(delete(Chunk).where(among(Chunk.series, ids)))
        await rows.clear(tx, ids)
        await tx.execute(delete(DeletedSeries).where(among(DeletedSeries.id, ids)))
    return len(ids)
