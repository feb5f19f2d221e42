"""Waiting for what comes by itself, on the real clock and not for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(found: Callable[[], Awaitable[Any]], *, within: float = 30) -> Any:
    """Return what `found` returns once that is something."""
    deadline = time.monotonic() + within
    while not (result := await found()):
        assert time.monotonic() < deadline, f"in vain for {within} s"
        await asyncio.sleep(0.1)
    return result
