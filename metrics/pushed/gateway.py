"""The gateway: takes pushes, writes them at once, and again each time a scrape would have come."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import islice

from kit.clock import milliseconds
from kit.db import Database
from kit.errors import Invalid, Refusal
from metrics.columns import STALE, Labels
from metrics.ports.decoders import KnownClients
from metrics.ports.encode import write_request
from metrics.ports.exposition.found import Exposition
from metrics.ports.http import Sink
from metrics.pushed import commands
from metrics.pushed.groups import Family, Group, agree, families_of

log = logging.getLogger(__name__)

GROUPS_MOST = 10_000
"""Groups of one sender."""
AT_ONCE = 2_000
"""Samples that are written in one go."""

Sample = tuple[Labels, float]


class Gateway:
    """Every group, in memory as in the database; for the loop only."""

    def __init__(self, store: Sink, db: Database, known_clients: KnownClients) -> None:
        self._store = store
        self._db = db
        self._known_clients = known_clients
        self._groups: dict[str | None, dict[Labels, Group]] = {}
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Read the groups of former lives, and of other replicas."""
        async with self._turn, self._db.snapshot() as session:
            self._groups = {}
            for group in await commands.groups(session):
                self._groups.setdefault(group.sender, {})[group.labels] = group

    def groups(self, sender: str | None) -> list[Group]:
        """Return the groups that one sender has pushed."""
        return list(self._groups.get(sender, {}).values())

    async def push(
        self, sender: str | None, labels: Labels, given: Exposition, *, whole: bool, now: datetime
    ) -> None:
        """Take a push; `whole` replaces all of the group, else only metrics of the same names.

        One that is refused leaves the group as it was, but for the time of the failure.
        """
        async with self._turn:
            before = self._before(sender, labels)
            try:
                given_now = families_of(given, labels)
                self._check(before, given_now)
                families = given_now if whole else {**before.families, **given_now}
                group = replace(before, families=families, pushed_at=now)
                await self._write(sender, group.samples(), now)
            except Invalid:
                await self._failed(before, now)
                raise
            await self._keep(group)
            await self._end(sender, before, group, now)

    async def delete(self, sender: str | None, labels: Labels, *, now: datetime) -> None:
        """Take exactly this group away, if it is there; its series end."""
        async with self._turn:
            group = self._groups.get(sender, {}).get(labels)
            if group is None:
                return
            async with self._db.transaction() as tx:
                await commands.drop(tx, group)
            del self._groups[sender][labels]
            await self._end(sender, group, None, now)

    async def wipe(self, sender: str | None, *, now: datetime) -> None:
        """Take every group of one sender away."""
        for group in self.groups(sender):
            await self.delete(sender, group.labels, now=now)

    async def push_again(self, now: datetime) -> int:
        """Write every group as of now, as a scrape would; return how many samples that were.

        Those of a client that is gone stay unwritten: it may come back.
        """
        written, known = 0, self._known_clients()
        for sender, groups in list(self._groups.items()):
            if sender is not None and sender not in known:
                continue
            samples = [one for group in groups.values() for one in group.samples()]
            try:
                await self._write(sender, samples, now)
                written += len(samples)
            except Refusal as refusal:
                whose = sender or "all clients"
                log.warning("pushed metrics of %s were not taken: %s", whose, refusal.detail)
        return written

    def _before(self, sender: str | None, labels: Labels) -> Group:
        groups = self._groups.get(sender, {})
        if labels not in groups and len(groups) >= GROUPS_MOST:
            raise Invalid(f"{GROUPS_MOST} groups are kept; delete some")
        return groups.get(labels) or Group(sender, labels)

    def _check(self, before: Group, families: dict[str, Family]) -> None:
        """Refuse families that are of another kind in another group."""
        for group in self._groups.get(before.sender, {}).values():
            if group.labels == before.labels:
                continue
            for name, family in families.items():
                other = group.families.get(name)
                if other is not None and not agree(family, other):
                    raise Invalid(f"{name} is a {other.kind} in another group, here {family.kind}")

    async def _failed(self, before: Group, now: datetime) -> None:
        """Remember when a push failed, if the group itself can be kept at all."""
        group = replace(before, failed_at=now)
        try:
            await self._write(group.sender, group.samples(), now)
        except Invalid:
            return
        await self._keep(group)

    async def _keep(self, group: Group) -> None:
        async with self._db.transaction() as tx:
            await commands.keep(tx, group)
        self._groups.setdefault(group.sender, {})[group.labels] = group

    async def _end(
        self, sender: str | None, before: Group, after: Group | None, now: datetime
    ) -> None:
        """End the series that a group no longer has."""
        still = {labels for labels, _ in after.samples()} if after else set()
        gone = [(labels, STALE) for labels, _ in before.samples() if labels not in still]
        await self._write(sender, gone, now)

    async def _write(self, sender: str | None, samples: Iterable[Sample], now: datetime) -> None:
        left, at = iter(samples), milliseconds(now)
        while some := list(islice(left, AT_ONCE)):
            labels = [labels for labels, _ in some]
            body = write_request(labels, [at] * len(some), [value for _, value in some])
            kept = await self._store.append(body, port="remote_write", client=sender, now=now)
            if kept.refused:
                raise Invalid(str(kept.reason))
