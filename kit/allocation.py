"""What the C library does with memory that is given back: hands it to the system, or keeps it."""

import ctypes
from collections.abc import Callable
from typing import Any

_TRIM, _MAP, _ARENAS = -1, -3, -8
"""M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's mallopt."""
MAPPED = 1 << 20
SPARE = 1 << 24


def settle() -> None:
    """Have large arrays in mappings of their own, and one heap for all threads.

    Left alone, glibc learns from each large array that is freed to keep the next in its heap,
    where small ones that stay pin it, and gives each thread a heap that never shrinks.
    """
    mallopt = _known("mallopt")
    for option, value in ((_MAP, MAPPED), (_TRIM, SPARE), (_ARENAS, 1)):
        mallopt(option, value)


def give_back() -> None:
    """Hand to the system what large work has left free between smaller things that stay."""
    _known("malloc_trim")(0)


def _known(name: str) -> Callable[..., Any]:
    found = getattr(ctypes.CDLL(None), name, None)  # glibc's alone
    return found or (lambda *_: 0)
