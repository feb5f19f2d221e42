"""Samples to steps, and steps to bytes and back: whole series at once. Pure."""

from collections.abc import Mapping, Sequence
from itertools import compress
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics import codec
from metrics.batch import Floats, Ints, Pieces, merged
from metrics.columns import Columns, Labels, is_stale
from metrics.promql.functions.sums import LEFT
from metrics.rolled import Part, Rolled

_POWERS = 10.0 ** np.arange(1, 5)
_CLEAR = 2.0**40
"""Up to here a plain sum of an hour's samples is nearer to the right one than to its neighbours."""

Flags = NDArray[np.bool_]
Found = Mapping[Part, Pieces]
"""What was found of each part: at the end of a step, `FIRSTS` and `LASTS` at their own times."""


def rolled(columns: Columns, step_ms: int) -> dict[Part, Pieces]:
    """Return what is kept of each step in which a series has samples."""
    owner = np.repeat(np.arange(len(columns.labels)), np.diff(columns.starts))
    times, values = columns.times, columns.values
    stale = is_stale(values)
    ended = stale & _ends(owner, times, step_ms)
    markers = Pieces.of_each(owner[ended], times[ended], values[ended])
    if stale.any():
        owner, times, values = owner[~stale], times[~stale], values[~stale]
    begins = np.flatnonzero(_begins(owner, times, step_ms))
    lasts = np.append(begins, len(owner))[1:] - 1
    own, at = owner[begins], up(times[begins], step_ms)
    found = {
        Part.FIRSTS: Pieces.of_each(own, times[begins], values[begins]),
        Part.LASTS: _together(Pieces.of_each(own, times[lasts], values[lasts]), markers),
    }
    counts = (lasts - begins + 1).astype(np.float64)
    with np.errstate(all="ignore"):
        lost = _lost(values, begins)
        found |= {
            Part.COUNTS: Pieces.of_each(own, at, counts),
            Part.SUMS: Pieces.of_each(own, at, _sums(values, begins)),
            Part.LOWS: Pieces.of_each(own, at, _reduced(np.fmin, values, begins)),
            Part.HIGHS: Pieces.of_each(own, at, _reduced(np.fmax, values, begins)),
        }
    some = lost != 0
    return {**found, Part.LOST: Pieces.of_each(own[some], at[some], lost[some])}


