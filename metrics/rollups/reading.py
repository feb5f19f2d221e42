"""Whole steps of series: from rollups, or from raw samples that are rolled up on the spot."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from kit.db import Database
from metrics.batch import Ints, Pieces, Refs, without_empty
from metrics.columns import Columns, Labels
from metrics.head import Head
from metrics.matchers import Matcher
from metrics.partitions import DAY
from metrics.reads import Reader
from metrics.rolled import Part
from metrics.rollups import days, rows
from metrics.rollups.buckets import Found, decoded, joined, newest, rolled, up
from metrics.rollups.steps import Step
from metrics.series import UNSTORED, Registry

EMPTY = np.empty(0, np.int64)
NOTHING = Pieces(EMPTY, EMPTY, EMPTY, np.empty(0))


class Steps:
    """Reads a store in steps. `since` (ms): from when on what is kept is all there, by its name."""

    def __init__(self, head: Head, registry: Registry, db: Database, raw: Reader) -> None:
        self._head, self._registry, self._db, self._raw = head, registry, db, raw
        self.since: dict[str, int] = {}

    async def read(
        self,
        matchers: Sequence[Matcher],
        start: int,
        end: int,
        *,
        step: Step,
        parts: frozenset[Part],
    ) -> Columns:
        """Return the steps that hold a time from `start` on and end by `end` (ms).

        With parts the columns are `Rolled`; of none, they are the last words of the steps as if
        nothing else had been sampled.
        """
        refs, labels = self._registry.selected(matchers)
        first, last = -(-start // step.ms) * step.ms, end // step.ms * step.ms
        wanted = parts or frozenset((Part.LASTS,))
        found = await self._found(refs, labels, (first, last), step, sorted(wanted))

        def join() -> Columns:
            if not parts:
                return newest(found, labels)
            return joined(found, labels, parts, step.ms)

        columns = await asyncio.to_thread(join)
        return columns if parts else without_empty(columns)

    async def _found(
        self,
        refs: Refs,
        labels: Sequence[Labels],
        ends: tuple[int, int],
        step: Step,
        parts: Sequence[Part],
    ) -> list[Found]:
        """Return steps that end between two times: days from rollups, all others from raw."""
        first, last = ends
        if last < first or not len(refs):
            return [dict.fromkeys(parts, NOTHING)]
        # memory first: what a flush drops from it meanwhile stands in chunks before that
        fresh = self._in_memory(refs, first - step.ms + 1, last)
        ids = self._registry.ids_of(refs)
        stored = np.flatnonzero(ids != UNSTORED)
        async with self._db.snapshot() as session:
            whole = await days.readable(session, (first - 1) // DAY, (last - 1) // DAY, step.name)
            chosen = [day for day, final in whole.items() if final or day not in fresh]
            taken = await rows.read(session, step, chosen, ids[stored].tolist(), parts)
        found = [await asyncio.to_thread(_opened, taken, ids[stored], stored, parts, ends, step.ms)]
        for begin, until in _others(chosen, first, last, step.ms):
            await self._raw.bounded(refs, begin, until)
            raw = await self._raw.whole(refs, labels, begin, until)
            found.append(await asyncio.to_thread(rolled, raw, step.ms))
        return found

    def _in_memory(self, refs: Refs, start: int, end: int) -> set[int]:
        """Return the days of which memory has samples: perhaps no chunk has them yet."""
        pieces = self._head.between(refs, start, end)
        first = (start - 1) // DAY
        return {
            first + day
            for piece in pieces
            for day in np.flatnonzero(np.bincount((piece.times - 1) // DAY - first)).tolist()
        }


def _opened(
    taken: Sequence[tuple[Any, ...]],
    ids: Ints,
    places: Ints,
    parts: Sequence[Part],
    ends: tuple[int, int],
    step_ms: int,
) -> Found:
    """Decode rows: the series of an id has its place beside it."""
    order = np.argsort(ids)
    numbers = np.array([row[0] for row in taken], np.int64)
    owners = places[order][np.searchsorted(ids[order], numbers)]
    found = {}
    for place, part in enumerate(parts, start=1):
        pieces = decoded([row[place] for row in taken], owners)
        at = up(pieces.times, step_ms)
        inside = (at >= ends[0]) & (at <= ends[1])
        found[part] = pieces.only(inside)
    return found


def _others(chosen: Iterable[int], first: int, last: int, step_ms: int) -> list[tuple[int, int]]:
    """Return from when to when raw samples are needed for steps that end between two times."""
    begin = first - step_ms
    borders = [begin, *(at for day in chosen for at in (day * DAY, (day + 1) * DAY)), last]
    cut = np.clip(borders, begin, last).tolist()
    return [(a + 1, b) for a, b in list(pairwise(cut))[::2] if b > a]
