"""What was claimed together is read and put into words together: one read for all of it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.db import Database
from notifications.lifecycle import ALWAYS_PASS, Kind, Outcome
from notifications.schemas import Channels, Gate, Leaving, Message, Render

log = logging.getLogger(__name__)

Observe = Callable[[str, float], None]
"""Told of each outcome (its kind, seconds it took), of `waited` and of `clock_skew`."""


def unheard(event: str, seconds: float) -> None:
    """Observe nothing."""


async def open_gate(session: object, notification: Leaving) -> None:
    """Hold nothing back."""


@dataclass(frozen=True)
class Outside:
    """What the sender is handed: ways out, words for a notification, who may hold it back."""

    channels: Channels
    render: Render
    gate: Gate = open_gate
    observe: Observe = unheard


class Batch:
    """Notifications claimed at once; the first that asks has all of them put into words."""

    def __init__(self, db: Database, outside: Outside, claimed: Sequence[Leaving]) -> None:
        self._db, self._outside, self._claimed = db, outside, claimed
        self._said: asyncio.Task[dict[UUID, Message | Outcome]] | None = None

    async def message(self, notification: Leaving) -> Message | Outcome:
        """Return what to send, or why it is held back; raises what this one alone raises."""
        if self._said is None:
            self._said = asyncio.create_task(self._put(self._claimed), name="words")
        await asyncio.wait([self._said])
        error = self._said.exception()
        if error is None:
            return self._said.result()[notification.id]
        if len(self._claimed) == 1:
            raise error
        log.warning("%s is put into words alone: %r", notification.sent_key, error)
        return (await self._put([notification]))[notification.id]

    async def _put(self, claimed: Sequence[Leaving]) -> dict[UUID, Message | Outcome]:
        found: dict[UUID, Message | Outcome] = {}
        async with self._db.snapshot() as session:
            passing = []
            for one in claimed:
                held = one.event not in ALWAYS_PASS and await self._outside.gate(session, one)
                if held:
                    found[one.id] = Outcome(Kind.HELD, detail=held)
                else:
                    passing.append(one)
            said = await self._outside.render(session, passing) if passing else ()
            return found | {one.id: words for one, words in zip(passing, said, strict=True)}
