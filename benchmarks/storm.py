"""A storm: 10,000 series of 50 systems cross at once; beside it Prometheus with Alertmanager."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import numpy as np
from sqlalchemy import make_url

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.support import cpu, peers, report
from benchmarks.support.langyan import WRITE, Figures, cpu_seconds, figures, quantile
from kit.clock import milliseconds, system_clock
from kit.postgres.reaching import running
from metrics.columns import Labels, labels_of
from metrics.ports.encode import write_request
from tests.support.phone import Phone
from tests.support.program import Program
from tests.support.site import bearer

SERIES, SYSTEMS, PER_BODY = 10_000, 50, 500
BOARDS, ACKNOWLEDGED = 100, 10
LIMIT, CALM, STORM = 90.0, 10.0, 95.0
WITHIN = 60.0
PROTOBUF = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
RULES = f"""
groups:
  - name: storm
    rules:
      - alert: Storm
        expr: storm_value > {LIMIT:g}
        labels: {{severity: P2}}
"""


@dataclass
class Seen:
    """What one program did from the crossing on; times in seconds after it."""

    name: str
    told: list[float] = field(default_factory=list)
    recorded: float | None = None
    cpu: float = 0.0
    boards: list[float] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)
    incidents: int = 0
    repeated: int = 0
    lag: float = 0.0
    sent_within: float = 0.0


def fleet(clients: int) -> list[tuple[str, list[Labels]]]:
    """Return for each client its series; systems are dealt out one client after the other."""
    found: dict[str, list[Labels]] = {f"c{n}": [] for n in range(clients)}
    for number in range(SERIES):
        system = number % SYSTEMS
        named = {
            "__name__": "storm_value",
            "instance": f"host{number:05d}.example.com:9100",
            "job": "node",
            "mountpoint": "/var/lib",
            "system": f"s{system}",
        }
        found[f"c{system % clients}"].append(labels_of(named))
    return list(found.items())


def token_of(client: str) -> str:
    """Return the token that a client's samples come with."""
    return f"ly_the-token-of-{client}-0123456789abcdefghijklmno"


def config(clients: int, contacts: int, phone: Phone) -> str:
    """Return the YAML of an installation with that many clients and people on call."""
    names = [f"c{n}" for n in range(clients)]
    people = [f"p{n}" for n in range(contacts)]
    lines = ["clients:"] + [f"  - {{name: {n}, title: {n.upper()}}}" for n in names]
    lines += ["systems:"] + [
        f"  - {{name: s{n}, client: c{n % clients}, title: S{n}}}" for n in range(SYSTEMS)
    ]
    lines += ["people:"] + [
        f'  - {{name: {n}, title: {n}, contacts: [{{channel: webhook, url: "{phone.url(n)}"}}]}}'
        for n in people
    ]
    told = ", ".join(f'"person:{n}"' for n in people)
    lines += ["escalations:", f"  - {{name: default, steps: [{{notify: [{told}], wait: 5m}}]}}"]
    lines += ["tokens:"] + [
        f"  - {{name: {n}, client: {n}, scopes: [ingest], secret_env: TOKEN_{n.upper()}}}"
        for n in names
    ]
    lines += [
        "thresholds:",
        "  - name: storm",
        "    title: {zh: 风暴, en: Storm}",
        "    expr: storm_value",
        f"    P2: {{above: {LIMIT:g}}}",
        f"    recover: {{below: {LIMIT - 5:g}}}",
    ]
    return "\n".join(lines) + "\n"


async def write(
    http: httpx.AsyncClient, path: str, series: Sequence[tuple[str, list[Labels]]], value: float
) -> None:
    """Write one value of each series, all clients and bodies at once."""
    at = milliseconds(system_clock())
    async with asyncio.TaskGroup() as writing:
        for client, labels in series:
            headers = PROTOBUF | bearer(token_of(client))
            for first in range(0, len(labels), PER_BODY):
                part = labels[first : first + PER_BODY]
                body = write_request(part, [at] * len(part), [value] * len(part))
                writing.create_task(_post(http, path, body, headers))


async def _post(http: httpx.AsyncClient, path: str, body: bytes, headers: dict[str, str]) -> None:
    for _ in range(50):
        answer = await http.post(path, content=body, headers=headers)
        if answer.status_code != 503:
            answer.raise_for_status()
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the storm was not taken in")


async def until(true: Callable[[], bool]) -> bool:
    """Wait until it is true; tell whether it became so."""
    deadline = time.monotonic() + WITHIN
    while not true() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.02)
    return true()


