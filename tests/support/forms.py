"""Forms of pages as people fill them in: good ones of every kind that is configured."""

import re
from collections.abc import Mapping

from tests.support.reading import Page, page_of
from tests.support.world import World

POLICY = {
    "name": "night",
    "steps.0.notify": "person:li",
    "steps.0.wait": "5m",
    "steps.4.notify": "schedule:primary",
    "steps.4.wait": "10m",
    "repeat": "2",
}
SCHEDULE = {
    "name": "night",
    "timezone": "Asia/Shanghai",
    "layers.0.rotation": "weekly",
    "layers.0.day": "Mon",
    "layers.0.time": "09:00",
    "layers.0.people": "li han ",
    "layers.0.only.0.days": "Mon Tue Wed Thu Fri",
    "layers.0.only.0.from": "20:00",
    "layers.0.only.0.to": "08:00",
}
SLA = {
    f"{priority}.{name}": value
    for priority in ("P1", "P2", "P3", "P4")
    for name, value in (("response", "10m"), ("recovery", "1h"), ("hours", "always"))
}
THRESHOLD = {
    "name": "slow",
    "title.zh": "慢",
    "title.en": "Slow",
    "expr": "latency",
    "unit": "ms",
    "P1.test": "above",
    "P1.limit": "2000",
    "P1.for": "1m",
    "P2.test": "above",
    "P2.limit": "",
    "recover.test": "below",
    "recover.limit": "500",
    "core": "true",
    "clients": "acme",
}
GOOD: dict[str, tuple[str, Mapping[str, str]]] = {
    "clients": (
        "bolt",
        {
            "name": "bolt",
            "title": "Bolt",
            "locale": "en",
            "timezone": "Europe/Berlin",
            "sla": "standard",
            "escalation": "",
        },
    ),
    "systems": (
        "acme/wms",
        {
            "client": "acme",
            "name": "wms",
            "title": "仓储",
            "match.0.label": "job",
            "match.0.text": "wms.*",
            "match.1.label": "",
            "match.1.text": "",
            "core": "true",
        },
    ),
    "targets": (
        "acme/till",
        {
            "name": "till",
            "place": "acme/pos",
            "kind": "http",
            "url": "http://127.0.0.1:1/",
            "interval": "30s",
            "timeout": "5s",
            "expect_status": "200, 204",
            "labels.0.label": "zone",
            "labels.0.value": "a",
            "user": "prometheus",
            "secret": "not for anybody",
        },
    ),
    "thresholds": ("slow", THRESHOLD),
    "schedules": ("night", SCHEDULE),
    "escalations": ("night", POLICY),
    "slas": ("gold", {"name": "gold", **SLA}),
}


async def send(world: World, path: str, form: Mapping[str, str], language: str = "en") -> Page:
    """Send a form of a page as a browser would."""
    headers = {"accept-language": {"zh": "zh-CN"}.get(language, "en"), "accept": "text/html"}
    return page_of(await world.http.post(path, data=dict(form), headers=headers))


async def made(world: World, kind: str) -> str:
    """Make a good one of this kind by its form; return where its page is."""
    key, form = GOOD[kind]
    answer = await world.http.post(f"/admin/{kind}/new", data=dict(form))
    assert answer.status_code == 303, page_of(answer).words
    assert answer.headers["location"] == f"/admin/{kind}/{key}?done=made"
    return f"/admin/{kind}/{key}"


def fields_of(page: Page) -> dict[str, str]:
    """Return what the form of a page would send if nobody touched it."""
    form = page.part("thing").markup
    form = re.sub(r"<template>.*?</template>", "", form, flags=re.DOTALL)
    found: dict[str, str] = {}

    def put(name: str, value: str) -> None:
        found[name] = f"{found[name]} {value}" if name in found else value

    for element in re.finditer(
        r"<input\b([^>]*)>|<textarea\b([^>]*)>(.*?)</textarea>|<select\b([^>]*)>(.*?)</select>",
        form,
        re.DOTALL,
    ):
        about = next(part for part in (element[1], element[2], element[4]) if part is not None)
        name = re.search(r'name="([^"]+)"', about)
        assert name is not None
        if element[3] is not None:
            put(name[1], element[3])
        elif element[5] is not None:
            chosen = re.search(r'value="([^"]*)" selected', element[5])
            put(name[1], chosen[1] if chosen else "")
        elif "checkbox" not in about or " checked" in about:
            value = re.search(r'value="([^"]*)"', about)
            put(name[1], value[1] if value else "")
    return found