def up(times: Ints, step_ms: int) -> Ints:
    """Return when the steps end that hold these times."""
    ends: Ints = -(-times // step_ms) * step_ms
    return ends


def _begins(owner: Ints, times: Ints, step_ms: int) -> Flags:
    """Tell which samples are the first of a step."""
    ends, first = up(times, step_ms), np.ones(len(owner), np.bool_)
    first[1:] = (owner[1:] != owner[:-1]) | (ends[1:] != ends[:-1])
    return first


def _ends(owner: Ints, times: Ints, step_ms: int) -> Flags:
    """Tell which samples are the last of a step."""
    return np.append(_begins(owner, times, step_ms)[1:], True)[: len(owner)]


def _reduced(by: np.ufunc, values: Floats, begins: Ints) -> Floats:
    found: Floats = by.reduceat(values, begins) if len(begins) else np.empty(0)
    return found


def _sums(values: Floats, begins: Ints) -> Floats:
    """Return sums that lose nothing where values cancel each other out."""
    plain, weight = _reduced(np.add, values, begins), _reduced(np.add, np.abs(values), begins)
    doubtful = np.isfinite(weight) & ~(np.abs(plain) >= weight * LEFT)
    ends = np.append(begins, len(values))[1:]
    for at in np.flatnonzero(doubtful & (weight > 0)).tolist():
        plain[at] = fsum(values[begins[at] : ends[at]].tolist())
    return _as_decimals(plain, values, begins, weight)


def _as_decimals(sums: Floats, values: Floats, begins: Ints, weight: Floats) -> Floats:
    """Return what decimals add up to as the decimal that it is, which takes half the bytes."""
    left = sums != np.rint(sums)
    for factor in _POWERS:
        if not left.any():
            break
        whole = np.rint(values * factor) / factor == values
        decimal = left & np.logical_and.reduceat(whole, begins) & (weight * factor < _CLEAR)
        sums[decimal] = np.rint(sums[decimal] * factor) / factor
        left &= ~decimal
    return sums


def _lost(values: Floats, begins: Ints) -> Floats:
    """Return what stood before each fall inside a step."""
    before = np.zeros(len(values))
    before[1:] = np.where(values[1:] < values[:-1], values[:-1], 0.0)
    before[begins] = 0.0
    lost = _reduced(np.add, before, begins)
    return _as_decimals(lost, before, begins, np.abs(lost))


def _together(one: Pieces, other: Pieces) -> Pieces:
    if not len(other.times):
        return one
    return Pieces(
        np.concatenate([one.owners, other.owners]),
        np.concatenate([one.counts, other.counts]),
        np.concatenate([one.times, other.times]),
        np.concatenate([one.values, other.values]),
    )


def encoded(found: Found, series: int) -> dict[Part, list[bytes | None]]:
    """Return each part of each series as bytes; None where there is nothing to tell."""
    return {part: _bodies(merged([pieces], [()] * series)) for part, pieces in found.items()}


def _bodies(columns: Columns) -> list[bytes | None]:
    lengths = np.diff(columns.starts)
    bodies: list[bytes | None] = [None] * len(lengths)
    for length in np.unique(lengths[lengths > 0]).tolist():
        chosen = np.flatnonzero(lengths == length)
        at = columns.starts[chosen, np.newaxis] + np.arange(length)
        lines = codec.encode_rows(columns.times[at], columns.values[at])
        for place, line in zip(chosen.tolist(), lines, strict=True):
            bodies[place] = line
    return bodies


def decoded(bodies: Sequence[bytes | None], owners: Ints) -> Pieces:
    """Return what bodies hold, of which each has its owner."""
    there = [body is not None for body in bodies]
    given = list(compress(bodies, there))
    counts, times, values = codec.decode_many([body for body in given if body is not None])
    return Pieces.of_runs(owners[np.array(there, np.bool_)], counts, times, values)


def newest(found: Sequence[Found], labels: Sequence[Labels]) -> Columns:
    """Return the last word of each step as samples: what an instant selector needs."""
    return merged([each[Part.LASTS] for each in found], labels)


def joined(
    found: Sequence[Found], labels: Sequence[Labels], wanted: frozenset[Part], step_ms: int
) -> Rolled:
    """Return the steps of series, with these parts of each. No two may tell of one step."""
    known: dict[str, NDArray[Any]] = {}
    base: Columns | None = None
    for part in sorted(wanted - {Part.LOST}):
        columns = merged([_live(each[part]) for each in found], labels)
        known[part] = columns.values
        if part in (Part.FIRSTS, Part.LASTS):
            known[f"{part}_at"] = columns.times
        base = base or columns
    assert base is not None, "what a counter lost is of no use alone"
    ends = up(base.times, step_ms)
    if Part.LOST in wanted:
        lost = merged([each[Part.LOST] for each in found], labels)
        known[Part.LOST] = _spread(lost, base.starts, ends)
    return Rolled(labels, base.starts, ends, np.zeros(len(ends)), known)


def _live(pieces: Pieces) -> Pieces:
    stale = is_stale(pieces.values)
    return pieces.only(~stale) if stale.any() else pieces


def _spread(lost: Columns, starts: Ints, ends: Ints) -> Floats:
    """Return for each step what it lost, nothing where nothing is told."""
    values = np.zeros(len(ends))
    if len(lost.times):
        begin = int(ends.min())
        span = int(ends.max()) - begin + 1
        owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        of = np.repeat(np.arange(len(starts) - 1), np.diff(lost.starts))
        places = np.searchsorted(owner * span + ends - begin, of * span + lost.times - begin)
        values[places] = lost.values
    return values
