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
    labels are found again one node further up.
    """

    def __init__(self, most: int = 5_000) -> None:
        self._kept: OrderedDict[Hashable, tuple[tuple[LabelList, ...], object]] = OrderedDict()
        self._most = most
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
            self._kept[key] = (lists, made)  # the lists are held, so no other takes their id
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made
