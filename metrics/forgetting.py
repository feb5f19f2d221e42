"""What memory lets go of: it is old, and chunks hold it too."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import numpy as np

from kit.clock import milliseconds
from metrics.batch import Ints
from metrics.head import Head
from metrics.labels import Limits
from metrics.series import Registry

SLICE = 2000
"""Rows that are gone through in one go."""


async def breathe() -> None:
    """Let others have their turn."""
    await asyncio.sleep(0)


async def slices(head: Head) -> AsyncIterator[Ints]:
    """Yield all rows of a head, some at a time; others have their turn between them."""
    for start in range(0, len(head.ref_of), SLICE):
        yield np.arange(start, min(start + SLICE, len(head.ref_of)))
        await breathe()


class Forgetting:
    """Makes room in a head."""

    def __init__(self, head: Head, registry: Registry, limits: Callable[[], Limits]) -> None:
        self._head, self._registry, self._limits = head, registry, limits

    async def run(self, now: datetime, *, keep: timedelta, bare: timedelta) -> int:
        """Drop what is older than `keep`; return from when on (ms) all is at hand unpressed.

        That is for `bare`, or less where there is more than memory may hold.
        """
        head, limits = self._head, self._limits()
        since = max(milliseconds(now - bare), head.oldest_of(limits.held))
        before = milliseconds(now - keep)
        for refs, at in head.slabs.drop(before, limits.pressed):
            head.covered[refs] = np.maximum(head.covered[refs], at)
        head.forget_late(before)
        async for rows in slices(head):
            head.forget_blocks(rows, since)
            for ref in head.forget(rows, before):
                self._registry.active[self._registry.clients[ref]] -= 1
        return since
