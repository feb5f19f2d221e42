"""Values of series at steps, and the folding of several series into one."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from metrics.columns import Labels
from metrics.promql.refusals import NotComputable

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
K = TypeVar("K", bound=Hashable)
SAME_LABELS = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True, slots=True)
class Matrix:
    """`values[series, step]` counts where `present`; elsewhere it is anything.

    A NaN may be a sample like any other. `nameless` are the series whose metric name no longer
    says what they are (None: of none): it goes when the query ends, so that a regrouping on
    the way still sees it.
    """

    labels: Sequence[Labels]
    values: Floats
    present: Flags
    nameless: Flags | None = None

    def computed(self, values: Floats, present: Flags | None = None) -> "Matrix":
        """Return the same series with other values, which their names do not mean."""
        shown = self.present if present is None else present
        return Matrix(self.labels, values, shown, np.ones(len(self.labels), np.bool_))

    def taken(self, rows: Rows) -> "Matrix":
        """Return only these series, in this order."""
        labels = [self.labels[row] for row in rows.tolist()]
        nameless = None if self.nameless is None else self.nameless[rows]
        return Matrix(labels, self.values[rows], self.present[rows], nameless)


@dataclass(frozen=True, slots=True)
class Vector:
    """One value for each series."""

    labels: Sequence[Labels]
    values: Floats


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows gathered by key: `order[starts[g]:starts[g+1]]` are those of group g."""

    order: Rows
    starts: Rows
    sizes: Rows
    of_row: Rows

    @property
    def single(self) -> bool:
        """True when no group has more than one row."""
        return len(self.order) == len(self.sizes)


@dataclass(frozen=True, slots=True)
class Relabelling:
    """New labels for rows; rows that now share them are one series, where they can be."""

    labels: Sequence[Labels]
    groups: Groups


def grouped(numbers: Sequence[int], count: int) -> Groups:
    """Return the groups of rows that are numbered with their group, of which there are `count`."""
    of_row = np.asarray(numbers, np.intp)
    sizes = np.bincount(of_row, minlength=count).astype(np.intp)
    starts = np.cumsum(sizes) - sizes
    return Groups(np.argsort(of_row, kind="stable"), starts, sizes, of_row)


def numbered(keys: Sequence[K]) -> tuple[list[int], dict[K, int]]:
    """Return a number for each key, equal for equal keys, and which key has which."""
    known: dict[K, int] = {}
    return [known.setdefault(key, len(known)) for key in keys], known


def relabelling(labels: Sequence[Labels]) -> Relabelling:
    """Return how rows with these labels fold into series."""
    numbers, known = numbered(labels)
    groups = grouped(numbers, len(known))
    first = [labels[row] for row in groups.order[groups.starts]]
    return Relabelling(labels if groups.single else first, groups)


def relabelled(matrix: Matrix, new: Relabelling, *, wrong: str = SAME_LABELS) -> Matrix:
    """Return the rows under their new labels; two at one step that share them are refused."""
    if new.groups.single:
        return Matrix(new.labels, matrix.values, matrix.present, matrix.nameless)
    values, present = folded(matrix.values, matrix.present, new.groups, wrong=wrong)
    return Matrix(new.labels, values, present, gathered(matrix.nameless, new.groups))


def gathered(nameless: Flags | None, groups: Groups) -> Flags | None:
    """Return which groups have a series whose name is to go."""
    if nameless is None or not len(groups.order):
        return None
    return np.logical_or.reduceat(nameless[groups.order], groups.starts)


def crowded(present: Flags, groups: Groups) -> Flags:
    """Tell at which (group, step) more than one row is present."""
    if groups.single:
        return np.zeros((len(groups.sizes), present.shape[1]), np.bool_)
    counts = np.add.reduceat(present[groups.order], groups.starts, axis=0, dtype=np.int32)
    return np.greater(counts, 1)


def folded(
    values: Floats, present: Flags, groups: Groups, *, wrong: str = SAME_LABELS
) -> tuple[Floats, Flags]:
    """Return one row for each group, which at each step has its one present row's value."""
    if groups.single:
        return values[groups.order], present[groups.order]
    if crowded(present, groups).any():
        raise NotComputable(wrong)
    ordered = present[groups.order]
    places = np.where(ordered, groups.order[:, None], -1)
    chosen = np.maximum.reduceat(places, groups.starts, axis=0)
    return np.take_along_axis(values, np.maximum(chosen, 0), axis=0), chosen >= 0


def any_present(present: Flags, groups: Groups) -> Flags:
    """Tell at which (group, step) there is a row at all."""
    if not len(groups.order):
        return np.zeros((len(groups.sizes), present.shape[1]), np.bool_)
    return np.logical_or.reduceat(present[groups.order], groups.starts, axis=0)
