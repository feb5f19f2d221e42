"""The engine as we see it: it takes samples, refuses them or is away; it answers queries."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import httpx
import numpy as np
import orjson

from kit.errors import Overloaded
from metrics.asked import MOST_MS as FAR
from metrics.columns import NAME, Columns, Labels, labels_of
from metrics.matchers import Matcher, Op
from metrics.promql.printing import printed
from metrics.promql.refusals import NotComputable
from metrics.promql.tree import Selector

WRITES_WITHIN = 30.0
ANSWERS_WITHIN = 120.0
CONNECTS_WITHIN = 5.0
BIG = 64 * 1024
"""An answer of more bytes is read in a thread."""
PATIENCE = 60.0
"""Seconds that an engine may put us off at a time: it knows nothing of what waits here."""
REFUSING = frozenset((400, 413, 422))
"""What says that these samples will never be taken; of all else another try may be better."""
_WRITE_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


class EngineAway(Overloaded):
    """The engine that keeps the samples does not answer, or not as one does."""

    slug, title = "engine-away", "The metrics engine does not answer"


class Fate(StrEnum):
    """What became of samples that were sent."""

    TAKEN = "taken"
    REFUSED = "refused"
    BUSY = "busy"
    AWAY = "away"


@dataclass(frozen=True)
class Written:
    """The fate of a request, and what the engine said to it."""

    fate: Fate
    why: str = ""
    redialled: bool = False
    """Whether a new connection was needed: the engine may have been down, and have forgotten."""
    again: float = 0.0
    """Seconds after which the engine wants to be asked again."""


@dataclass(frozen=True)
class Answer:
    """What the engine answered to a query, as it came."""

    status: int
    body: bytes


class Engine:
    """Speaks with one engine; `url` is what stands before `/api/v1`."""

    def __init__(self, url: str, *, write_url: str | None = None, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.write_url = write_url or f"{self.url}/api/v1/write"
        self._http = _client(token)
        # one line, which is never hung up by us: when it has gone, the engine may have
        self._line = _client(token, httpx.Limits(max_connections=1, keepalive_expiry=None))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()
        await self._line.aclose()

    async def write(self, body: bytes) -> Written:
        """Send a remote-write body, compressed; failures of the outside world are values."""
        dials: list[str] = []

        async def trace(event: str, _: object) -> None:
            if event == "connection.connect_tcp.started":
                dials.append(event)

        try:
            answer = await self._line.post(
                self.write_url,
                content=body,
                headers=_WRITE_HEADERS,
                timeout=WRITES_WITHIN,
                extensions={"trace": trace},
            )
        except httpx.HTTPError as error:
            return Written(Fate.AWAY, _said(error))
        if answer.is_success:
            return Written(Fate.TAKEN, redialled=bool(dials))
        why = f"{answer.status_code} {answer.text.strip()[:300]}"
        return Written(_fate(answer.status_code), why, again=_retry_after(answer))

    async def ask(self, path: str, asked: Mapping[str, str | Sequence[str]]) -> Answer:
        """Ask `/api/v1/{path}`, and return the answer as it came; one that failed is a refusal.

        Parameters are posted: a query may be longer than an address.
        """
        try:
            answer = await self._http.post(f"{self.url}/api/v1/{path}", data=dict(asked))
        except httpx.HTTPError as error:
            raise EngineAway(
                "the metrics engine does not answer: {why}", why=_said(error)
            ) from None
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if not kind.endswith("json"):  # not the API: a wrong address, a proxy, a sign-in page
            why = f"{answer.status_code} {answer.reason_phrase}"
            raise EngineAway("the metrics engine does not answer: {why}", why=why)
        return Answer(answer.status_code, answer.content)

    async def samples(self, matchers: Iterable[Matcher], start: int, end: int) -> Columns:
        """Return the samples of matching series from `start` to `end` ms, both included."""
        selector = Selector(tuple(matchers), range_ms=end - start + 1)
        asked = {"query": printed(selector), "time": f"{end / 1000:.3f}", "nocache": "1"}
        body = (await self.ask("query", asked)).body
        if len(body) > BIG:
            return await asyncio.to_thread(_columns, body, start)
        return _columns(body, start)

    async def series(self, matchers: Sequence[Matcher], start: int, end: int) -> list[Labels]:
        """Return the labels of matching series that have samples from `start` to `end` ms."""
        chosen = tuple(matchers) or (Matcher(NAME, Op.NOT_EQUAL, ""),)
        asked = {"match[]": printed(Selector(chosen))}
        if start > 0:
            asked["start"] = f"{start / 1000:.3f}"
        if end < FAR:
            asked["end"] = f"{end / 1000:.3f}"
        body = (await self.ask("series", asked)).body
        if len(body) > BIG:
            return await asyncio.to_thread(_series, body)
        return _series(body)

    async def answers(self) -> str:
        """Return what calls itself an engine there, by the simplest of queries."""
        answer = await self.ask("query", {"query": "vector(1)"})
        if answer.status != httpx.codes.OK:
            raise EngineAway("the metrics engine does not answer: {why}", why=str(answer.status))
        return self.url


def _client(token: str | None, limits: httpx.Limits | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=httpx.Timeout(ANSWERS_WITHIN, connect=CONNECTS_WITHIN),
        limits=limits or httpx.Limits(max_connections=50),
        trust_env=False,
    )


def _fate(status: int) -> Fate:
    if status in REFUSING:
        return Fate.REFUSED
    return Fate.BUSY if status == HTTPStatus.TOO_MANY_REQUESTS else Fate.AWAY


def _retry_after(answer: httpx.Response) -> float:
    """Return how many seconds an engine puts us off; a date, which none sends, is none."""
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), PATIENCE) if asked.isdecimal() else 0.0


def _said(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__}: {error}"[:200].rstrip(": ")


def _data(body: bytes) -> Any:
    """Return what an answer holds; one that failed is a refusal."""
    said = orjson.loads(body)
    if said.get("status") != "success":
        raise NotComputable("the metrics engine: {why}", why=str(said.get("error"))[:300])
    return said["data"]


def _series(body: bytes) -> list[Labels]:
    return [labels_of(each) for each in _data(body)]


def _columns(body: bytes, start: int) -> Columns:
    """Return a matrix as columns; what lies before `start` was the closed end of the range."""
    labels, starts = [], [0]
    times: list[int] = []
    values: list[float] = []
    for each in _data(body)["result"]:
        labels.append(labels_of(each["metric"]))
        for at, value in each["values"]:
            moment = round(at * 1000)
            if moment >= start:
                times.append(moment)
                values.append(float(value))
        starts.append(len(times))
    return Columns(
        labels, np.array(starts, np.int64), np.array(times, np.int64), np.array(values, np.float64)
    )
