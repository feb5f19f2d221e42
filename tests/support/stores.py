"""Ends of a store that nobody asked for."""

import asyncio
from contextlib import suppress

from metrics.store import Store


async def killed(store: Store) -> None:
    """End as kill -9 does: what the kernel has is there, nothing else is done."""
    task = store.journal._task
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    store._lock.release()
