"""OTLP metrics: what Prometheus would make of them, and a clear word for what is not taken."""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.clock import milliseconds
from kit.db import Database
from kit.errors import Refusal
from metrics.labels import Limits
from metrics.ports.decode import Decoded, Naming
from metrics.ports.otlp.decoder import OtlpDecoder
from metrics.ports.otlp.messages import JSON_MOST, from_json
from metrics.ports.otlp.names import label_name, labels_of, metric_name, number
from metrics.ports.schemas import classes
from metrics.series import Registry
from tests.support.clock import NOON
from tests.support.ports import Ports, recorded, served

MS = milliseconds(NOON)
NS = str(MS * 1_000_000)
PATH = "/otlp/v1/metrics"
PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}
ANSWERS = classes(
    "langyan.tests",
    {
        "Response": "1 partial_success Partial",
        "Partial": "1 rejected_data_points int64; 2 error_message string",
        "Status": "1 code int32; 2 message string",
    },
)
CUMULATIVE, DELTA = 2, 1


def of(metrics: list[dict[str, Any]], **resource: str) -> dict[str, Any]:
    attributes = [text(key.replace("_", "."), value) for key, value in resource.items()]
    scopes = [{"scope": {"name": "demo"}, "metrics": metrics}]
    return {"resourceMetrics": [{"resource": {"attributes": attributes}, "scopeMetrics": scopes}]}


def text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def gauge(name: str, value: float, unit: str = "", **more: Any) -> dict[str, Any]:
    point = {"timeUnixNano": NS, "asDouble": value, **more}
    return {"name": name, "unit": unit, "gauge": {"dataPoints": [point]}}


def total(name: str, value: int, temporality: int = CUMULATIVE) -> dict[str, Any]:
    points = [{"timeUnixNano": NS, "asInt": str(value), "attributes": [text("route", "/a")]}]
    held = {"aggregationTemporality": temporality, "isMonotonic": True}
    return {"name": name, "sum": {"dataPoints": points, **held}}


HISTOGRAM = {
    "name": "request.duration",
    "unit": "s",
    "histogram": {
        "aggregationTemporality": CUMULATIVE,
        "dataPoints": [
            {
                "timeUnixNano": NS,
                "count": "6",
                "sum": 3.5,
                "bucketCounts": ["1", "2", "3"],
                "explicitBounds": [0.1, 2],
            }
        ],
    },
}
SUMMARY = {
    "name": "pause",
    "summary": {
        "dataPoints": [
            {
                "timeUnixNano": NS,
                "count": "2",
                "sum": 5,
                "quantileValues": [{"quantile": 0.5, "value": 2}, {"quantile": 1, "value": 3}],
            }
        ]
    },
}
EXPONENTIAL = {
    "name": "wait",
    "exponentialHistogram": {
        "aggregationTemporality": CUMULATIVE,
        "dataPoints": [{"timeUnixNano": NS, "count": "1"}, {"timeUnixNano": NS, "count": "1"}],
    },
}


@pytest.fixture(name="there")
async def ports(tmp_path: Path, db: Database) -> AsyncIterator[Ports]:
    async with served(tmp_path, db, limits=Limits(body_bytes=200_000)) as found:
        yield found


async def test_every_kind_of_metric_becomes_classic_series(there: Ports) -> None:
    sent = of(
        [gauge("cpu.temp", 55.5, "Cel"), total("http.requests", 3), HISTOGRAM, SUMMARY],
        service_name="shop",
        service_namespace="eu",
        service_instance_id="i-1",
        host_name="h1",
    )
    answer = await there.http.post(PATH, json=sent)

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    of_it = 'instance="i-1",job="eu/shop"'
    duration = "request_duration_seconds"
    assert await there.found() == {
        f"cpu_temp_celsius{{{of_it}}}": [55.5],
        f'http_requests_total{{{of_it},route="/a"}}': [3.0],
        f'{duration}_bucket{{{of_it},le="0.1"}}': [1.0],
        f'{duration}_bucket{{{of_it},le="2"}}': [3.0],
        f'{duration}_bucket{{{of_it},le="+Inf"}}': [6.0],
        f"{duration}_count{{{of_it}}}": [6.0],
        f"{duration}_sum{{{of_it}}}": [3.5],
        f'pause{{{of_it},quantile="0.5"}}': [2.0],
        f'pause{{{of_it},quantile="1"}}': [3.0],
        f"pause_count{{{of_it}}}": [2.0],
        f"pause_sum{{{of_it}}}": [5.0],
        f'target_info{{host_name="h1",{of_it}}}': [1.0],
    }


