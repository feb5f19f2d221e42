"""A client's series taken away: from the database, from memory, and from what a replay brings."""

from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit
from kit.db import Database, lock
from kit.errors import NotFound
from metrics import chunks, deletion
from metrics.batch import Position, Refs
from metrics.head import NONE, Head
from metrics.labels import CLIENT
from metrics.matchers import Matcher, Op
from metrics.ports.decode import Decoded
from metrics.series import UNSTORED, Registry

DELETED = "samples.delete"


class Removal:
    """Removes while nobody writes to the head and no flush runs."""

    def __init__(self, head: Head, registry: Registry, db: Database) -> None:
        self._head, self._registry, self._db = head, registry, db
        self._upto: dict[str, Position] = {}

    async def load(self, session: AsyncSession) -> None:
        """Know what a replay is not to bring back."""
        self._upto = await deletion.deletions(session)

    async def run(self, client: str, upto: Position, *, by: str, now: datetime) -> int:
        """Take away all of a client's, in the journal up to a place; return how many series."""
        refs = self._of(client)
        if not len(refs):
            raise NotFound("client {client!r} has no series", client=client)
        async with self._db.transaction() as tx:
            await lock(tx, *chunks.WRITING)
            await deletion.delete_series(tx, client, upto)
            said = {"series": len(refs)}
            audit(tx, who=by, did=DELETED, on=client, client=client, now=now, facts=said)
        self._remove(refs, client)
        return len(refs)

    def living(self, decoded: Decoded, position: Position) -> Decoded:
        """Return what a record holds of clients whose samples were not taken away since."""
        gone = {client for client, upto in self._upto.items() if position <= upto}
        if not gone:
            return decoded
        clients = self._registry.clients
        doomed = np.array([clients[ref] in gone for ref in decoded.refs.tolist()], np.bool_)
        return decoded.without(doomed, "taken away")

    def forget_replayed(self) -> None:
        """Forget series that the journal names and of which no sample was kept."""
        for client in self._upto:
            refs = self._of(client)
            empty = self._head.row_of[refs] == NONE
            empty &= self._registry.ids_of(refs) == UNSTORED
            self._remove(refs[empty], client)

    def _of(self, client: str) -> Refs:
        return self._registry.index.select([Matcher(CLIENT, Op.EQUAL, client)])

    def _remove(self, refs: Refs, client: str) -> None:
        self._registry.active[client] -= self._head.remove(refs)
        self._registry.remove(refs)
