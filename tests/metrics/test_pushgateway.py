"""The Pushgateway: groups are replaced, added to and deleted, written again, and never stale."""

import asyncio
import gzip
import math
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)
from prometheus_client.exposition import basic_auth_handler

from kit.clock import milliseconds
from kit.db import Database
from kit.errors import Invalid
from metrics.columns import is_stale, labels_of
from metrics.labels import Limits
from metrics.matchers import Matcher, Op
from metrics.ports.exposition.text import parsed
from metrics.pushed.gateway import Gateway
from metrics.pushed.groups import grouping
from tests.support.clock import NOON
from tests.support.ports import FAR, Ports, recorded, served

AT = NOON.timestamp()
GATEWAY = "/pushgateway/metrics"


@pytest.fixture(name="there")
async def ports(tmp_path: Path, db: Database) -> AsyncIterator[Ports]:
    async with served(tmp_path, db, limits=Limits(body_bytes=1_000_000)) as found:
        yield found


async def push(there: Ports, path: str, body: str, method: str = "PUT", **headers: str) -> int:
    answer = await there.http.request(
        method, f"{GATEWAY}/{path}", content=body.encode(), headers=headers
    )
    return answer.status_code


async def standing(there: Ports) -> dict[str, float]:
    """Return the newest value of each series that has not ended."""
    columns = await there.store.read([Matcher("client", Op.EQUAL, "acme")], 0, FAR)
    last = columns.values[columns.starts[1:] - 1]
    ends = zip(map(_text, columns.labels), last.tolist(), is_stale(last).tolist(), strict=True)
    return {name: value for name, value, stale in ends if not stale}


def _text(labels: tuple[tuple[str, str], ...]) -> str:
    named = {name: value for name, value in labels if name != "client"}
    inside = ",".join(f"{n}={v}" for n, v in sorted(named.items()) if n != "__name__")
    return f"{named['__name__']}{{{inside}}}"


def times(of: str, pushed: float = AT, failed: float = 0.0) -> dict[str, float]:
    return {f"push_time_seconds{{{of}}}": pushed, f"push_failure_time_seconds{{{of}}}": failed}


async def test_a_put_replaces_the_group_and_a_post_only_metrics_of_its_names(there: Ports) -> None:
    assert await push(there, "job/batch", 'a 1\nb{x="1"} 2\nb{x="2"} 3\n') == 200
    assert await push(there, "job/batch/instance/i1", "a 9\n") == 200
    there.clock.advance(seconds=1)
    assert await push(there, "job/batch", "b 4\nc 5\n", "POST") == 200
    other = {"a{instance=i1,job=batch}": 9.0, **times("instance=i1,job=batch")}
    assert await standing(there) == {
        "a{job=batch}": 1.0, "b{job=batch}": 4.0, "c{job=batch}": 5.0,
        **times("job=batch", AT + 1), **other,
    }  # fmt: skip

    there.clock.advance(seconds=1)
    assert await push(there, "job/batch", "d 6\n") == 200
    assert await standing(there) == {"d{job=batch}": 6.0, **times("job=batch", AT + 2), **other}


async def test_a_delete_takes_exactly_its_group(there: Ports) -> None:
    await push(there, "job/batch", "a 1\n")
    await push(there, "job/batch/zone/z", "a 2\n")
    there.clock.advance(seconds=1)
    assert await push(there, "job/batch", "", "DELETE") == 202
    assert await push(there, "job/never", "", "DELETE") == 202

    assert await standing(there) == {"a{job=batch,zone=z}": 2.0, **times("job=batch,zone=z")}


async def test_an_empty_put_clears_and_an_empty_post_only_tells_the_time(there: Ports) -> None:
    await push(there, "job/batch", "a 1\n")
    there.clock.advance(seconds=1)
    assert await push(there, "job/batch", "", "POST") == 200
    assert await standing(there) == {"a{job=batch}": 1.0, **times("job=batch", AT + 1)}
    there.clock.advance(seconds=1)
    assert await push(there, "job/batch", "") == 200
    assert await standing(there) == times("job=batch", AT + 2)