async def test_protobuf_is_answered_in_protobuf_packed_or_not(there: Ports) -> None:
    body = from_json(json.dumps(of([gauge("a", 1), gauge("b", 2)])).encode())
    plain = await there.http.post(PATH, content=body, headers=PROTOBUF)
    packed = await there.http.post(
        PATH, content=gzip.compress(body), headers=PROTOBUF | {"Content-Encoding": "gzip"}
    )

    for answer in (plain, packed):
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "application/x-protobuf"
    assert await there.found() == {"a": [1.0], "b": [2.0]}


@pytest.mark.parametrize(
    ("metric", "rejected", "why"),
    [
        pytest.param(total("hits", 1, 0), 1, "temporality", id="no temporality"),
        pytest.param(EXPONENTIAL, 2, "explicit_bucket_histogram", id="exponential"),
        pytest.param(gauge("", 1), 1, "without a name", id="no name"),
        pytest.param(
            {"name": "x", "gauge": {"dataPoints": [{"timeUnixNano": NS}]}},
            1,
            "without a value",
            id="no value",
        ),
        pytest.param(
            gauge("x", 1, timeUnixNano=str((MS + 3_600_000) * 1_000_000)),
            1,
            "ahead",
            id="from the future",
        ),
    ],
)
async def test_what_is_not_taken_is_a_partial_success_that_says_why(
    there: Ports, metric: dict[str, Any], rejected: int, why: str
) -> None:
    sent = of([metric, gauge("good", 1)])
    as_json = await there.http.post(PATH, json=sent)
    body = from_json(json.dumps(sent).encode())
    as_protobuf = await there.http.post(PATH, content=body, headers=PROTOBUF)

    assert as_json.status_code == as_protobuf.status_code == 200
    partial = as_json.json()["partialSuccess"]
    assert partial["rejectedDataPoints"] == str(rejected)
    assert why in partial["errorMessage"]
    read = ANSWERS["Response"].FromString(as_protobuf.content).partial_success
    assert (read.rejected_data_points, read.error_message) == (rejected, partial["errorMessage"])
    assert "good" in await there.found()


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        pytest.param(PROTOBUF, b"\x0a\xff", 400, 3, id="bad protobuf"),
        pytest.param(JSON, b"{", 400, 3, id="bad JSON"),
        pytest.param(JSON, b'{"resourceMetrics": 1}', 400, 3, id="another JSON"),
        pytest.param(JSON, b"[1]", 400, 3, id="no object"),
        pytest.param(JSON, b"[" * 100_000, 400, 3, id="brackets"),
        pytest.param(JSON | {"Authorization": "Bearer x"}, b"{}", 401, 16, id="a stranger"),
        pytest.param(PROTOBUF, bytes(200_001), 413, 8, id="too large"),
        pytest.param(
            PROTOBUF | {"Content-Encoding": "gzip"}, gzip.compress(bytes(200_001)), 413, 8,
            id="too large unpacked",
        ),
        pytest.param(PROTOBUF | {"Content-Encoding": "gzip"}, b"x", 400, 3, id="no gzip"),
        pytest.param(PROTOBUF | {"Content-Encoding": "br"}, b"x", 415, 3, id="brotli"),
    ],
)  # fmt: skip
async def test_every_no_is_a_status_in_the_form_of_the_request(
    there: Ports, headers: dict[str, str], body: bytes, status: int, code: int
) -> None:
    answer = await there.http.post(PATH, content=body, headers=headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == headers["Content-Type"]
    if headers["Content-Type"] == "application/json":
        assert answer.json()["code"] == code
    else:
        assert ANSWERS["Status"].FromString(answer.content).code == code


async def test_another_form_is_told_which_are_spoken(there: Ports) -> None:
    answer = await there.http.post(PATH, content=b"x", headers={"Content-Type": "text/plain"})

    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"


async def test_overload_says_when_to_come_again(there: Ports) -> None:
    there.store.journal.spare_bytes = 2**62
    answer = await there.http.post(PATH, json=of([gauge("a", 1)]))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert answer.json()["code"] == 14


async def test_the_resource_does_not_choose_the_client(there: Ports) -> None:
    await there.http.post(PATH, json=of([gauge("a", 1)], client="bolt", service_name="s"))

    assert await there.found("bolt") == {}
    assert 'target_info{exported_client="bolt",job="s"}' in await there.found()


async def test_what_the_exporter_of_the_sdk_sends_is_taken(there: Ports) -> None:
    there.clock.now = there.clock.now.replace(year=2026, month=11, day=22)
    for one in recorded("otlp-http"):
        kept = ("content-type", "content-encoding")
        headers = {k: v for k, v in one["req_headers"].items() if k.lower() in kept}
        body = base64.b64decode(one["req_body_b64"])
        answer = await there.http.post(PATH, content=body, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")

    found = await there.found()
    of_it = 'instance="i-1",job="shop"'
    assert found[f'http_server_requests_total{{http_method="GET",{of_it}}}'][-1] == 3.0
    assert found[f'cpu_temp_celsius{{core="0",{of_it}}}'][-1] == 55.5
    assert f'http_server_duration_milliseconds_sum{{{of_it},route="/a"}}' in found


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("http.server.duration", "ms", "", "http_server_duration_milliseconds"),
        ("requests", "1", "counter", "requests_total"),
        ("requests.total.by.host", "{request}", "counter", "requests_by_host_total"),
        ("cpu.utilization", "1", "gauge", "cpu_utilization_ratio"),
        ("disk.usage.bytes", "By", "gauge", "disk_usage_bytes"),
        ("network.io", "By/s", "gauge", "network_io_bytes_per_second"),
        ("2xx", "", "counter", "_2xx_total"),
        ("a__b-c:d", "", "", "a_b_c:d"),
        ("loss", "%", "gauge", "loss_percent"),
        ("温度", "Cel", "gauge", "celsius"),
    ],
)
def test_names_carry_unit_and_kind(name: str, unit: str, kind: str, expected: str) -> None:
    made = metric_name(name, unit, counter=kind == "counter", gauge=kind == "gauge")
    assert made == expected


