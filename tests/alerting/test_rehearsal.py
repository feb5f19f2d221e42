"""What a rule would have done over stored samples: exact on every sample, in slices, bounded."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from access.directory import ClientFacts, Directory, SystemFacts
from alerting import rehearsal
from alerting.lifecycle import Priority
from alerting.rehearsal import Span, Would, rehearse
from kit.clock import milliseconds
from kit.errors import Invalid
from metrics.columns import STALE
from metrics.matchers import Matcher, all_hold
from metrics.promql.refusals import NotComputable
from tests.support.alerts import rule
from tests.support.clock import NOON
from tests.support.shelf import Shelf

START = milliseconds(NOON)
MINUTE = 60_000
SPAN = Span(START, START + 4 * 60 * MINUTE, 15_000)
DIRECTORY = Directory(
    {
        "acme": ClientFacts("acme", "Acme", overrides={"disk": {"P2": {"above": 50}}}),
        "bolt": ClientFacts("bolt", "Bolt"),
    },
    (SystemFacts("bolt", "web", "Web", core=True, match={"job": "web"}),),
)


class Past(Shelf):
    """Samples of the past, which also count what they would be asked for."""

    def select(self, matchers: Sequence[Matcher], /) -> Any:
        found = [all_hold(matchers, dict(labels)) for labels, _ in self.series]
        return np.flatnonzero(found).astype(np.int32)


def disk(
    minutes: Mapping[float, float], *, client: str = "bolt", **labels: str
) -> tuple[dict[str, str], list[tuple[int, float]]]:
    named = {"__name__": "disk_used", "client": client, **labels}
    return named, [(START + round(at * MINUTE), value) for at, value in minutes.items()]


def every(start: float, end: float, value: float, *, step: float = 0.25) -> dict[float, float]:
    return {at: value for at in np.arange(start, end, step).tolist()}


async def tried(series: Sequence[Any], **parts: Any) -> list[Would]:
    found, _ = await rehearse(Past(series), rule(**parts), DIRECTORY, SPAN)
    return found


def minutes(would: Would) -> list[tuple[float, float | None, Priority]]:
    def at(moment: datetime) -> float:
        return (moment - NOON) / timedelta(minutes=1)

    return [
        (at(f.since), None if f.until is None else at(f.until), f.priority) for f in would.firings
    ]


@pytest.mark.parametrize("expr", ["disk_used", "disk_used + 0"])
async def test_an_alert_fires_and_ends_over_slices(expr: str) -> None:
    values = every(0, 50, 10) | every(50, 130, 97) | every(130, 200, 10)
    (one,) = await tried([disk(values)], expr=expr, P1={"above": 95, "for": "5m"})
    assert minutes(one) == [(55, 130, Priority.P1)]
    assert (one.client, one.labels) == ("bolt", {"client": "bolt"})


async def test_a_plain_rule_sees_what_lies_between_the_steps() -> None:
    (one,) = await tried([disk({1: 10, 1.01: 99, 1.02: 10})])
    assert [priority for *_, priority in minutes(one)] == [Priority.P2]


@pytest.mark.parametrize(("expr", "silent"), [("disk_used", 15.0), ("disk_used + 0", 15.0)])
async def test_a_series_that_falls_silent_is_missed_after_the_lookback(
    expr: str, silent: float
) -> None:
    values = every(0, 10.25, 10) | every(40, 60, 10)
    (one,) = await tried([disk(values)], expr=expr, absent={"for": "10m", "priority": "P3"})
    first, second = minutes(one)
    assert first == (silent + 10, 40, Priority.P3)
    assert second[1:] == (None, Priority.P3)


async def test_a_series_that_ended_is_missed_at_once() -> None:
    values = every(0, 10, 10) | {10: STALE}
    (one,) = await tried([disk(values)], absent={"for": "10m"})
    assert minutes(one) == [(20, None, Priority.P2)]


async def test_a_series_that_was_never_there_is_not_missed() -> None:
    both = [disk(every(0, 240, 10), host="a"), disk(every(200, 240, 10), host="b")]
    for expr in ("disk_used", "disk_used + 0"):
        found = await tried(both, expr=expr, absent={"for": "10m"})
        assert [minutes(one) for one in found] == [[], []]


async def test_what_a_client_overrides_holds_for_it_alone() -> None:
    both = [disk(every(0, 60, 60), client=client) for client in ("acme", "bolt")]
    found = {one.client: minutes(one) for one in await tried(both)}
    assert found == {"acme": [(0, None, Priority.P2)], "bolt": []}


async def test_only_the_systems_of_the_rule_are_looked_at() -> None:
    both = [disk(every(0, 60, 99), job=job) for job in ("web", "db")]
    for expr in ("disk_used", "disk_used + 0"):
        (one,) = await tried(both, expr=expr, core=True)
        assert (one.system, one.labels["job"]) == ("web", "web")


async def test_only_its_own_clients_are_looked_at() -> None:
    both = [disk(every(0, 60, 99), client=client) for client in ("acme", "bolt")]
    for expr in ("disk_used", "sum by (host) (disk_used)"):
        (one,) = await tried(both, expr=expr, clients=["bolt"])
        assert one.client == "bolt"


@pytest.mark.parametrize(("level", "drawn"), [({"above": 90}, 99.0), ({"below": 20}, 10.0)])
async def test_the_line_keeps_the_gravest_value(level: dict[str, float], drawn: float) -> None:
    (one,) = await tried([disk({1: 50, 1.1: 99, 1.2: 10, 1.3: 50})], P2=level)
    assert one.line[~np.isnan(one.line)].tolist() in ([drawn], [drawn, 50.0])


async def test_what_cannot_be_computed_is_refused() -> None:
    with pytest.raises(Invalid):
        await tried([], expr="absent(disk_used)")


@pytest.mark.parametrize("expr", ["disk_used > start()", "disk_used @ end()"])
async def test_a_preview_has_no_beginning_and_end_as_an_evaluation_has(expr: str) -> None:
    with pytest.raises(Invalid, match="preview"):
        await tried([disk({1: 50})], expr=expr)


async def test_too_many_series_are_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rehearsal, "SERIES_MOST", 1)
    with pytest.raises(NotComputable, match="2 series"):
        await tried([disk({1: 1}, host=host) for host in "ab"])


async def test_too_many_samples_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "SAMPLES_MOST", 100)
    with pytest.raises(NotComputable, match="samples"):
        await tried([disk(every(0, 60, 1))])


async def test_what_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "SECONDS_MOST", 0.0)
    with pytest.raises(NotComputable, match="longer"):
        await tried([disk(every(0, 60, 1))])
