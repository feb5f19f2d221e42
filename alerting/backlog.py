"""Batches that have come and are not yet evaluated: cheap to add to, bounded, taken in slices."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from kit.clock import milliseconds
from metrics.batch import Batch, Floats, Ints, Position, Refs

SLICE = 65_536
MOST = 10_000_000
"""Samples that wait before the oldest are dropped; what lasts is found in the head."""

Unread = Callable[[Batch], NDArray[np.bool_]]


@dataclass(frozen=True)
class Drained:
    """Some of what waited, in the order in which it came; `arrived` in ms."""

    refs: Refs
    times: Ints
    values: Floats
    arrived: Ints
    position: Position


class Backlog:
    """What waits; `history` is how old a sample may be when it comes, None for any age."""

    def __init__(self, history: timedelta | None, *, most: int = MOST) -> None:
        self.woken = asyncio.Event()
        self.history = self.dropped = 0
        self._oldest_ms = None if history is None else history // timedelta(milliseconds=1)
        self._most = most
        self._batches: deque[Batch] = deque()
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    @property
    def crowded(self) -> bool:
        """Tell whether half of what may wait does: time to take no more."""
        return self._waiting > self._most // 2

    @property
    def oldest(self) -> datetime | None:
        """When the batch arrived that waits longest."""
        return self._batches[0].arrived if self._batches else None

    @property
    def refs(self) -> list[Refs]:
        """The series of each batch that waits."""
        return [batch.refs for batch in self._batches]

    def add(self, batch: Batch) -> None:
        """Take note of a batch, without what was history when it came."""
        if self._oldest_ms is not None:
            fresh = batch.times >= milliseconds(batch.arrived) - self._oldest_ms
            if not fresh.all():
                self.history += len(fresh) - int(fresh.sum())
                batch = only(batch, fresh)
        self._batches.append(batch)
        self._waiting += len(batch.refs)
        while self._waiting > self._most and len(self._batches) > 1:
            lost = len(self._batches.popleft().refs)
            self._waiting -= lost
            self.dropped += lost
        self.woken.set()

    def forget(self, before: datetime) -> None:
        """Drop what arrived before a moment: somebody else has evaluated it."""
        while self._batches and self._batches[0].arrived < before:
            self._waiting -= len(self._batches.popleft().refs)

    def take(self, unread: Unread) -> Drained | None:
        """Return about a slice of what waits, None for nothing.

        Of a batch that the journal brought back, `unread` tells which samples are news.
        """
        taken: list[Batch] = []
        size, last = 0, None
        while self._batches and (not taken or size + len(self._batches[0].refs) <= SLICE):
            batch = self._batches.popleft()
            self._waiting -= len(batch.refs)
            last = batch.position
            taken.append(only(batch, unread(batch)) if batch.replayed else batch)
            size += len(taken[-1].refs)
        if last is None:
            return None
        arrived = [milliseconds(batch.arrived) for batch in taken]
        if len(taken) == 1:
            (batch,) = taken
            came = np.full(len(batch.refs), arrived[0])
            return Drained(batch.refs, batch.times, batch.values, came, last)
        return Drained(
            np.concatenate([batch.refs for batch in taken]),
            np.concatenate([batch.times for batch in taken]),
            np.concatenate([batch.values for batch in taken]),
            np.repeat(np.array(arrived, np.int64), [len(batch.refs) for batch in taken]),
            last,
        )


def only(batch: Batch, chosen: NDArray[np.bool_]) -> Batch:
    """Return the batch with only the chosen samples."""
    return replace(
        batch,
        refs=batch.refs[chosen],
        times=batch.times[chosen],
        values=batch.values[chosen],
    )
