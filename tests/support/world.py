"""The whole program in one process, driven in domain words, with a clock that is turned by hand."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.house import House
from app.main import create_app
from app.opening import prepare
from app.wiring import build
from kit.db import Database
from kit.settings import Settings
from notifications.sender import Limits
from tests.support.clock import FakeClock
from tests.support.phone import Phone
from tests.support.program import ADMIN_TOKEN

STEP = timedelta(seconds=30)

STANDING = """
clients: [{name: acme, title: 爱可美餐饮, timezone: Asia/Shanghai}]
systems: [{name: pos, client: acme, title: 点餐系统, core: true}]
people:
  - name: li
    title: 李雷
    password_env: LI_PASSWORD
    contacts: [{channel: webhook, url: "PHONE/li"}]
  - {name: han, title: 韩梅梅, contacts: [{channel: webhook, url: "PHONE/han"}]}
schedules:
  - name: primary
    timezone: Asia/Shanghai
    layers: [{rotation: weekly, handoff: "Mon 09:00", people: [li]}]
escalations:
  - name: default
    steps: [{notify: ["schedule:primary"], wait: 5m}, {notify: ["person:han"], wait: 5m}]
    repeat: 1
thresholds:
  - name: disk
    title: {zh: 磁盘使用率, en: Disk usage}
    expr: disk
    unit: percent
    P1: {above: 95, for: 2m}
    P2: {above: 90, for: 2m}
    recover: {below: 75}
"""
PASSWORD = "correct horse battery staple"


@dataclass
class World:
    """One installation with people, phones and a client `acme` whose system `pos` is core."""

    house: House
    clock: FakeClock
    phone: Phone
    http: httpx.AsyncClient

    @property
    def db(self) -> Database:
        """The database."""
        return self.house.db

    async def pushes(self, name: str, value: float, **labels: str) -> None:
        """Write one sample of acme's, and let everything come of it that comes at once."""
        answer = await self.writes(name, value, labels)
        assert answer.is_success, answer.text
        await self.settles()

    async def writes(self, name: str, value: float, *labels: Mapping[str, str]) -> httpx.Response:
        """Write a sample of now for each of these label sets, and wait for the answer only."""
        now, own = self.clock().isoformat(), {"client": "acme", "system": "pos"}
        samples = [
            {"name": name, "value": value, "labels": {**own, **more}, "at": now}
            for more in labels or ({},)
        ]
        return await self.http.post("/api/v1/samples", json={"samples": samples})

    async def sweeps(self) -> None:
        """Compare memory, rows and samples as happens every minute."""
        await self.house.evaluator.sweep(self.clock())
        await self.settles()

    async def settles(self) -> None:
        """Let everything happen that is due at this moment."""
        await self.house.evaluator.settle()
        for tick in self.house.scheduler.ticks:
            if tick.name in ("rules", "escalation", "resolution", "clocks", "outbox"):
                await tick.job(self.clock())
        await self.house.evaluator.settle()
        while await self.house.sender.send_due():
            await self.house.sender.settle()

    async def passes(self, **length: float) -> datetime:
        """Let time go by, in steps of half a minute."""
        left = timedelta(**length)
        while left > timedelta():
            step = min(left, STEP)
            self.clock.advance(seconds=step.total_seconds())
            await self.settles()
            left -= step
        return self.clock()

    async def incidents(self) -> list[dict[str, Any]]:
        """Return every incident, newest first, as REST tells it."""
        answer = await self.http.get("/api/v1/incidents")
        items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
        return items

    async def incident(self, number: int = 1) -> dict[str, Any]:
        """Return one incident as REST tells it."""
        answer = await self.http.get(f"/api/v1/incidents/{number}")
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    async def acknowledges(self, person: str, number: int = 1) -> httpx.Response:
        """Press the button behind the link that this person was sent last."""
        link = self.phone.calls_of(person)[-1].json["links"]["acknowledge"]
        answer = await self.http.post(httpx.URL(link).path, headers={"Authorization": ""})
        await self.settles()
        return answer


@asynccontextmanager
async def world(
    db: Database, folder: Path, clock: FakeClock, *, yaml: str = STANDING
) -> AsyncIterator[World]:
    """Set an installation up, everything real but the clock and the phones."""
    async with Phone() as phone, life(db, folder, clock, phone=phone, yaml=yaml) as found:
        yield found


@asynccontextmanager
async def life(
    db: Database,
    folder: Path,
    clock: FakeClock,
    *,
    phone: Phone,
    yaml: str = STANDING,
    by_itself: bool = False,
    adopt: bool = False,
) -> AsyncIterator[World]:
    """One life of an installation, from its start to its end; `by_itself`: nobody drives it."""
    config = folder / "config"
    config.mkdir(exist_ok=True)
    (config / "world.yml").write_text(yaml.replace("PHONE/", phone.url()))
    settings = Settings(
        data_dir=folder / "data",
        config=config,
        admin_token=ADMIN_TOKEN,
        secret_key="k" * 43,
        watch_host=False,
        adopt=adopt,
    )
    secrets = await prepare(db, settings, now=clock(), environ={"LI_PASSWORD": PASSWORD})
    house = build(settings, secrets, db, clock, sending=Limits(skew_most=None))
    await (house.open() if by_itself else house.bring_up())
    transport = httpx.ASGITransport(create_app(house))
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=headers
    ) as http:
        try:
            yield World(house, clock, phone, http)
        finally:
            await house.close()
