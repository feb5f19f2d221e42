"""What the evaluator asks of the store."""

from collections.abc import Callable
from typing import Protocol

from alerting.groups.board import Store
from alerting.head import Head
from metrics.batch import Batch, Position


class Samples(Head, Store, Protocol):
    """What the evaluator asks of the store."""

    def listen(self, callback: Callable[[Batch], None], /) -> None:
        """Have `callback` given each batch."""
        ...

    def on_series(self, callback: Callable[[list[int]], None], /) -> None:
        """Have `callback` told the refs of new series, before their first batch."""
        ...

    def release(self, position: Position, /) -> None:
        """Let the journal be cut up to `position`."""
        ...
