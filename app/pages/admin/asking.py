"""How the targets stand: when each answered last, with what, and how it went in the last hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from collectors.scrape import labels_of
from collectors.turns import TargetFacts
from kit.clock import from_milliseconds, milliseconds
from kit.curves import Points
from kit.i18n import t
from kit.sparklines import sparkline
from metrics.columns import NAME
from metrics.matchers import Matcher, Op
from metrics.store import Store

if TYPE_CHECKING:
    from access.tables import Target

HOUR = timedelta(hours=1)
MISSED_MOST = 3
"""Turns that may pass without an answer before a target counts as silent."""

UP = {"scrape": "up", "http": "probe_success"}
TOOK = {"scrape": "scrape_duration_seconds", "http": "probe_duration_seconds"}
SAID = {"scrape": "scrape_samples_scraped", "http": "probe_http_status_code"}


@dataclass(frozen=True)
class Standing:
    """How a target stands: well | down | silent | never | paused | resting."""

    state: str
    at: datetime | None = None
    took: timedelta | None = None
    said: int | None = None
    spark: Markup | None = None


async def standing(
    store: Store, row: "Target", *, now: datetime, locale: str, drawn: bool = False
) -> Standing:
    """Return how a target stands; `drawn`: with how long its answers took in the last hour."""
    if row.disabled:
        return Standing("resting")
    if row.paused_at is not None:
        return Standing("paused")
    newest = _newest(store, row)
    if UP[row.kind] not in newest:
        return Standing("never")
    at, up = newest[UP[row.kind]]
    silent = now - at > MISSED_MOST * timedelta(milliseconds=row.interval_ms)
    took = newest.get(TOOK[row.kind])
    said = newest.get(SAID[row.kind])
    return Standing(
        "silent" if silent else "well" if up >= 1 else "down",
        at,
        timedelta(seconds=took[1]) if took else None,
        int(said[1]) if said else None,
        await _spark(store, row, now, locale) if drawn else None,
    )


def _matchers(row: "Target", name: str) -> list[Matcher]:
    facts = TargetFacts(row.client, row.name, row.kind, row.url, row.system, labels=row.labels)
    labels = labels_of(facts)
    if row.kind == "http":
        labels["instance"] = row.url
    own = {"client": row.client, **labels, NAME: name}
    return [Matcher(label, Op.EQUAL, value) for label, value in sorted(own.items())]


def _newest(store: Store, row: "Target") -> Mapping[str, tuple[datetime, float]]:
    found: dict[str, tuple[datetime, float]] = {}
    for name in (UP[row.kind], TOOK[row.kind], SAID[row.kind]):
        refs = store.select(_matchers(row, name))
        times, values = store.newest(refs)
        if len(refs) and (last := int(np.argmax(times))) >= 0 and times[last] >= 0:
            found[name] = from_milliseconds(int(times[last])), float(values[last])
    return found


async def _spark(store: Store, row: "Target", now: datetime, locale: str) -> Markup | None:
    wanted = _matchers(row, TOOK[row.kind])
    columns = await store.read(wanted, milliseconds(now - HOUR), milliseconds(now))
    if len(columns.times) < 2:
        return None
    points = Points(columns.times, columns.values)
    return sparkline(points, title=t("targets.took_hour", locale), low=0)
