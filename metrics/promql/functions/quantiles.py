"""Quantiles of rows of values, as Prometheus interpolates them. Pure."""

import numpy as np

from metrics.promql.frames import Flags, Floats
from metrics.promql.numbers import short_text
from metrics.promql.terms import Notes


def quantiles_of_rows(values: Floats, known: Flags, asked: Floats) -> Floats:
    """Return of each row the quantile asked for among its known values; NaN counts as lowest."""
    width = values.shape[1]
    # what is not known goes last, as NaN; what is known and NaN is counted in front instead
    ordered = np.sort(np.where(known, values, np.nan), axis=1)
    sizes = known.sum(axis=1)
    unclear = (np.isnan(values) & known).sum(axis=1)
    rank = asked * (sizes - 1.0)
    whole = np.floor(np.where(np.isfinite(rank), rank, 0.0))
    lower = np.maximum(0, whole).astype(np.intp)
    upper = np.minimum(np.maximum(sizes - 1, 0), lower + 1)
    rows = np.arange(len(values))

    def at(places: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Floats:
        found = ordered[rows, np.clip(places - unclear, 0, width - 1)]
        return np.where(places < unclear, np.nan, found)

    weight = rank - np.floor(rank)
    found = at(lower) * (1 - weight) + at(upper) * weight
    found = np.where(asked < 0, -np.inf, np.where(asked > 1, np.inf, found))
    return np.where(np.isnan(asked) | (sizes == 0), np.nan, found)


def warn_of_quantiles(asked: Floats, notes: Notes) -> None:
    """Say which quantiles asked for do not lie between 0 and 1."""
    for each in np.unique(asked[~((asked >= 0) & (asked <= 1))]).tolist():
        notes.warn(f"quantile value should be between 0 and 1, got {short_text(each)}")
