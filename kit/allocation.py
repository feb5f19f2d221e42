"""What the C library keeps of memory that was given back to it."""

import ctypes

_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""glibc's alone."""


def give_back() -> None:
    """Hand to the system what large work has left free between smaller things that stay.

    By itself glibc does so only at the end of its heaps, where something small always stands.
    """
    if _TRIM is not None:
        _TRIM(0)