def test_labels_are_made_of_any_key() -> None:
    assert [label_name(key) for key in ("a.b", "1st", "_x", "__x", "ok")] == [
        "a_b", "key_1st", "key_x", "__x", "ok",
    ]  # fmt: skip
    assert labels_of([("a.b", "2"), ("a-b", "1")]) == {"a_b": "1;2"}


def test_bounds_have_no_exponent() -> None:
    said = [number(value) for value in (0.005, 5.0, 1e21, 1e-7, float("inf"), -2.5)]
    assert said == ["0.005", "5", "1" + "0" * 21, "0.0000001", "+Inf", "-2.5"]


async def _at_once() -> None:
    return


async def read(body: bytes) -> Decoded:
    decoder = OtlpDecoder(Naming(Registry(Limits()), lambda: {"acme"}, drills=False))
    return await decoder.decode(body, client="acme", arrived=MS, breathe=_at_once)


@pytest.mark.parametrize("inside", [0, 1, 2, 4])
async def test_millions_of_nothing_are_refused(inside: int) -> None:
    body = b"\x0a\x00" * 4_000_000
    for field in (b"\x2a", b"\x12", b"\x12", b"\x0a")[4 - inside :]:
        body = field + _size(len(body)) + body
    with pytest.raises(Refusal):
        await read(body)


def _size(number: int) -> bytes:
    return bytes([number & 127 | 128, number >> 7 & 127 | 128, number >> 14 & 127 | 128,
                  number >> 21 & 127])  # fmt: skip


def test_json_of_millions_of_objects_is_refused() -> None:
    with pytest.raises(Refusal):
        from_json(b'{"resourceMetrics":[' + b"{}," * 1_300_000 + b"{}]}")
    with pytest.raises(Refusal):
        from_json(b" " * (JSON_MOST + 1))


WHOLE = of([gauge("a", 1.5), total("b", 2), HISTOGRAM, SUMMARY, EXPONENTIAL], service_name="shop")
BARE = from_json(json.dumps(WHOLE).encode())


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4), st.booleans())
async def test_mutated_bytes_lead_to_refusals_only(
    changes: list[tuple[int, int]], as_json: bool
) -> None:
    content = bytearray(json.dumps(WHOLE).encode() if as_json else BARE)
    for place, byte in changes:
        content[place % len(content)] = byte
    try:
        got = await read(from_json(bytes(content)) if as_json else bytes(content))
    except Refusal:
        return
    assert len(got.refs) == len(got.times) == len(got.values)
