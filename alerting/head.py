"""What the rules ask the store, for what memory holds."""

from typing import Protocol

from metrics.batch import Floats, Ints, Refs
from metrics.columns import Columns, Labels


class Head(Protocol):
    """The newest samples of every series."""

    def labels(self, ref: int, /) -> Labels:
        """Return the labels of one series."""
        ...

    def newest(self, refs: Refs, /) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample; -1 and NaN for none."""
        ...

    def before(self, refs: Refs, /) -> tuple[Ints, Floats]:
        """Return time and value of each series' newest sample but one; -1 and NaN for none."""
        ...

    def window(self, refs: Refs, start: int, end: int, /) -> Columns:
        """Return the samples from `start` to `end` ms, both included."""
        ...

    def covers(self, refs: Refs, start: int, /) -> bool:
        """Tell whether `window` from `start` on is all there is; else `read_refs` knows more."""
        ...

    async def read_refs(self, refs: Refs, start: int, end: int, /) -> Columns:
        """Return what memory and chunks hold from `start` to `end` ms, both included."""
        ...