async def _recorded(database: str, began: float) -> float:
    """Return when every alert of the storm stands with its incident."""
    url = make_url(database).set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        while time.monotonic() - began < WITHIN:
            if await connection.fetchval("SELECT count(*) FROM incident_alerts") >= SERIES:
                return time.monotonic() - began
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
    return float("inf")


async def _look(http: httpx.AsyncClient, took: list[float], times: int) -> None:
    for _ in range(times):
        began = time.monotonic()
        (await http.get("/")).raise_for_status()
        took.append(time.monotonic() - began)


async def _acknowledge(program: Program, phone: Phone, took: list[float]) -> None:
    async with httpx.AsyncClient(base_url=program.url, headers=program.admin, timeout=30) as http:
        for number in range(ACKNOWLEDGED):
            await until(lambda number=number: len(phone.calls) > number * 2)
            told = phone.calls[number * 2].json["incident"]["number"]
            began = time.monotonic()
            answer = await http.post(f"/api/v1/incidents/{told}/acknowledge")
            if answer.status_code != 409:
                answer.raise_for_status()
                took.append(time.monotonic() - began)


async def _signed_in(http: httpx.AsyncClient, token: str) -> None:
    page = (await http.get("/signin")).text
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    form = {"csrf": csrf, "name": "admin", "password": token}
    answer = await http.post("/signin", data=form)
    if answer.status_code != 303:
        raise SystemExit(f"cannot sign in: {answer.status_code}")


async def of_langyan(folder: Path, clients: int, contacts: int) -> Seen:
    """Let the storm pass over Langyan, with people looking and answering meanwhile."""
    seen, series = Seen("Langyan"), fleet(clients)
    async with Phone() as phone:
        shelf = folder / "config"
        shelf.mkdir(parents=True)
        (shelf / "storm.yml").write_text(config(clients, contacts, phone))
        more = {f"TOKEN_{name.upper()}": token_of(name) for name, _ in series}
        async with (
            Program(folder / "data", shelf, more) as program,
            httpx.AsyncClient(base_url=program.url, timeout=60) as http,
            httpx.AsyncClient(base_url=program.url, timeout=60) as browser,
        ):
            await _signed_in(browser, program.admin["Authorization"].partition(" ")[2])
            await write(http, WRITE, series, CALM)
            await asyncio.sleep(3)
            await _through(seen, program, phone, series, http, browser, contacts)
    return seen


async def _through(
    seen: Seen,
    program: Program,
    phone: Phone,
    series: list[tuple[str, list[Labels]]],
    http: httpx.AsyncClient,
    browser: httpx.AsyncClient,
    contacts: int,
) -> None:
    before, used = await figures(program), cpu_seconds(program)
    database = running(program.folder / "postgres")
    assert database is not None
    began, clock = time.monotonic(), asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as all_:
        record = all_.create_task(_recorded(database, began))
        all_.create_task(_look(browser, seen.boards, BOARDS))
        all_.create_task(_acknowledge(program, phone, seen.acknowledged))
        await write(http, WRITE, series, STORM)
        seen.sent_within = time.monotonic() - began
        await until(lambda: len(_first(phone)) >= SYSTEMS * contacts)
    seen.recorded = record.result()
    first: dict[tuple[str, int], float] = {}
    for call in _first(phone):
        first.setdefault((call.path, call.json["incident"]["number"]), call.at - clock)
    seen.told = list(first.values())
    seen.cpu = cpu_seconds(program) - used
    await asyncio.sleep(1)
    keys = Counter(call.key for call in phone.calls)
    seen.repeated = sum(count - 1 for count in keys.values())
    seen.incidents = len({number for _, number in first})
    after: Figures = await figures(program)
    seen.lag = quantile("loop_lag_seconds", 0.99, before, after)


def _first(phone: Phone) -> list:  # type: ignore[type-arg]
    return [call for call in phone.calls if call.json["event"] == "triggered"]


