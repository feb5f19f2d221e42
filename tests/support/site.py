"""A client's site as it stands: the program, whoever is on call, and what asks and answers."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.phone import Call, Phone
from tests.support.program import Program
from tests.support.waiting import until

INGEST_TOKEN = "ly_ingest-token-of-acme-0123456789abcdefghij"
SECRET = "what li and we alone know"
ENVIRONMENT = {
    "ACME_TOKEN": INGEST_TOKEN,
    "LI_SECRET": SECRET,
    "LANGYAN_RESOLVE_AFTER": "3s",
}
STANDING = """
clients: [{name: acme, title: 爱可美餐饮, timezone: Asia/Shanghai}]
systems: [{name: pos, client: acme, title: 点餐系统, core: true, match: {job: node}}]
people:
  - name: li
    title: 李雷
    contacts: [{channel: webhook, url: "PHONE/li", secret_env: LI_SECRET}]
schedules:
  - name: primary
    timezone: Asia/Shanghai
    layers: [{rotation: weekly, handoff: "Mon 09:00", people: [li]}]
escalations:
  - {name: default, steps: [{notify: ["schedule:primary"], wait: 5m}]}
tokens: [{name: acme-agent, client: acme, scopes: [ingest], secret_env: ACME_TOKEN}]
thresholds:
  - name: core-target-down
    title: {zh: 核心系统采集目标中断, en: A core system's target is down}
    expr: up
    core: true
    P1: {below: 1, for: 2s}
    recover: {at_least: 1, for: 1s}
  - name: disk
    title: {zh: 磁盘使用率, en: Disk usage}
    expr: disk
    unit: percent
    P1: {above: 95}
    P3: {above: 80}
    recover: {below: 75}
"""


@dataclass
class Site:
    """One installation with a client acme, its core system pos, and li with a phone."""

    program: Program
    phone: Phone
    http: httpx.AsyncClient

    async def pushes(self, value: float, *, name: str = "disk", **labels: str) -> None:
        """Write one sample of acme's pos."""
        sample = {"name": name, "value": value, "labels": {"system": "pos", **labels}}
        answer = await self.http.post(
            "/api/v1/samples", json={"samples": [sample]}, headers=bearer(INGEST_TOKEN)
        )
        assert answer.status_code == 204, answer.text

    async def value_of(self, query: str) -> str | None:
        """Return the one value that an instant query finds, None without one."""
        answer = await self.http.get("/prometheus/api/v1/query", params={"query": query})
        found = answer.raise_for_status().json()["data"]["result"]
        return found[0]["value"][1] if found else None

    async def reads(self, query: str, value: str) -> None:
        """Wait until a query reads back this value."""

        async def it_does() -> bool:
            return await self.value_of(query) == value

        await until(it_does)

    async def incidents(self) -> list[dict[str, Any]]:
        """Return the open and the latest incidents, newest first."""
        answer = await self.http.get("/api/v1/incidents")
        items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
        return items

    async def incident(self, number: int) -> dict[str, Any]:
        """Return one incident as REST tells it."""
        answer = await self.http.get(f"/api/v1/incidents/{number}")
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    async def stands(self, number: int, status: str) -> dict[str, Any]:
        """Wait until an incident has this status, and return it."""

        async def it_does() -> dict[str, Any] | None:
            told = await self.incident(number)
            return told if told["status"] == status else None

        told: dict[str, Any] = await until(it_does)
        return told

    async def hears(self, event: str, *, number: int | None = None) -> Call:
        """Wait until li's phone was told this, and return the call."""

        async def it_was() -> Call | None:
            return next((call for call in self.told(event, number=number)), None)

        call: Call = await until(it_was)
        return call

    def told(self, event: str, *, number: int | None = None) -> list[Call]:
        """Return the calls with this event, of one incident or of all."""
        calls = (call for call in self.phone.calls if call.json["event"] == event)
        numbers = {number} if number else None
        return [c for c in calls if not numbers or c.json["incident"]["number"] in numbers]

    async def opens(self, value: float = 97, **labels: str) -> int:
        """Let an incident begin by a sample above the limit; return its number."""
        known = {one["number"] for one in await self.incidents()}
        await self.pushes(value, **labels)

        async def new() -> int | None:
            numbers = {one["number"] for one in await self.incidents()}
            return next(iter(numbers - known), None)

        number: int = await until(new)
        return number

    async def asks_for_nothing(self, name: str) -> None:
        """Let acme have a target by hand that is asked once a day, unless it has it already."""
        till = {"client": "acme", "name": name, "kind": "http", "interval": "1d", "timeout": "1s"}
        answer = await self.http.post("/api/v1/targets", json={**till, "url": self.phone.url(name)})
        assert answer.status_code in (201, 409), answer.text

    async def calms(self, number: int, *, name: str = "disk", **labels: str) -> None:
        """Let an incident end by a sample below the limit."""
        await self.pushes(0, name=name, **labels)
        await self.stands(number, "resolved")


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def signed(call: Call) -> bool:
    """Tell whether a call carries the signature that its receiver would expect."""
    text = call.headers["x-langyan-timestamp"].encode() + b"." + call.body
    expected = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    return call.headers["x-langyan-signature"] == f"v1={expected}"


def written(folder: Path, yaml: str, phone: Phone) -> Path:
    """Write a folder of configuration that calls `phone`; return it."""
    folder.mkdir(exist_ok=True)
    (folder / "site.yml").write_text(yaml.replace("PHONE/", phone.url()))
    return folder


@asynccontextmanager
async def standing(folder: Path, *, yaml: str = STANDING, **more: str) -> AsyncIterator[Site]:
    """Set the site up in `folder` and take it down again."""
    async with Phone() as phone:
        config = written(folder / "config", yaml, phone)
        program = Program(folder / "data", config, {**ENVIRONMENT, **more})
        async with (
            program,
            httpx.AsyncClient(base_url=program.url, headers=program.admin, timeout=30) as http,
        ):
            yield Site(program, phone, http)
