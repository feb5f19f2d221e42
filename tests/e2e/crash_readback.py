"""What stands in the program and in the phone when the rounds are over."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import httpx

from tests.e2e.crash_load import EVERY, GROUP, SERIES, STEP_MS, Ledger, value_of
from tests.support.phone import Phone

Incident = dict[str, Any]
CALLED = ("opened", "joined")


@dataclass(frozen=True)
class Heard:
    """Every message that came, as (event, number of the incident, key)."""

    told: list[tuple[str, int, str]]

    @classmethod
    def of(cls, phone: Phone) -> Self:
        """Read what the phone was told; key and body have to agree."""
        assert all(call.key == call.json["idempotency_key"] for call in phone.calls)
        bodies = [call.json for call in phone.calls]
        return cls([(b["event"], b["incident"]["number"], b["idempotency_key"]) for b in bodies])

    @property
    def messages(self) -> int:
        """How many came, repeats included."""
        return len(self.told)

    @property
    def keys(self) -> set[str]:
        """The different messages."""
        return {key for _, _, key in self.told}

    def untold(self, incidents: Sequence[Incident]) -> set[int]:
        """Return the numbers of incidents of which nobody was told."""
        told = {number for event, number, _ in self.told if event == "triggered"}
        return {incident["number"] for incident in incidents} - told

    def first_words_with_two_keys(self) -> list[int]:
        """Return the incidents whose first word came under different keys."""
        words = {(number, key) for event, number, key in self.told if event == "triggered"}
        return [n for n, keys in Counter(number for number, _ in words).items() if keys > 1]

    def keys_with_two_meanings(self) -> list[str]:
        """Return the keys under which different things were said."""
        words = defaultdict(set)
        for event, number, key in self.told:
            words[key].add((event, number))
        return [key for key, meanings in words.items() if len(meanings) > 1]


async def everything(client: httpx.AsyncClient, path: str) -> list[Incident]:
    """Return all items of a list, page by page."""
    found: list[Incident] = []
    query: dict[str, Any] = {"limit": 200}
    while True:
        page = (await client.get(path, params=query)).raise_for_status().json()
        found += page["items"]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


async def settled(client: httpx.AsyncClient, phone: Phone, ledger: Ledger) -> list[Incident]:
    """Wait until every acknowledged crossing has an incident and each incident was told.

    Returns each incident with all of its story.
    """
    for _ in range(60):
        incidents = await everything(client, "/api/v1/incidents")
        known = {int(alert["labels"]["n"]) for one in incidents for alert in one["alerts"]}
        if known >= ledger.crossings.keys() and not Heard.of(phone).untold(incidents):
            break
        await asyncio.sleep(1)
    whole = [await client.get(f"/api/v1/incidents/{one['number']}") for one in incidents]
    return [answer.raise_for_status().json() for answer in whole]


def _calls(incidents: Sequence[Incident]) -> Iterator[tuple[int, int]]:
    """Yield the crossing of each alert of each incident, and how often it called."""
    for incident in incidents:
        assert incident["alert_count"] == len(incident["alerts"])
        lines = [line["facts"] for line in incident["timeline"] if line["what"] in CALLED]
        called = Counter(chain.from_iterable(f.get("alerts") or [f["alert"]] for f in lines))
        for alert in incident["alerts"]:
            yield int(alert["labels"]["n"]), called[alert["id"]]


def not_once(incidents: Sequence[Incident], ledger: Ledger) -> list[int]:
    """Return the crossings that did not call exactly once, in exactly one incident."""
    calls: dict[int, list[int]] = {number: [] for number in ledger.crossings}
    for number, times in _calls(incidents):
        calls.setdefault(number, []).append(times)
    return [number for number, times in calls.items() if times != [1]]


async def missing_samples(client: httpx.AsyncClient, ledger: Ledger) -> list[tuple[int, int]]:
    """Return each (tick, series) that was acknowledged and does not read back with its value."""
    lost: list[tuple[int, int]] = []
    for group in range(SERIES // GROUP):
        indices = range(group * GROUP, (group + 1) * GROUP)
        wanted = {(tick, i): value_of(tick, i) for tick in ledger.ticks for i in indices}
        lost += await _missing(client, f'crash_load{{group="{group}"}}', "index", wanted)
    crossed = {(tick, n): value_of(tick, n) for n, tick in ledger.crossings.items()}
    return [*lost, *await _missing(client, "crash_crossing", "n", crossed, window=200)]


async def _missing(
    client: httpx.AsyncClient,
    query: str,
    name: str,
    wanted: dict[tuple[int, int], float],
    *,
    window: int = 10_000,
) -> list[tuple[int, int]]:
    ticks = [tick for tick, _ in wanted]
    read: dict[tuple[int, int], float] = {}
    for start in range(min(ticks), max(ticks) + 1, window):
        end = min(start + window - 1, max(ticks))
        read |= await _read(client, query, name, (start, end))
    return [place for place, value in wanted.items() if read.get(place) != value]


async def _read(
    client: httpx.AsyncClient, query: str, name: str, span: tuple[int, int]
) -> dict[tuple[int, int], float]:
    """Return the value of each (tick, series); each value has to be that very moment's own."""
    times = {"start": str(span[0] * EVERY), "end": str(span[1] * EVERY), "step": str(EVERY)}
    params = {"query": query, "lookback_delta": str(EVERY), **times}
    answer = await client.get("/prometheus/api/v1/query_range", params=params)
    return {
        (round(at * 1000) // STEP_MS, int(series["metric"][name])): float(value)
        for series in answer.raise_for_status().json()["data"]["result"]
        for at, value in series["values"]
    }
