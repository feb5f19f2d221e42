"""What other replicas took: read from the engine soon after, for the rules and pages of this one.

Only the series are read that somebody here looks at. A sample that stands in memory already is
left out, so it does not matter how often a stretch of time is read.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from kit.clock import Clock, milliseconds
from kit.errors import Refusal
from metrics.engine.store import EngineStore
from metrics.matchers import Matcher

log = logging.getLogger(__name__)

EVERY = 1.0
NEAR_MS = 20_000
"""The stretch that is read each time: what a replica sends on is in the engine within seconds."""
FAR_MS = 300_000
"""Read now and then: what came late because the engine was away. Older samples page nobody."""
FAR_EVERY = 20
AHEAD_MS = 10_000

Wanted = Callable[[], Sequence[Sequence[Matcher]]]


class Tail:
    """Keeps memory up with the engine, while `needed` says that others write to it, too."""

    def __init__(
        self, store: EngineStore, wanted: Wanted, *, needed: Callable[[], bool], clock: Clock
    ) -> None:
        self._store, self._wanted, self._needed, self._clock = store, wanted, needed, clock
        self._trouble = ""
        self._read_far = False

    @property
    def caught_up(self) -> bool:
        """Tell whether memory has what others took in the last minutes, if there are others."""
        return self._read_far or not self._needed()

    async def run(self) -> None:
        """Read what is new, until cancelled."""
        turn = 0
        while True:
            if self._needed() and self._store.opened:
                far = turn % FAR_EVERY == 0 or not self._read_far
                read = await self._read(FAR_MS if far else NEAR_MS)
                self._read_far |= read
                turn += 1
            await asyncio.sleep(EVERY)

    async def _read(self, length_ms: int) -> bool:
        now = self._clock()
        at = milliseconds(now)
        try:
            for matchers in self._wanted():
                found = await self._store.engine.samples(matchers, at - length_ms, at + AHEAD_MS)
                self._store.take_in(found, now)
            self._trouble = ""
            return True
        except Refusal as refusal:
            if refusal.detail != self._trouble:
                log.warning("samples of other replicas are not seen: %s", refusal.detail)
            self._trouble = refusal.detail
            return False