async def of_peers(folder: Path) -> Seen:
    """Let the same storm pass over Prometheus, evaluating each second, with Alertmanager."""
    seen, series = Seen("Prometheus + Alertmanager"), fleet(1)
    async with Phone() as phone:
        route = "receiver: phone, group_by: [system], group_wait: 0s, group_interval: 1s"
        receiver = f'{{name: phone, webhook_configs: [{{url: "{phone.url("am")}"}}]}}'
        manager = peers.alertmanager(
            folder / "am", config=f"route: {{{route}}}\nreceivers: [{receiver}]\n"
        )
        (folder / "p").mkdir(parents=True)
        (folder / "p" / "rules.yml").write_text(RULES)
        told = (
            "global: {scrape_interval: 1h, evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
            "alerting: {alertmanagers: [{static_configs: "
            f'[{{targets: ["127.0.0.1:{manager.port}"]}}]}}]}}\n'
        )
        server = peers.prometheus(folder / "p", config=told)
        async with manager, server, httpx.AsyncClient(base_url=server.url, timeout=60) as http:
            assert manager.process is not None
            assert server.process is not None
            roots = [manager.process.pid, server.process.pid]
            await write(http, "/api/v1/write", series, CALM)
            await asyncio.sleep(3)
            await _acquainted(http)
            used = cpu.seconds(roots)
            began, clock = time.monotonic(), asyncio.get_running_loop().time()
            await write(http, "/api/v1/write", series, STORM)
            seen.sent_within = time.monotonic() - began
            await until(lambda: len({_system(call) for call in phone.calls}) >= SYSTEMS)
            seen.cpu = cpu.seconds(roots) - used
            first: dict[str, float] = {}
            for call in phone.calls:
                first.setdefault(_system(call), call.at - clock)
            seen.told, seen.incidents = list(first.values()), len(first)
    return seen


async def _acquainted(http: httpx.AsyncClient) -> None:
    """Wait until Prometheus knows its Alertmanager: for its first 5 s it may not.

    What fires until then it drops, and says again after a minute.
    """
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        known = (await http.get("/api/v1/alertmanagers")).raise_for_status().json()
        if known["data"]["activeAlertmanagers"]:
            return
        await asyncio.sleep(0.1)
    raise SystemExit("Prometheus did not find its Alertmanager")


def _system(call) -> str:  # type: ignore[no-untyped-def]
    name: str = call.json["groupLabels"]["system"]
    return name


def at(values: Sequence[float], share: float) -> str:
    """Return a quantile in milliseconds."""
    return f"{np.quantile(values, share) * 1000:.0f}" if len(values) else "–"


def row(label: str, one: Seen) -> tuple[str, ...]:
    """Return one line of the table."""
    return (
        label,
        str(one.incidents),
        str(len(one.told)),
        at(one.told, 0.5),
        at(one.told, 1.0),
        f"{one.recorded:.1f}" if one.recorded else "–",
        at(one.boards, 0.95),
        at(one.acknowledged, 1.0),
        f"{one.lag * 1000:g}" if one.lag else "–",
        f"{one.cpu:.1f}",
    )


HEAD = (
    *("", "incidents", "notifications", "told, median ms", "told, last ms", "on record s"),
    *("board p95 ms", "acknowledged, slowest ms", "loop lag p99 ≤ ms", "CPU s"),
)


async def run(only: str | None) -> str:
    """Measure each in turn; return the table."""
    rows = []
    cases = [(1, 1), (10, 1), (1, 3)]
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        for clients, contacts in cases:
            name = f"Langyan, {clients} client{'s' * (clients > 1)}, {contacts} contact"
            name += "s" * (contacts > 1)
            if only and only not in name:
                continue
            seen = await of_langyan(Path(folder) / name.replace(" ", ""), clients, contacts)
            rows.append(row(name, seen))
            print(
                rows[-1], f"sent in {seen.sent_within:.2f} s, repeated {seen.repeated}", flush=True
            )
        if not only:
            rows.append(row("Prometheus + Alertmanager", await of_peers(Path(folder) / "peers")))
            print(rows[-1], flush=True)
    return report.table(HEAD, rows)


def main() -> None:
    """Measure, and write the section of docs/benchmarks.md if all of it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="a part of a case's name; nothing is written then")
    only = parser.parse_args().only
    table = asyncio.run(run(only))
    if only:
        return
    versions = [
        f"{name} {peers.version(name)}" for name in ("prometheus", "prometheus-alertmanager")
    ]
    text = (
        f"{SERIES:,} series of {SYSTEMS} systems cross a threshold at once (remote write, "
        f"{PER_BODY} samples a request, all requests at the same moment). Every time counts from "
        "the first request. Meanwhile the board is read "
        f"{BOARDS} times and {ACKNOWLEDGED} incidents are acknowledged. On record: every alert "
        "stands in the database with its incident. Prometheus evaluates each second; "
        "Alertmanager groups by system, group_wait 0, group_interval 1s. CPU is that of all "
        "processes of a program until the last notification, in Langyan's with the board and "
        "the acknowledgements. The requests, the receivers and the measuring share the machine "
        "with what is measured.\n\n"
        f"{table}\n\n{report.machine(*versions)}"
    )
    report.write("storm", "Storm", text)


if __name__ == "__main__":
    main()
