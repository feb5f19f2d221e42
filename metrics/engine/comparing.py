"""Which samples somebody has already, and what to ask an engine to learn it. Pure."""

from collections.abc import Sequence

import numpy as np

from metrics.batch import Ints, Pieces, Refs
from metrics.columns import NAME, Columns, Labels
from metrics.engine.encoding import Flags, Samples
from metrics.labels import CLIENT
from metrics.matchers import Matcher, one_of

NOWHERE = -1


def around(labels: Sequence[Labels]) -> list[Matcher]:
    """Return matchers that these series fit, and no more others than need be."""
    named = [dict(each) for each in labels]
    return [one_of(name, sorted({each.get(name, "") for each in named})) for name in (NAME, CLIENT)]


def placed(columns: Columns, labels: Sequence[Labels]) -> Pieces:
    """Return those of the columns that have a place in `labels`, as pieces of them."""
    place_of = {each: place for place, each in enumerate(labels)}
    places = np.array([place_of.get(each, NOWHERE) for each in columns.labels], np.int64)
    found = Pieces(places, np.diff(columns.starts), columns.times, columns.values)
    return found.only(found.owner != NOWHERE)


def missing(samples: Samples, refs: Refs, labels: Sequence[Labels], stored: Columns) -> Samples:
    """Return the samples that are not stored; `refs` are the distinct series of `labels`."""
    found = placed(stored, labels)
    return samples.only(~held(samples.refs, samples.times, refs[found.owner], found.times))


def held(refs: Refs, times: Ints, by_refs: Refs, by_times: Ints) -> Flags:
    """Tell which of the samples are among those of `by_refs` at `by_times`."""
    if not len(times) or not len(by_times):
        return np.zeros(len(times), np.bool_)
    # a ref and a moment in one number: all moments that are asked for lie near each other
    base, last = int(times.min()), int(times.max())
    near = (by_times >= base) & (by_times <= last)
    span = last - base + 1
    there = by_refs[near].astype(np.int64) * span + (by_times[near] - base)
    found: Flags = np.isin(refs.astype(np.int64) * span + (times - base), there)
    return found
