"""Chunks to and from PostgreSQL: encoded in slices off the loop, written by binary COPY."""

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from sqlalchemy import (
    ARRAY,
    LargeBinary,
    any_,
    cast,
    func,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from kit.sql import driver
from metrics import codec, partitions
from metrics.batch import Floats, Ints, Pieces, Position, rising
from metrics.columns import Columns, Labels
from metrics.labels import key_of
from metrics.rollups import days
from metrics.tables import Chunk, JournalMark, Series

HOUR = 3_600_000
"""A flush cuts at full hours, so that all that is said of a moment can be packed as one."""
WINDOW = 4 * HOUR
"""Nothing packed reaches over the end of one: at 15 seconds it is one chunk of 960 samples."""
ENOUGH = codec.MOST // 4
"""Samples of an hour that a flush brings of a series before packing gains too little: a quarter
of what a chunk holds. What else a row takes is a tenth of them then."""
ROWS = 1000
"""Series that are read in one go."""
REACH = 24 * HOUR
"""No chunk reaches over midnight, however old it is: a read need not look further back."""
WRITING = ("metrics", "flush")
"""The lock of whoever writes chunks: of two at once, the later id must be the later word."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_COLUMNS = ("series", "start_at", "end_at", "count", "packed", "body")
_FIXED = {"series": ">i8", "start_at": ">i8", "end_at": ">i8", "count": ">i4", "packed": "u1"}
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(
            field
            for name, kind in _FIXED.items()
            for field in ((f"{name}_bytes", ">i4"), (name, kind))
        ),
        ("body_bytes", ">i4"),
    ]
)


_COUNT = text(
    "SELECT sum(count)::bigint FROM chunks WHERE series = ANY(CAST(:ids AS bigint[])) "
    "AND start_at >= :reach AND start_at <= :end AND end_at >= :start"
)
AT_HAND = 32_768
"""So many samples are decoded at one go: their columns lie in the processor's cache."""
FEW = 8
"""Of so many chunks in a go a part may be wanted before each sample is looked at."""

_READ = (
    "SELECT series, body FROM chunks WHERE series = ANY($1::bigint[]) AND start_at >= $2 "
    "AND start_at <= $3 AND end_at >= $4 ORDER BY id"
)


@dataclass(frozen=True)
class Encoded:
    """Rows of `chunks` in the making: `owner` says whose each is, `fixed` lacks only its series."""

    owner: Ints
    fixed: npt.NDArray[np.void]
    bodies: bytes

    @property
    def sizes(self) -> Ints:
        """How long each body is; they stand one after another."""
        sizes: Ints = self.fixed["body_bytes"].astype(np.int64)
        return sizes

    @property
    def samples(self) -> int:
        """How many samples these rows hold."""
        return int(self.fixed["count"].sum())


def encoded(columns: Columns, *, packed: bool = False) -> Encoded:
    """Cut columns into chunks and encode them; owners are places in the columns."""
    owner, begins = _cuts(columns, WINDOW if packed else HOUR)
    lengths = np.diff(np.append(begins, len(columns.times)))
    fixed = np.zeros(len(begins), _ROW)
    bodies = [b""] * len(begins)
    for length in np.unique(lengths).tolist():
        chosen = np.flatnonzero(lengths == length)
        times, values = _rows(columns, begins[chosen], length)
        fixed["start_at"][chosen], fixed["end_at"][chosen] = times[:, 0], times[:, -1]
        for place, body in zip(chosen.tolist(), codec.encode_rows(times, values), strict=True):
            bodies[place] = body
    fixed["count"], fixed["packed"] = lengths, packed or _dense(owner, fixed["start_at"], lengths)
    fixed["fields"] = len(_COLUMNS)
    for name in _FIXED:
        fixed[f"{name}_bytes"] = _ROW[name].itemsize
    fixed["body_bytes"] = [len(body) for body in bodies]
    return Encoded(owner, fixed, b"".join(bodies))


def _dense(owner: Ints, start_at: Ints, lengths: Ints) -> npt.NDArray[np.bool_]:
    """Return which chunks are of an hour that brought enough of their series."""
    new = np.ones(len(owner), np.bool_)
    hours = start_at // HOUR
    new[1:] = (owner[1:] != owner[:-1]) | (hours[1:] != hours[:-1])
    of = np.cumsum(new) - 1
    dense: npt.NDArray[np.bool_] = np.bincount(of, weights=lengths)[of] >= ENOUGH
    return dense


def _rows(columns: Columns, begins: Ints, length: int) -> tuple[Ints, Floats]:
    """Return the samples of equally long chunks, one in each row."""
    if len(begins) * length == len(columns.times):  # all of them: nothing needs to be gathered
        shape = len(begins), length
        return columns.times.reshape(shape), columns.values.reshape(shape)
    at = begins[:, np.newaxis] + np.arange(length)
    return columns.times[at], columns.values[at]


def _cuts(columns: Columns, span: int) -> tuple[Ints, Ints]:
    """Return whose chunks there are and where they begin: by series, span of time and `MOST`."""
    times, counts = columns.times, np.diff(columns.starts)
    one_span = not len(times) or times.min() // span == times.max() // span
    if one_span and counts.max(initial=0) <= codec.MOST:
        owner = np.flatnonzero(counts)
        return owner, columns.starts[owner]
    owner = np.repeat(np.arange(len(counts)), counts)
    new = np.ones(len(owner), np.bool_)
    new[1:] = owner[1:] != owner[:-1]
    of = times // span
    new[1:] |= of[1:] != of[:-1]
    begins = np.flatnonzero(new)
    rank = np.arange(len(owner)) - np.repeat(begins, np.diff(np.append(begins, len(owner))))
    begins = np.flatnonzero(rank % codec.MOST == 0)
    return owner[begins], begins


def copy_rows(chunks: Encoded, ids: Ints) -> bytes:
    """Return rows in the binary COPY format, without its header; `ids` by owner."""
    chunks.fixed["series"] = ids[chunks.owner]
    size, fixed = _ROW.itemsize, chunks.fixed.tobytes()
    heads = range(0, len(fixed), size)
    ends = np.cumsum(chunks.sizes).tolist()
    return b"".join(
        part
        for at, (begin, end) in zip(heads, pairwise([0, *ends]), strict=True)
        for part in (fixed[at : at + size], chunks.bodies[begin:end])
    )


def _series_rows(ids: Sequence[int], clients: Sequence[str], labels: Sequence[Labels]) -> bytes:
    out = bytearray()
    for number, client, of in zip(ids, clients, labels, strict=True):
        name = client.encode()
        content = b"\x01" + orjson.dumps(dict(of))  # the version of jsonb's binary form
        out += struct.pack(">hiqi", 4, 8, number, len(name)) + name
        out += struct.pack(">i", len(content)) + content
        out += struct.pack(">i", 16) + key_of(of)
    return bytes(out)


async def _copy(
    tx: AsyncSession, table: str, columns: Iterable[str], rows: AsyncIterable[bytes]
) -> None:

    async def stream() -> AsyncIterator[bytes]:
        yield _HEADER
        async for part in rows:
            yield part
        yield _TRAILER

    connection = await driver(tx)
    await connection.copy_to_table(table, source=stream(), columns=list(columns), format="binary")


async def enter_series(
    tx: AsyncSession, clients: Sequence[str], labels: Sequence[Labels]
) -> list[int]:
    """Return the ids of these distinct series; those the database lacks are written."""
    keys = await asyncio.to_thread(lambda: [key_of(of) for of in labels])
    one_of = any_(cast(keys, ARRAY(LargeBinary)))
    found = await tx.execute(select(Series.key, Series.id).where(Series.key == one_of))
    known: dict[bytes, int] = {key: number for key, number in found}
    new = [place for place, key in enumerate(keys) if key not in known]
    if new:
        sequence = func.pg_get_serial_sequence(Series.__tablename__, Series.id.key)
        drawn = select(func.nextval(sequence)).select_from(func.generate_series(1, len(new)))
        ids = list((await tx.scalars(drawn)).all())
        rows = _series_rows(ids, [clients[i] for i in new], [labels[i] for i in new])
        await _copy(tx, Series.__tablename__, ("id", "client", "labels", "key"), _once(rows))
        known |= {keys[place]: number for place, number in zip(new, ids, strict=True)}
    return [known[key] for key in keys]


async def _once(rows: bytes) -> AsyncIterator[bytes]:
    yield rows


async def write(
    tx: AsyncSession, parts: deque[tuple[Encoded, Ints]], mark: Position, now: datetime
) -> None:
    """Write chunks, each part with the ids by owner, and the place in the journal they reach."""
    await tx.execute(update(JournalMark).values(segment=mark.segment, offset=mark.offset))
    found = [np.unique(part.fixed["start_at"] // partitions.DAY).tolist() for part, _ in parts]
    await partitions.make(tx, chain.from_iterable(found), now)
    spans = [days.days_of(part.fixed["start_at"], part.fixed["end_at"]) for part, _ in parts]
    await days.touched(tx, chain.from_iterable(spans), now)
    await copy(tx, parts)


async def copy(tx: AsyncSession, parts: deque[tuple[Encoded, Ints]]) -> None:
    """Write chunks whose days have their tables; nothing is left of `parts`."""
    if parts:
        await _copy(tx, Chunk.__tablename__, _COLUMNS, _lines(parts))


async def _lines(parts: deque[tuple[Encoded, Ints]]) -> AsyncIterator[bytes]:
    while parts:
        yield await asyncio.to_thread(copy_rows, *parts.popleft())


async def series(session: AsyncSession) -> AsyncIterator[tuple[int, str, Labels]]:
    """Yield id, client and labels of every series, oldest first."""
    stmt = select(Series.id, Series.client, Series.labels).order_by(Series.id)
    # all rows at once would leave holes between what stays
    stmt = stmt.execution_options(yield_per=ROWS)
    async for rows in (await session.stream(stmt)).partitions():
        for number, client, labels in rows:
            yield number, client, tuple(sorted(labels.items()))


async def read(line: Any, ids: Sequence[int], start: int, end: int) -> list[tuple[int, bytes]]:
    """Return series id and body of each chunk that may hold samples from `start` to `end`.

    Of equal times in two of them the later one counts. `line` is the driver's own connection: rows
    of the ORM take five times as long.
    """
    rows: list[tuple[int, bytes]] = await line.fetch(
        _READ, list(ids), start // REACH * REACH, end, start
    )
    return rows


async def count(session: AsyncSession, ids: Sequence[int], start: int, end: int) -> int:
    """Return how many samples the chunks hold that `read` would return."""
    found = {"ids": list(ids), "reach": start // REACH * REACH, "start": start, "end": end}
    return (await session.execute(_COUNT, found)).scalar_one() or 0


@dataclass(frozen=True)
class Wanted:
    """Samples from `start` to `end`; of each owner only what is older than `before` says."""

    start: int
    end: int
    before: Ints | None = None

    def until(self, owner: Ints) -> Ints:
        """Return the time of the last sample that is wanted of each owner, in ms."""
        if self.before is None:
            return np.full(len(owner), self.end)
        return np.minimum(self.before[owner] - 1, self.end)


EVERYTHING = Wanted(-(1 << 62), 1 << 62)


def opened(bodies: Sequence[bytes], owners: Ints, wanted: Wanted) -> Pieces:
    """Decode bodies, of which each has its owner: by owner and time.

    Where bodies overlap they come as they were given: of equal times the later one counts.
    """
    found = codec.Plain(bodies)
    pieces = _decoded(found, owners, np.lexsort((found.heads["start"], owners)), wanted)
    if rising(pieces.times, np.cumsum(pieces.counts)):
        return pieces
    return _decoded(found, owners, np.arange(len(bodies)), wanted)


def _decoded(
    found: codec.Plain, owners: Ints, order: npt.NDArray[np.intp], wanted: Wanted
) -> Pieces:
    """Return what bodies hold, in this order; a part at a time, which stays at hand meanwhile."""
    of, counts = owners[order], found.counts[order]
    ends = np.cumsum(counts)
    size = int(ends[-1]) if len(ends) else 0
    times, values = np.empty(size, np.int64), np.empty(size)
    cuts = np.searchsorted(ends, np.arange(AT_HAND, size, AT_HAND)).tolist()
    filled = 0
    for begin, end in pairwise([0, *cuts, len(order)]):
        part, bodies = found.taken(order[begin:end]), slice(begin, end)
        at, read = part.samples()
        stretches, counts[bodies] = _chosen(counts[bodies], of[bodies], at, wanted)
        for stretch in stretches:
            got = at[stretch]
            into = slice(filled, filled := filled + len(got))
            times[into], values[into] = got, read[stretch]
    return Pieces.of_runs(of, counts, times[:filled], values[:filled])


def _chosen(
    counts: Ints, owners: Ints, times: Ints, wanted: Wanted
) -> tuple[list[slice | npt.NDArray[np.intp]], Ints]:
    """Return where what is wanted stands in some chunks, and how much of each chunk it is.

    It is a few stretches, or else each place. Of long ranges most chunks are wanted as a whole;
    only the first and the last are cut.
    """
    first, last = wanted.start, wanted.until(owners)
    ends = np.cumsum(counts)
    begins = ends - counts
    cut = np.flatnonzero((times[begins] < first) | (times[ends - 1] > last))
    if len(cut) > FEW:
        inside = (times >= first) & (times <= np.repeat(last, counts))
        return [np.flatnonzero(inside)], np.add.reduceat(inside, begins, dtype=np.int64)
    stretches: list[slice | npt.NDArray[np.intp]] = []
    kept, done = counts.copy(), 0
    for place in cut.tolist():
        begin, end = int(begins[place]), int(ends[place])
        part = times[begin:end]
        some = begin + np.flatnonzero((part >= first) & (part <= last[place]))
        stretches += [slice(done, begin), some]
        kept[place], done = len(some), end
    return [*stretches, slice(done, len(times))], kept
