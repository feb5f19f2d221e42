"""The engine at the end of a way: what has come to it, asked of it directly."""

import asyncio

import httpx

from benchmarks.support import cpu
from benchmarks.support.langyan import said
from kit.clock import milliseconds, system_clock
from tests.support.peers import Peer

TAKEN = 'vm_rows_inserted_total{type="promremotewrite"}'
QUIET = 3.0
FRESH = 3.0
"""Seconds: who shows samples as old as these at most keeps up."""


class Receiver:
    """A VictoriaMetrics that takes what is forwarded."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def cpu(self) -> float:
        """Return the CPU seconds that it has used since it was started."""
        return cpu.seconds([self.peer.process.pid]) if self.peer.process else 0.0

    async def comes_to_rest(self, quiet: float = QUIET) -> float:
        """Wait until nothing has come for a while; return when the last came (loop time)."""
        clock = asyncio.get_running_loop().time
        taken, last = -1.0, clock()
        while clock() - last < quiet:
            now = (await said(self.peer.url)).get(TAKEN, 0.0)
            if now != taken:
                taken, last = now, clock()
            await asyncio.sleep(0.1)
        return last

    async def count(self, start_ms: int, length_ms: int) -> int:
        """Return how many samples of the fleet it shows from `start_ms` on, each once."""
        end, span = start_ms + length_ms + 1_000, length_ms + 2_000
        asked = {
            "query": f'sum(count_over_time({{job="node"}}[{span}ms]))',
            "time": f"{end / 1000:.3f}",
            "nocache": "1",
        }
        async with httpx.AsyncClient(base_url=self.peer.url, timeout=150) as client:
            (await client.get("/internal/force_flush")).raise_for_status()
            answer = await client.get("/api/v1/query", params=asked)
        found = answer.raise_for_status().json()["data"]["result"]
        return int(found[0]["value"][1]) if found else 0

    async def keeps_up(self, *, within: float) -> float | None:
        """Wait until it shows what was just sent; return how many seconds that took, or None."""
        clock = asyncio.get_running_loop().time
        began = clock()
        async with httpx.AsyncClient(base_url=self.peer.url, timeout=30) as client:
            while clock() - began < within:
                if await self._age(client) <= FRESH:
                    return clock() - began
                await asyncio.sleep(0.25)
        return None

    async def _age(self, client: httpx.AsyncClient) -> float:
        """Return how many seconds old the newest sample of the whole fleet's oldest series is."""
        now = milliseconds(system_clock()) / 1000
        asked = {
            "query": 'min(tlast_over_time(node_memory_MemFree_bytes{job="node"}[10m]))',
            "time": f"{now:.3f}",
            "nocache": "1",
        }
        answer = await client.get("/api/v1/query", params=asked)
        found = answer.json().get("data", {}).get("result") if answer.is_success else None
        return now - float(found[0]["value"][1]) if found else float("inf")
