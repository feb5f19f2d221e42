"""From the journal to the engine: in the order of arrival, each sample at least once.

What is read is the journal alone, whether the engine is there, was away for hours, or we were
killed meanwhile: there is one way, and memory holds no more than what is being sent.

An engine may forget what it has acknowledged when it is killed (VictoriaMetrics: the last seconds).
So the journal counts as taken only after `SAFE` seconds. Whenever the engine may have been down,
and after our own start, we go back to there, ask the engine what it has, and send what is missing.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import numpy as np

from kit.clock import from_milliseconds
from metrics.batch import START, Ints, Position
from metrics.columns import Labels
from metrics.engine.client import Engine, EngineAway, Fate
from metrics.engine.comparing import around, missing
from metrics.engine.encoding import LONGEST, SHORTEST, Encoder, Forms, Samples, body_of
from metrics.engine.mark import Mark
from metrics.growing import grown
from metrics.journal import Journal, Record
from metrics.ports.decode import Decoded
from metrics.promql.refusals import NotComputable

log = logging.getLogger(__name__)

AT_ONCE = 10_000
"""Samples of one request: an engine that refuses one of them may take none."""
READ_BYTES = 256 * 1024
FORMED = 100
"""Samples in a body, on average, from which on forms are worth their while."""
SAFE = 15.0
"""Seconds after which an engine has written down what it took."""
SETTLES = 2.0
"""Seconds after which an engine finds what it took."""
FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0
LOOKED_UP_MS = 3_600_000
"""Samples further apart are sent again without asking: no query over years for a few of them."""
NEVER = -1

Understand = Callable[[Record], Awaitable[Decoded | None]]
"""Decodes a record of the journal as it was decoded when it came; None if that fails."""


class _Interrupted(Exception):
    """The engine did not answer, or may have been down; `again` is when it wants to be asked."""

    def __init__(self, why: str = "", *, again: float = 0.0) -> None:
        super().__init__(why)
        self.again = again


class _PutOff(_Interrupted):
    """The engine is there, and has too much to do."""


class Forwarder:
    """Sends what the journal holds behind `mark`; where the engine is away, it waits there."""

    def __init__(
        self,
        journal: Journal,
        engine: Engine,
        mark: Mark,
        *,
        labels: Sequence[Labels],
        understand: Understand,
    ) -> None:
        self.woken = asyncio.Event()
        self.done = 0
        self.counts: Counter[str] = Counter()
        self.trouble: str | None = None
        self.oldest: datetime | None = None
        self._journal, self._engine, self._mark = journal, engine, mark
        self._labels, self._understand = labels, understand
        self._encoder, self._forms = Encoder(labels), Forms(labels)
        self._newest = np.empty(0, np.int64)
        self._at = self._reached = START
        self._recent: deque[tuple[float, Position]] = deque()
        self._went_back = -SAFE
        self._refusal = self._told = ""
        self._delay = FIRST_DELAY

    def begin(self) -> None:
        """Take up where a former process stood."""
        self._at = self._reached = self._mark.safe

    @property
    def bytes_behind(self) -> int:
        """Bytes of the journal that the engine has not taken."""
        return self._journal.bytes_behind(self._reached)

    def lag(self, now: datetime) -> timedelta:
        """Return how long ago the oldest sample came that the engine has not taken."""
        return max(now - self.oldest, timedelta()) if self.oldest else timedelta()

    async def run(self) -> None:
        """Send on what comes, until cancelled."""
        while True:
            self.woken.clear()
            try:
                if await self.step():
                    continue
            except (_Interrupted, EngineAway) as trouble:
                await asyncio.sleep(self._wait_for(trouble))
            with suppress(TimeoutError):
                await asyncio.wait_for(self.woken.wait(), 1.0)

    async def step(self) -> bool:
        """Send the next piece of the journal; tell whether there was any."""
        self._settle()
        position, records = await self._journal.after(self._at, READ_BYTES)
        if position == self._at:
            self.oldest = None
            return False
        understood = [await self._understand(record) for record in records]
        decoded = [each for each in understood if each is not None and len(each.refs)]
        fresh = position > self._reached
        if fresh and records:
            self.oldest = from_milliseconds(records[-1].arrived)
        if decoded:
            await self._deliver(decoded, position)
        self._at, self._reached = position, max(self._reached, position)
        if decoded:
            self._recent.append((asyncio.get_running_loop().time(), position))
        self._delay, self.trouble = FIRST_DELAY, None
        if fresh:
            self.done += sum(len(each.refs) for each in decoded)
        return True

    def _settle(self) -> None:
        """Have the mark follow what was taken a while ago."""
        latest, position = asyncio.get_running_loop().time() - SAFE, None
        while self._recent and self._recent[0][0] <= latest:
            position = self._recent.popleft()[1]
        if position is not None:
            self._mark.settle(position)

    def _wait_for(self, trouble: Exception) -> float:
        """Return for how many seconds to leave the engine alone; go back if it may be down."""
        said = str(trouble)
        if said and said != self.trouble:
            log.warning("samples wait in the journal: %s", said)
        self.trouble = said or self.trouble
        delay, self._delay = self._delay, min(2 * self._delay, LONGEST_DELAY)
        if isinstance(trouble, _PutOff):
            return max(delay, trouble.again, SETTLES)
        self._at = self._mark.safe
        self._recent.clear()
        self._went_back = asyncio.get_running_loop().time()
        return max(delay, trouble.again) if isinstance(trouble, _Interrupted) else delay

    async def _deliver(self, decoded: Sequence[Decoded], position: Position) -> None:
        self._room_for(max(int(each.refs.max()) for each in decoded))
        if self._at < self._mark.tried:
            samples = await self._unknown(_in_order(decoded))
            self._mark.reach(position)
            await self._send_sorted(samples)
            return
        self._mark.reach(position)
        for some in _requests(decoded):
            if not await self._send_formed(some):
                await self._send_sorted(_in_order(some))

    async def _send_formed(self, some: Sequence[Decoded]) -> bool:
        """Send bodies as they came, in one request, if all of their samples are new and in order.

        False leaves everything as it was; so does an interruption.
        """
        count = sum(len(each.refs) for each in some)
        forms = [self._forms.of(each.refs) for each in some] if count >= FORMED * len(some) else []
        filled = [
            (form, each.times, each.values) for form, each in zip(forms, some, strict=False) if form
        ]
        if len(filled) < len(some):
            return False
        former, taken = self._advance(some), False
        try:
            if len(former) == len(some):
                taken = await self._took(await asyncio.to_thread(body_of, filled), count)
        finally:
            if not taken:
                self._fall_back(some, former)
        return taken

    def _advance(self, some: Sequence[Decoded]) -> list[Ints]:
        """Note the newest times, as long as they rise; return what stood there, by body."""
        former: list[Ints] = []
        for each in some:
            stood = self._newest[each.refs]
            shortest, longest = each.times.min(), each.times.max()
            if shortest < SHORTEST or longest >= LONGEST or not (each.times > stood).all():
                break
            self._newest[each.refs] = each.times
            former.append(stood)
        return former

    def _fall_back(self, some: Sequence[Decoded], former: Sequence[Ints]) -> None:
        for each, stood in reversed(list(zip(some, former, strict=False))):
            self._newest[each.refs] = stood

    async def _send_sorted(self, samples: Samples) -> None:
        """Send each series' samples in order, those that came late in requests of their own."""
        if not len(samples):
            return
        late = samples.times <= self._newest[samples.refs]
        for part in (samples.only(~late), samples.only(late)):
            for start in range(0, len(part), AT_ONCE):
                await self._send(part.only(slice(start, start + AT_ONCE)))
        np.maximum.at(self._newest, samples.refs, samples.times)

    async def _unknown(self, samples: Samples) -> Samples:
        """Return what the engine does not have of samples that may have been sent before."""
        start, end = int(samples.times.min()), int(samples.times.max())
        if end - start > LOOKED_UP_MS:
            return samples
        refs = np.unique(samples.refs)
        labels = [self._labels[ref] for ref in refs.tolist()]
        waits = self._went_back + SETTLES - asyncio.get_running_loop().time()
        await asyncio.sleep(max(waits, 0.0))
        try:
            stored = await self._engine.samples(around(labels), start, end)
        except NotComputable as refusal:
            log.warning("samples are sent once more unasked: %s", refusal.detail)
            return samples
        return missing(samples, refs, labels, stored)

    async def _send(self, samples: Samples) -> None:
        """Have samples taken; what is refused even alone is counted."""
        body = await asyncio.to_thread(self._encoder.body, samples)
        if await self._took(body, len(samples)):
            return
        if len(samples) == 1:
            self.counts["refused"] += 1
            if self._refusal != self._told:  # of a thousand samples with one fault, once
                log.warning("the engine refused a sample: %s", self._refusal)
            self._told = self._refusal
            return
        half = len(samples) // 2
        await self._send(samples.only(slice(0, half)))
        await self._send(samples.only(slice(half, None)))

    async def _took(self, body: bytes, count: int) -> bool:
        """Tell whether the engine took a request of so many samples; False if it refused it."""
        written = await self._engine.write(body)
        if written.fate is Fate.AWAY:
            self.counts["failed"] += 1
            raise _Interrupted(written.why, again=written.again)
        if written.fate is Fate.BUSY:
            self.counts["failed"] += 1
            raise _PutOff(written.why, again=written.again)
        if written.fate is Fate.REFUSED:
            self._refusal = written.why
            return False
        self.counts["taken"] += count
        self._doubt(redialled=written.redialled)
        return True

    def _doubt(self, *, redialled: bool) -> None:
        """Go back if the engine may have been down since it was last written to."""
        since = asyncio.get_running_loop().time() - self._went_back
        if redialled and self._recent and since > SAFE:
            raise _Interrupted

    def _room_for(self, ref: int) -> None:
        if ref >= len(self._newest):
            grown(self._newest, max(ref + 1, 2 * len(self._newest)), NEVER)


def _requests(decoded: Sequence[Decoded]) -> Iterator[Sequence[Decoded]]:
    """Yield what came in groups that are not much more than a request should hold."""
    some: list[Decoded] = []
    count = 0
    for each in decoded:
        if some and count + len(each.refs) > AT_ONCE:
            yield some
            some, count = [], 0
        some.append(each)
        count += len(each.refs)
    yield some


def _in_order(decoded: Sequence[Decoded]) -> Samples:
    """Return each series' samples in the order of their times; of equal times the last counts."""
    refs = np.concatenate([each.refs for each in decoded])
    times = np.concatenate([each.times for each in decoded])
    values = np.concatenate([each.values for each in decoded])
    order = np.lexsort((times, refs))  # stable: what came later stands later
    refs, times, values = refs[order], times[order], values[order]
    last = np.ones(len(refs), np.bool_)
    last[:-1] = (refs[1:] != refs[:-1]) | (times[1:] != times[:-1])
    return Samples(refs[last], times[last], values[last])
