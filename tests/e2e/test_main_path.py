"""The product's proof: a real target dies, somebody is told, takes it, and it is taken back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Screen, Screens
from tests.support.peers import Peer, node_exporter, prometheus
from tests.support.phone import Call
from tests.support.site import INGEST_TOKEN, Site, signed

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

UP = 'up{job="node", client="acme"}'
STORY = ["opened", "escalated", "acknowledged", "alert_resolved", "recovered", "resolved"]


@asynccontextmanager
async def watched(site: Site, folder: Path) -> AsyncIterator[Peer]:
    """A target that a real Prometheus scrapes for acme, writing into the site."""
    async with node_exporter(folder / "node") as node:
        asking = prometheus(
            folder / "prometheus",
            job="node",
            scraped=node,
            write_to=site.program.url,
            token=INGEST_TOKEN,
        )
        async with asking:
            yield node


def seconds(told: dict[str, Any], event: str) -> int:
    """Return the whole seconds from the opening to an event."""
    ended, opened = (datetime.fromisoformat(told[at]) for at in (event, "opened_at"))
    return int((ended - opened).total_seconds())


async def takes_it(site: Site, call: Call, screens: Screens) -> None:
    """Open the link of a message on a phone, and press the button."""
    screen = await screens.phone()
    number = call.json["incident"]["number"]
    await screen.open(call.json["links"]["acknowledge"])
    await screen.shows("button.take")
    await screen.shot("main-path-link")
    assert (await site.incident(number))["status"] == "triggered"

    await screen.at("button.take").tap()
    await screen.shows(".answer", "这起故障由你负责")
    await screen.shot("main-path-taken")
    assert screen.wrong == []


async def reads_the_story(site: Site, screen: Screen, number: int) -> None:
    """Sign in as admin and see the incident with its clocks, evidence and receipts."""
    await screen.signs_in(site.program.url)
    await screen.shows("#live")
    await screen.open(f"{site.program.url}/incidents/{number}")
    await screen.shows(".state.resolved")
    await screen.shows("#clock-response-over")
    await screen.shows("#clock-recovery-over")
    await screen.shows(".evidence svg")
    await screen.shows(".receipts .sent", "李雷")
    await screen.is_live()
    await screen.shot("main-path-resolved")
    assert screen.wrong == []
    assert await screen.overflow() == 0


async def test_a_target_that_dies_is_told_taken_and_taken_back(
    site: Site, screens: Screens, tmp_path: Path
) -> None:
    async with watched(site, tmp_path) as node:
        await site.reads(UP, "1")
        node.end()
        call = await site.hears("triggered")
        assert signed(call)
        told = call.json["incident"]
        assert (told["client"], told["system"], told["priority"]) == ("acme", "pos", "P1")
        await takes_it(site, call, screens)
        taken = await site.incident(told["number"])
        assert (taken["status"], taken["acknowledged_by"]) == ("acknowledged", "li")
        assert taken["sla"]["response"]["state"] == "met"
        assert taken["sla"]["response"]["elapsed_seconds"] == seconds(taken, "acknowledged_at")

        await node.start()
        over = await site.stands(told["number"], "resolved")
        assert signed(await site.hears("resolved"))
        assert over["sla"]["response"] == taken["sla"]["response"]
        assert over["sla"]["recovery"]["state"] == "met"
        assert over["sla"]["recovery"]["elapsed_seconds"] == seconds(over, "resolved_at")
        assert [line["what"] for line in over["timeline"]] == STORY
        await reads_the_story(site, await screens.desk(), told["number"])

        site.program.kill()
        await site.program.start()
        assert await site.incident(told["number"]) == over
        await site.reads(UP, "1")
        assert [call.json["event"] for call in site.phone.calls] == ["triggered", "resolved"]
