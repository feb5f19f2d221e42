"""Series in memory that are read as the store reads its own."""

from collections.abc import Mapping, Sequence

from metrics.columns import Columns, Labels, columns_of, labels_of
from metrics.described import Described
from metrics.matchers import Matcher, all_hold

Points = Sequence[tuple[int, float]]


class Shelf:
    """What a query may be asked against without a store."""

    def __init__(self, series: Sequence[tuple[Mapping[str, str], Points]]) -> None:
        self.series: list[tuple[Labels, Points]] = [
            (labels_of(labels), points) for labels, points in series
        ]
        self.described = Described()

    async def known(self, matchers: Sequence[Matcher], start: int, end: int, /) -> list[Labels]:
        """Return the labels of what `read` finds."""
        return list(self.columns(matchers, start, end).labels)

    def columns(self, matchers: Sequence[Matcher], start: int, end: int) -> Columns:
        """Return what `read` returns, without waiting."""
        found = [
            (labels, [point for point in points if start <= point[0] <= end])
            for labels, points in self.series
            if all_hold(matchers, dict(labels))
        ]
        return columns_of((labels, points) for labels, points in found if points)

    async def read(self, matchers: Sequence[Matcher], start: int, end: int, /) -> Columns:
        """Return the samples from start to end, both included, of the series that match."""
        return self.columns(matchers, start, end)