async def test_labels_of_the_path_overwrite_those_of_the_body(there: Ports) -> None:
    await push(there, "job/batch/zone/z", 'a{job="mine",zone="y",x="1"} 1\n')

    assert "a{job=batch,x=1,zone=z}" in await standing(there)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param("a 1 1700000000000\n", "timestamps", id="a timestamp"),
        pytest.param("a 1\na 2\n", "twice", id="the same twice"),
        pytest.param('a{x="1"\n', "line 1", id="a broken line"),
        pytest.param("a 1", "line feed", id="no end"),
        pytest.param("a 1\r\n", "line 1", id="carriage returns"),
        pytest.param("# TYPE a gauge\n# TYPE a gauge\na 1\n", "second TYPE", id="two types"),
        pytest.param("# TYPE kept gauge\nkept 1\n", "counter in another group", id="another kind"),
    ],
)
async def test_a_push_that_is_refused_changes_nothing(there: Ports, body: str, why: str) -> None:
    await push(there, "job/other", "# TYPE kept counter\nkept 1\n")
    await push(there, "job/batch", "good 1\n")
    there.clock.advance(seconds=1)
    answer = await there.http.put(f"{GATEWAY}/job/batch", content=body.encode())

    assert answer.status_code == 400
    assert why in answer.json()["detail"]
    found = await standing(there)
    assert found["good{job=batch}"] == 1.0
    assert found["push_time_seconds{job=batch}"] == AT
    checked = "line" not in why and "TYPE" not in why
    assert found["push_failure_time_seconds{job=batch}"] == (AT + 1 if checked else 0.0)


@pytest.mark.parametrize(
    "path",
    ["", "job", "job/", "batch/job", "job/a/b", "job/a/1b/c", "job/a/__x/c", "job/a/job/b",
     "zone/z/job/a", "job@base64/!", "job@base64/=", "job/%ff"],
)  # fmt: skip
async def test_a_path_that_names_no_group_is_a_400(there: Ports, path: str) -> None:
    assert await push(there, path, "a 1\n") == 400


def test_values_with_slashes_come_as_base64_or_percent_encoded() -> None:
    word = urlsafe_b64encode(b"/var/\xc3\xa9?").decode()
    for value in (word, word.rstrip("=")):
        assert dict(grouping(f"job/x/path@base64/{value}"))["path"] == "/var/é?"
    assert dict(grouping("job/x/path/%2Fvar%2Flog"))["path"] == "/var/log"
    assert grouping("job/x/empty@base64/=") == labels_of({"job": "x"})
    assert dict(grouping("job@base64/eA==")) == {"job": "x"}


@given(st.text(min_size=1, max_size=20).filter(lambda text: "/" not in text))
def test_any_job_can_be_named(job: str) -> None:
    assert grouping(f"job/{quote(job)}") == grouping(
        f"job@base64/{urlsafe_b64encode(job.encode()).decode()}"
    )


async def test_groups_are_written_again_and_outlive_a_restart(there: Ports, db: Database) -> None:
    await push(there, "job/batch/x/%E9%87%91", 'a NaN\nb{q="1"} +Inf\n')
    await push(there, "job/gone", "a 1\n")
    await push(there, "job/gone", "", "DELETE")
    clients = {"acme"}
    reborn = Gateway(there.store, db, lambda: clients)
    await reborn.load()
    now = there.clock.advance(seconds=15)
    clients.clear()
    assert await reborn.push_again(now) == 0
    clients.add("acme")

    assert await reborn.push_again(now) == 4
    columns = await there.store.read(
        [Matcher("job", Op.EQUAL, "batch")], milliseconds(now), milliseconds(now)
    )
    found = dict(zip(map(_text, columns.labels), columns.values.tolist(), strict=True))
    assert math.isnan(found.pop("a{job=batch,x=金}"))
    assert found == {"b{job=batch,q=1,x=金}": math.inf, **times("job=batch,x=金")}


async def test_clients_do_not_see_each_others_groups(there: Ports) -> None:
    await push(there, "job/batch", "# TYPE a counter\na 1\n")
    other = {"Authorization": "Bearer bolt"}
    assert await push(there, "job/batch", "# TYPE a gauge\na 2\n", **other) == 200
    await push(there, "job/batch", "", "DELETE", **other)

    assert (await standing(there))["a{job=batch}"] == 1.0
    body = 'a{client="acme"} 1\n'
    assert await push(there, "job/house", body, Authorization="Bearer all") == 200
    assert await push(there, "job/x", 'a{client="no"} 1\n', Authorization="Bearer all") == 400
    assert 'push_time_seconds{job="house"}' in await there.found("house")


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 405),
        ("PUT", {"Authorization": "Bearer stranger"}, 401),
        ("PUT", {"Content-Encoding": "br"}, 415),
        ("PUT", {"Content-Type": "application/vnd.google.protobuf"}, 415),
    ],
)
async def test_every_no_has_its_number(
    there: Ports, method: str, headers: dict[str, str], status: int
) -> None:
    assert await push(there, "job/batch", "a 1\n", method, **headers) == status


