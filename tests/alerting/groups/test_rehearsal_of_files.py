"""An alerting rule of a file over stored samples: at its steps, in slices, clients apart."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from access.directory import ClientFacts, Directory
from alerting.groups.rehearsal import FileRehearsal
from alerting.groups.rules import compiled
from alerting.groups.schemas import GroupSpec, Placed
from alerting.rehearsal import Span, Would, led
from kit.clock import milliseconds
from metrics.matchers import Matcher, all_hold
from metrics.promql.refusals import NotComputable
from tests.support.clock import NOON
from tests.support.shelf import Shelf

START = milliseconds(NOON)
MINUTE = 60_000
SPAN = Span(START, START + 4 * 60 * MINUTE, 15_000)
DIRECTORY = Directory(
    {"acme": ClientFacts("acme", "Acme"), "bolt": ClientFacts("bolt", "Bolt")}, ()
)


class Past(Shelf):
    """Samples of the past, which also count what they would be asked for."""

    def select(self, matchers: Sequence[Matcher], /) -> Any:
        found = [all_hold(matchers, dict(labels)) for labels, _ in self.series]
        return np.flatnonzero(found).astype(np.int32)


def queue(
    minutes: Mapping[float, float], *, client: str = "bolt", **labels: str
) -> tuple[dict[str, str], list[tuple[int, float]]]:
    named = {"__name__": "queue", "client": client, **labels}
    return named, [(START + round(at * MINUTE), value) for at, value in minutes.items()]


def every(start: float, end: float, value: float) -> dict[float, float]:
    return {at: value for at in np.arange(start, end, 0.25).tolist()}


async def tried(
    series: Sequence[Any],
    *,
    group: Mapping[str, Any] | None = None,
    of: Sequence[str] | None = None,
    held: str = "0s",
    **parts: Any,
) -> list[Would]:
    spec = {"alert": "Long", "expr": "queue > 50", "for": held, **parts}
    whole = GroupSpec.model_validate(
        {"name": "g", "interval": "1m", **(group or {}), "rules": [spec]}
    )
    (rule,) = compiled([Placed("r.yml", whole)])
    past = Past(series)
    found, _ = await led(past, FileRehearsal(rule, DIRECTORY, past, SPAN, clients=of))
    return found


def minutes(would: Would) -> list[tuple[float, float | None, str]]:
    def at(moment: datetime) -> float:
        return (moment - NOON) / timedelta(minutes=1)

    return [
        (at(f.since), None if f.until is None else at(f.until), f.priority.value)
        for f in would.firings
    ]


async def test_it_waits_fires_and_ends_at_the_steps_of_its_group() -> None:
    values = every(0, 50.4, 10) | every(50.5, 130.2, 97) | every(130.25, 200, 10)
    (one,) = await tried([queue(values)], held="5m", labels={"severity": "critical"})
    assert minutes(one) == [(56, 131, "P1")]
    assert one.labels == {"alertname": "Long", "severity": "critical", "client": "bolt"}


async def test_it_goes_on_firing_as_long_as_the_file_says() -> None:
    values = every(0, 10, 97) | every(10, 12, 10) | every(12, 20, 97) | every(20, 60, 10)
    (one,) = await tried([queue(values)], keep_firing_for="5m")
    assert minutes(one) == [(0, 25, "P3")]


async def test_a_series_that_stops_ends_its_alert() -> None:
    (one,) = await tried([queue(every(0, 10, 97))])
    assert minutes(one) == [(0, 15, "P3")]


async def test_clients_stay_apart_and_who_was_not_asked_for_is_left_out() -> None:
    both = [
        queue(every(0, 20, 30), client=client, host=h) for client in ("acme", "bolt") for h in "ab"
    ]
    found = await tried(both, expr="sum(queue) > 50")
    assert {one.client for one in found} == {"acme", "bolt"}
    assert [one.client for one in await tried(both, expr="sum(queue) > 50", of=["acme"])] == [
        "acme"
    ]


async def test_what_is_not_there_is_asked_of_each_client_alone() -> None:
    both = [queue(every(0, 30, 1), client="acme"), queue(every(0, 240, 1), client="bolt")]
    (one,) = await tried(both, expr="absent(queue)", held="10m")
    assert (one.client, minutes(one)) == ("acme", [(45, None, "P3")])


async def test_labels_that_depend_on_the_value_make_alerts_of_their_own() -> None:
    values = every(0, 10, 60) | every(10, 20, 70)
    found = await tried([queue(values)], labels={"depth": "{{ $value }}"})
    assert sorted((one.labels["depth"], minutes(one)[0][0]) for one in found) == [
        ("60", 0),
        ("70", 10),
    ]


@pytest.mark.parametrize(
    "parts",
    [{"group": {"limit": 1}}, {"labels": {"host": "any"}}],
    ids=["more than the limit of the group", "two results of one label set"],
)
async def test_what_live_does_not_believe_is_not_believed(parts: dict[str, Any]) -> None:
    both = [queue(every(0, 20, 60), host=host) for host in "ab"]
    found = await tried(both, **parts)
    assert [minutes(one) for one in found if one.firings] == []


async def test_a_label_that_asks_a_query_is_refused() -> None:
    label = '{{ with query "queue" }}{{ . | first | value }}{{ end }}'
    with pytest.raises(NotComputable, match="asks a query"):
        await tried([queue(every(0, 10, 97))], labels={"depth": label})
