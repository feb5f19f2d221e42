"""The clicks that an engineer makes most, in a real browser: what each cost the server.

A site with `HOSTS` hosts and an incident in each of `SYSTEMS` systems stands; every click is made
`ROUNDS` times. The time is the server's own (`Server-Timing`: from the request to the first byte
of the answer), the slowest of a click's rounds counts beside the median.
"""

import asyncio
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Response

from benchmarks.support import report
from tests.support.browser import Screen, browsing
from tests.support.site import ENVIRONMENT, INGEST_TOKEN, STANDING, Site, bearer, standing
from tests.support.waiting import until

SYSTEMS, HOSTS, ROUNDS = 50, 200, 12
MOST_MS = 200.0
YAML = STANDING.replace(
    "systems: [",
    "systems: ["
    + "".join(f"{{name: s{n}, client: acme, title: 系统{n}}}, " for n in range(SYSTEMS)),
)


@dataclass
class Watch:
    """Hears what each request of a click cost the server; `label` is the click under way."""

    label: str = ""
    costs: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _slowest: float = 0.0

    def hear(self, response: Response) -> None:
        """Take the time of a page or of a part of one; assets and streams are no clicks."""
        path = urlsplit(response.url).path
        timing = response.headers.get("server-timing", "")
        if self.label and timing and not path.startswith("/static") and "events" not in path:
            self._slowest = max(self._slowest, float(timing.partition("dur=")[2]))

    async def click(self, label: str, act: Callable[[], Awaitable[object]]) -> None:
        """Do it, and keep the slowest request that it led to."""
        self.label, self._slowest = label, 0.0
        await act()
        self.costs[label].append(self._slowest)
        self.label = ""


async def _fill(site: Site) -> list[int]:
    """Let every system have its hosts and an incident; return the incidents' numbers."""
    for number in range(SYSTEMS):
        names = [f"web-{number}-{host}" for host in range(HOSTS // SYSTEMS)]
        samples = [
            {
                "name": metric,
                "value": 40 + place,
                "labels": {"system": f"s{number}", "instance": name},
            }
            for name in names
            for place, metric in enumerate(
                ("langyan_host_cpu_percent", "langyan_host_memory_percent", "disk")
            )
        ]
        samples.append(
            {"name": "disk", "value": 97, "labels": {"system": f"s{number}", "instance": names[0]}}
        )
        answer = await site.http.post(
            "/api/v1/samples", json={"samples": samples}, headers=bearer(INGEST_TOKEN)
        )
        assert answer.status_code == 204, answer.text

    async def all_there() -> list[int] | None:
        answer = await site.http.get("/api/v1/incidents", params={"limit": 200})
        numbers = [one["number"] for one in answer.json()["items"]]
        return numbers if len(numbers) >= SYSTEMS else None

    numbers: list[int] = await until(all_there, within=60)
    return numbers


async def _round(screen: Screen, watch: Watch, site: Site, number: int) -> None:
    page, url = screen.page, site.program.url

    def goes(path: str) -> Callable[[], Awaitable[object]]:
        return lambda: page.goto(f"{url}{path}", wait_until="load")

    async def presses(selector: str, then: str) -> None:
        await page.locator(selector).first.click()
        await screen.shows(then)

    async def notes() -> None:
        await page.locator("#note-text").fill("重启了写日志的进程")
        await presses(".note-form button", ".line-note")

    async def explores() -> None:
        await page.goto(f"{url}/explore?expr=disk&range=6h", wait_until="networkidle")

    await watch.click("board", goes("/"))
    await watch.click("incident", lambda: presses(f"#incident-{number} a", "button.take"))
    await screen.is_live()
    await watch.click("acknowledge", lambda: presses("button.take", ".state.acknowledged"))
    await watch.click("note", notes)
    await watch.click("incidents", goes("/incidents?state=all"))
    await watch.click("alerts", goes("/alerts"))
    await watch.click("hosts", goes("/hosts"))
    await watch.click("on call", goes("/oncall"))
    await watch.click("search", goes(f"/search?q=web-{number % SYSTEMS}"))
    await watch.click("explore", explores)
    await watch.click("client", goes("/clients/acme"))


@asynccontextmanager
async def _watched(site: Site) -> AsyncIterator[tuple[Screen, Watch]]:
    async with browsing() as screens:
        screen, watch = await screens.desk(), Watch()
        await screen.signs_in(site.program.url)
        await screen.shows(".rail")
        screen.page.on("response", watch.hear)
        yield screen, watch


async def main() -> int:
    """Measure, write the section, and tell by the exit code whether every click was in time."""
    with tempfile.TemporaryDirectory() as folder:
        async with standing(Path(folder), yaml=YAML, **ENVIRONMENT) as site:
            numbers = await _fill(site)
            async with _watched(site) as (screen, watch):
                for number in numbers[:ROUNDS]:
                    await _round(screen, watch, site, number)
    rows = [
        (label, f"{statistics.median(costs):.0f}", f"{max(costs):.0f}")
        for label, costs in watch.costs.items()
    ]
    head = ("click", "median", f"slowest of {ROUNDS}")
    text = (
        f"{SYSTEMS} systems with an open incident each, {HOSTS} hosts, a browser on the same "
        "machine; milliseconds from the request to the first byte of the answer. "
        f"`python benchmarks/clicks.py`\n\n{report.table(head, rows)}\n\n{report.machine()}"
    )
    report.write("clicks", "Clicks: the server's share", text)
    return int(any(max(costs) >= MOST_MS for costs in watch.costs.values()))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(asyncio.run(main()))