async def test_gzip_and_delimited_protobuf_are_taken(there: Ports) -> None:
    packed = await there.http.put(
        f"{GATEWAY}/job/packed",
        content=gzip.compress(b"a 1\n"),
        headers={"Content-Encoding": "gzip"},
    )
    label = b"\x0a\x06\x0a\x01x\x12\x01y"
    metric = label + b"\x1a\x09\x09" + b"\x00\x00\x00\x00\x00\x00\x08\x40"
    family = b"\x0a\x01c\x18\x00\x22" + bytes([len(metric)]) + metric
    kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily;"
    proto = await there.http.put(
        f"{GATEWAY}/job/proto",
        content=bytes([len(family)]) + family,
        headers={"Content-Type": kind + " encoding=delimited"},
    )

    assert (packed.status_code, proto.status_code) == (200, 200)
    found = await standing(there)
    assert (found["a{job=packed}"], found["c{job=proto,x=y}"]) == (1.0, 3.0)


async def test_groups_are_told_of_and_wiped(there: Ports) -> None:
    await push(there, "job/batch/q/%22%5C", '# TYPE a gauge\na{x="1\\n"} NaN\n{"b c"} 2.5\n')
    await push(there, "job/theirs", "a 1\n", Authorization="Bearer bolt")
    as_text = (await there.http.get(GATEWAY)).text
    (as_json,) = (await there.http.get("/pushgateway/api/v1/metrics")).json()["data"]

    read = {(one.head.name, dict(one.head.labels)["job"]) for one in parsed(as_text).samples}
    names = ("a", "b c", "push_time_seconds", "push_failure_time_seconds")
    assert read == {(name, "batch") for name in names}
    assert 'a{job="batch",q="\\"\\\\",x="1\\n",instance=""} NaN' in as_text
    assert as_json["labels"] == {"job": "batch", "q": '"\\'}
    assert as_json["last_push_successful"] is True
    assert as_json["a"]["type"] == "GAUGE"
    assert as_json["a"]["metrics"][0]["value"] == "NaN"

    there.clock.advance(seconds=1)
    wipe = "/pushgateway/api/v1/admin/wipe"
    assert (await there.http.put(wipe)).status_code == 202
    assert (await there.http.get(wipe)).headers["allow"] == "PUT"
    assert await standing(there) == {}
    assert (await there.http.get(GATEWAY)).text == ""
    assert 'a{job="theirs"}' in await there.found("bolt")


async def test_it_says_that_it_is_there(there: Ports) -> None:
    for path in ("/pushgateway/-/healthy", "/pushgateway/-/ready"):
        answer = await there.http.get(path, headers={"Authorization": ""})
        assert (answer.status_code, answer.text) == (200, "OK")


async def test_prometheus_client_pushes_adds_and_deletes(there: Ports) -> None:
    registry = CollectorRegistry()
    Gauge("last_success", "t", registry=registry).set(7)
    Counter("jobs", "jobs", ["a"], registry=registry).labels("x y").inc()
    Histogram("h_seconds", "h", registry=registry).observe(0.3)
    where = f"{there.http.base_url}/pushgateway"

    def handler(**given: Any) -> Callable[[], None]:
        return basic_auth_handler(**given, username="any", password="acme")

    def all_of_it() -> None:
        key = {"path": "/var/log", "empty": ""}
        push_to_gateway(where, "batch", registry, key, handler=handler)
        pushadd_to_gateway(where, "batch", registry, handler=handler)
        delete_from_gateway(where, "batch", handler=handler)

    await asyncio.to_thread(all_of_it)

    found = await standing(there)
    assert found["last_success{job=batch,path=/var/log}"] == 7.0
    assert found["jobs_total{a=x y,job=batch,path=/var/log}"] == 1.0
    assert found["h_seconds_bucket{job=batch,le=0.5,path=/var/log}"] == 1.0
    assert "last_success{job=batch}" not in found


async def test_what_prometheus_client_once_sent_is_taken(there: Ports) -> None:
    expected = {"PUT": 200, "POST": 200, "DELETE": 202}
    for one in recorded("pushgateway-client"):
        kind = {"Content-Type": one["req_headers"]["Content-Type"]}
        answer = await there.http.request(
            one["method"], f"/pushgateway{one['path']}", content=one["req_body"], headers=kind
        )
        assert answer.status_code == expected[one["method"]], answer.text


@given(st.text(max_size=60))
def test_any_path_is_a_group_or_refused(path: str) -> None:
    try:
        labels = grouping(quote(path, safe="/@="))
    except Invalid:
        return
    assert dict(labels)["job"]
