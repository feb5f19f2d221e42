"""Two clients in one house: whatever is the neighbour's bears one word, so that a leak is seen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
from sqlalchemy import select

from access.commands import audit, make_token
from access.commands.sessions import Device, start_session
from access.scope import SYSTEM, Right, Role
from access.tables import BrowserSession, Person
from access.web import COOKIE
from alerting.tables import Alert
from oncall.tables import Contact, Override
from tests.support.access import csrf_in
from tests.support.world import World

MARK, NOBODY = "boltmark", "nobodyat"
"""The neighbour's word, and one as long that stands for nothing."""
NOTHING = UUID("00000000-0000-0000-0000-000000000000")
YAML = f"""
clients:
  - {{name: acme, title: 爱可美餐饮, timezone: Asia/Shanghai}}
  - {{name: {MARK}, title: {MARK} logistics, timezone: Asia/Shanghai}}
systems:
  - {{name: pos, client: acme, title: 点餐系统, core: true}}
  - {{name: {MARK}, client: {MARK}, title: {MARK} sorting, core: true}}
targets:
  - {{name: {MARK}, client: {MARK}, kind: scrape, url: "http://127.0.0.1:9/{MARK}"}}
people:
  - {{name: li, title: 李雷, clients: [acme], contacts: [{{channel: webhook, url: "PHONE/li"}}]}}
  - name: {MARK}
    title: {MARK} person
    clients: [{MARK}]
    mail: {MARK}@example.com
    contacts: [{{channel: webhook, url: "PHONE/{MARK}"}}]
schedules:
  - name: primary
    timezone: Asia/Shanghai
    layers: [{{rotation: weekly, handoff: "Mon 09:00", people: [li]}}]
  - name: {MARK}
    timezone: Asia/Shanghai
    layers: [{{rotation: weekly, handoff: "Mon 09:00", people: [{MARK}]}}]
escalations:
  - {{name: default, steps: [{{notify: ["schedule:primary"], wait: 5m}}]}}
tokens:
  - {{name: {MARK}, client: {MARK}, scopes: [ingest], secret_env: LI_PASSWORD}}
thresholds:
  - {{name: disk, title: {{zh: 磁盘使用率, en: Disk usage}}, expr: disk, P1: {{above: 95}}}}
  - name: {MARK}
    title: {{zh: {MARK} 规则, en: {MARK} rule}}
    expr: {MARK}_depth
    clients: [{MARK}]
    P1: {{above: 95}}
"""


@dataclass(frozen=True)
class Foreign:
    """What of the neighbour's could be asked for, and as long a thing that is not there."""

    number: int
    alert: UUID
    contact: UUID
    session: UUID
    override: UUID

    def values(self) -> dict[str, str]:
        """Return what goes into a path for the neighbour's things."""
        return {
            "number": str(self.number),
            "alert_id": str(self.alert),
            "contact_id": str(self.contact),
            "session_id": str(self.session),
            "override_id": str(self.override),
            "trouble_id": str(NOTHING),
            "client": MARK,
            "name": MARK,
        }

    def nothing(self) -> dict[str, str]:
        """Return what goes into a path for nothing at all."""
        return {
            name: {"number": "9", "client": NOBODY, "name": NOBODY}.get(name, str(NOTHING))
            for name in self.values()
        }

    def told_as_nothing(self, text: str) -> str:
        """Return an answer about the neighbour's thing as it were about nothing."""
        for name, value in self.values().items():
            text = text.replace(value, self.nothing()[name]) if name != "number" else text
        return re.sub(rf'(incidents/|incident |"incident":"){self.number}\b', r"\g<1>9", text)


async def move_in(world: World) -> Foreign:
    """Let both clients live a little: samples, an incident each, notes, overrides, sessions."""
    own = {"client": MARK, "system": MARK, "host": f"{MARK}-1"}
    await world.pushes("disk", 97)
    await world.pushes(f"{MARK}_depth", 97, **own)
    await world.pushes("disk", 50, **own)
    await world.pushes("langyan_host_cpu_percent", 5, client=MARK, instance=f"{MARK}-host")
    number = next(i["number"] for i in await world.incidents() if i["client"] == MARK)
    note = {"text": f"a note of {MARK}"}
    await world.http.post(f"/api/v1/incidents/{number}/notes", json=note)
    now = world.clock()
    stand_in = {
        "person": MARK,
        "starts_at": (now + timedelta(days=1)).isoformat(),
        "ends_at": (now + timedelta(days=2)).isoformat(),
    }
    made = await world.http.post(f"/api/v1/schedules/{MARK}/overrides", json=stand_in)
    assert made.status_code == 201, made.text
    async with world.db.transaction() as tx:
        who = await tx.get(Person, MARK)
        assert who is not None
        await start_session(tx, who, Device(f"{MARK}-address", f"{MARK} browser"), now=now)
        audit(tx, who=MARK, did=f"{MARK}.deed", on=MARK, client=MARK, now=now)
    async with world.db.snapshot() as session:
        return Foreign(
            number,
            (await session.scalars(select(Alert.id).where(Alert.client == MARK))).one(),
            (await session.scalars(select(Contact.id).where(Contact.person == MARK))).one(),
            (
                await session.scalars(
                    select(BrowserSession.id).where(BrowserSession.person == MARK)
                )
            ).one(),
            (await session.scalars(select(Override.id).where(Override.person == MARK))).one(),
        )


async def browser_of(world: World, role: Role) -> Mapping[str, str]:
    """Return the headers of a signed-in browser: somebody of this role who works for acme."""
    async with world.db.transaction() as tx:
        who = Person(name=f"acme-{role}", title=f"{role} of acme", role=role, clients=["acme"])
        tx.add(who)
        await tx.flush()
        secret = await start_session(tx, who, Device(), now=world.clock())
    cookie = {"Cookie": f"{COOKIE}={secret}"}
    async with httpx.AsyncClient(
        transport=world.http._transport, base_url=world.http.base_url, headers=cookie
    ) as browser:
        return {**cookie, "x-csrf": csrf_in((await browser.get("/account")).text)}


async def token_of(world: World, *rights: Right) -> Mapping[str, str]:
    """Return the headers of a token of acme's."""
    async with world.db.transaction() as tx:
        raw = await make_token(
            tx,
            name="-".join(["acme", *rights]),
            client="acme",
            rights=rights,
            by=SYSTEM,
            now=world.clock(),
        )
    return {"Authorization": f"Bearer {raw}"}
