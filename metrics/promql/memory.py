"""Remembers what was worked out from lists of labels, while the same lists come again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import TypeVar, cast

from metrics.columns import Labels

T = TypeVar("T")
LabelList = Sequence[Labels]


class Memory:
    """Shared by all plans over one store, and by threads; forgets what was not used longest.

    A result is found by the identity of its lists, so results that are themselves lists of
    labels are found again one node further up. At most `most` results are kept, of lists that
    together have not more than `series` labels (None: however many).
    """

    def __init__(self, most: int = 5_000, *, series: int | None = None) -> None:
        self._kept: OrderedDict[Hashable, tuple[tuple[LabelList, ...], object]] = OrderedDict()
        self._most, self._series = most, series
        self._held = 0
        self._lock = Lock()

    def recall(self, work: Hashable, *lists: LabelList, make: Callable[[], T]) -> T:
        """Return what `make` gave for this work on these very lists, or call it now."""
        key = (work, *map(id, lists))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(T, self._kept[key][1])
        made = make()
        with self._lock:
            if key not in self._kept:  # another thread may have been first
                self._kept[key] = (lists, made)  # the lists are held, so no other takes their id
                self._held += sum(map(len, lists))
            while self._kept and self._crowded():
                _, (gone, _) = self._kept.popitem(last=False)
                self._held -= sum(map(len, gone))
        return made

    def _crowded(self) -> bool:
        too_long = self._series is not None and self._held > self._series
        return len(self._kept) > self._most or too_long
