"""What a target is shown: sealed at rest, sent to the target alone, never told again."""

import base64
import logging
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from access.tables import AuditEntry, Target
from app.rekeying import seal_anew
from collectors.probe import Prober
from collectors.scrape import Scraper
from collectors.turns import TargetFacts
from kit.keys import Former, Ring
from kit.sealing import Sealer
from tests.support.exporter import exporter
from tests.support.world import World

SECRET = "the secret of the tests"
AT = "/api/v1/targets/shop/pos-db"


async def sealed(world: World) -> str | None:
    async with world.db.snapshot() as session:
        secret: str | None = await session.scalar(select(Target.secret))
    return secret


async def test_a_secret_is_sealed_and_never_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [
        await world.http.patch(AT, json={"secret": SECRET}),
        await world.http.get(AT),
        await world.http.get("/api/v1/targets"),
        await world.http.get("/api/v1/audit"),
        await world.http.patch(AT, json={"secret": SECRET, "nothing": 1}),
    ]
    kept = await sealed(world)
    assert told[0].json()["has_secret"] is True
    assert kept is not None
    assert world.house.sealer.unseal(kept) == SECRET
    for text in (*(answer.text for answer in told), caplog.text, repr(world.house.rounds.targets)):
        assert SECRET not in text
        assert kept not in text
    async with world.db.snapshot() as session:
        newest = select(AuditEntry).where(AuditEntry.did == "target.change")
        facts = (await session.scalars(newest)).one().facts
    assert facts["before"] == facts["after"] == {"secret": "(secret)"}


@pytest.mark.parametrize(
    ("changes", "stays"),
    [({"interval": "20s"}, True), ({"secret": None}, False), ({"user": None}, True)],
)
async def test_a_secret_stays_until_it_is_taken_away(
    world: World, changes: dict[str, Any], stays: bool
) -> None:
    before = await sealed(world)
    changed = await world.http.patch(AT, json=changes)
    assert changed.json()["has_secret"] is stays, changed.text
    assert (await sealed(world) == before) is stays


async def test_a_secret_does_not_follow_to_another_address(world: World) -> None:
    elsewhere = {"url": "http://10.0.0.66:9100/metrics"}
    refused = await world.http.patch(AT, json=elsewhere)
    again = await world.http.patch(AT, json={**elsewhere, "secret": SECRET})
    path = await world.http.patch(AT, json={"url": "http://10.0.0.66:9100/other"})
    assert (refused.status_code, refused.json()["field"]) == (422, "secret")
    assert (again.status_code, path.status_code) == (200, 200)


async def test_another_key_opens_it_and_the_running_program_has_the_new_seal(
    world: World,
) -> None:
    old, now = await sealed(world), world.clock()
    assert old is not None
    keys = Ring("n" * 43, [Former("k" * 43)])
    anew, shut = await seal_anew(world.db, keys, now=now)
    await world.house.reload()

    new = await sealed(world)
    assert (anew, shut) == (1, 0)
    assert new not in (None, old)
    assert [target.secret for target in world.house.rounds.targets] == [new]
    assert Sealer(Ring("n" * 43)).unseal(new or "") == "shown to the target alone"


@pytest.mark.parametrize("user", [None, "prometheus"])
@pytest.mark.parametrize("kind", [Scraper, Prober])
async def test_the_target_is_shown_its_secret(user: str | None, kind: Any) -> None:
    sealer = Sealer("a key")
    seen: list[dict[str, str]] = []
    async with (
        exporter(lambda: (200, b"up_and 1\n"), heard=seen.append) as url,
        httpx.AsyncClient() as http,
    ):
        target = TargetFacts("shop", "x", "scrape", url, user=user, secret=sealer.seal(SECRET))
        await kind(http, unseal=sealer.unseal).collect(target, 0)
    pair = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
    assert [head["authorization"] for head in seen] == [
        f"Basic {pair}" if user else f"Bearer {SECRET}"
    ]


async def test_a_secret_of_another_key_is_a_target_that_is_down() -> None:
    async with exporter(lambda: (200, b"up_and 1\n")) as url, httpx.AsyncClient() as http:
        target = TargetFacts("shop", "x", "scrape", url, secret=Sealer("old").seal(SECRET))
        samples = await Scraper(http, unseal=Sealer("new").unseal).collect(target, 0)
    assert {dict(s.labels)["__name__"]: s.value for s in samples}["up"] == 0
