"""What the C library keeps of memory that was given back to it."""

import ctypes

_LIBRARY = ctypes.CDLL(None)
_TRIM = getattr(_LIBRARY, "malloc_trim", None)
_SET = getattr(_LIBRARY, "mallopt", None)
"""Both are glibc's alone."""
_ARENAS = -8
"""M_ARENA_MAX in malloc.h."""


def one_heap() -> None:
    """Have all threads share one heap; to be called before there are any.

    By itself glibc gives each thread its own, and what one frees no other can use. Under the
    interpreter's lock only one of them asks for memory at a time anyway.
    """
    if _SET is not None:
        _SET(_ARENAS, 1)


def give_back() -> None:
    """Hand to the system what large work has left free between smaller things that stay.

    By itself glibc does so only at the end of its heaps, where something small always stands.
    """
    if _TRIM is not None:
        _TRIM(0)
