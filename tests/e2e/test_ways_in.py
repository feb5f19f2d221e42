"""Real clients of each protocol against the running program."""

import asyncio
import gzip
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, Gauge, delete_from_gateway, push_to_gateway
from prometheus_client.exposition import basic_auth_handler

from kit.clock import system_clock
from tests.support.peers import Peer, needed, node_exporter, prometheus, vmagent
from tests.support.site import INGEST_TOKEN, Site

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LOOKBACK = 301.0
RESOURCE = Resource({"service.name": "shop", "service.instance.id": "i-1", "host.name": "h1"})


class Told(OTLPMetricExporter):
    """The SDK's own exporter, whose last result is remembered."""

    result: MetricExportResult | None = None

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **more: Any
    ) -> MetricExportResult:
        """Send, and remember what came of it."""
        self.result = super().export(metrics_data, timeout_millis, **more)
        return self.result


def measured(site: Site, **how: Any) -> MetricExportResult | None:
    """Measure something with the OpenTelemetry SDK, and send it."""
    exporter = Told(
        endpoint=f"{site.program.url}/otlp/v1/metrics",
        headers={"Authorization": f"Bearer {INGEST_TOKEN}"},
        **how,
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    provider = MeterProvider([reader], RESOURCE)
    meter = provider.get_meter("demo")
    meter.create_counter("orders", unit="1").add(3, {"shop.area": "north"})
    meter.create_histogram("checkout.duration", unit="s").record(0.3)
    meter.create_gauge("queue.length").set(7)
    provider.force_flush()
    provider.shutdown()
    return exporter.result


async def test_the_sdk_of_opentelemetry_sends_and_is_read_back(site: Site) -> None:
    result = await asyncio.to_thread(measured, site)

    assert result is MetricExportResult.SUCCESS
    await site.reads('orders_total{job="shop",instance="i-1",shop_area="north"}', "3")
    await site.reads('checkout_duration_seconds_bucket{le="0"}', "0")
    await site.reads('checkout_duration_seconds_bucket{le="+Inf"}', "1")
    await site.reads("checkout_duration_seconds_sum", "0.3")
    await site.reads('queue_length{client="acme"}', "7")
    await site.reads('target_info{host_name="h1"}', "1")


async def test_deltas_of_the_sdk_are_added_up(site: Site) -> None:
    delta = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
    before = int(await site.value_of("checkout_duration_seconds_count") or 0)
    for _ in range(2):
        result = await asyncio.to_thread(measured, site, preferred_temporality=delta)
        assert result is MetricExportResult.SUCCESS

    await site.reads("checkout_duration_seconds_count", str(before + 2))


async def test_the_client_of_influxdb_writes_and_is_told_of_bad_lines(site: Site) -> None:
    def write() -> str:
        url = f"{site.program.url}/influx"
        with InfluxDBClient(url=url, token=INGEST_TOKEN, org="any") as client:
            assert client.ping()
            lines = client.write_api(write_options=SYNCHRONOUS)
            fields = {"pressure": 2.5, "on": True}
            written = {"measurement": "pump", "tags": {"hall": "A 1"}, "fields": fields}
            lines.write("plant", record=written, write_precision=WritePrecision.MS)
            with pytest.raises(ApiException) as refused:
                lines.write("plant", record="pump,hall=B pressure=1\nnonsense")
            return str(refused.value.body)

    said = await asyncio.to_thread(write)

    assert "line 2" in said
    await site.reads('pump_pressure{hall="A 1",db="plant"}', "2.5")
    await site.reads('pump_on{hall="A 1"}', "1")
    await site.reads('pump_pressure{hall="B"}', "1")


def _handler(**given: Any) -> Callable[[], None]:
    return basic_auth_handler(**given, username="any", password=INGEST_TOKEN)


async def test_what_a_job_pushed_stands_after_a_restart_until_it_is_deleted(site: Site) -> None:
    registry = CollectorRegistry()
    Gauge("rows_copied", "r", registry=registry).set(1234)
    where, key = f"{site.program.url}/pushgateway", {"path": "/var/db"}
    await asyncio.to_thread(push_to_gateway, where, "nightly", registry, key, handler=_handler)
    rows = 'rows_copied{job="nightly",path="/var/db"}'
    await site.reads(rows, "1234")

    beyond = system_clock().timestamp() + LOOKBACK  # where only what is written from now on is seen

    site.program.kill()
    await site.program.start()
    asked = {"query": rows, "time": str(beyond)}
    async with asyncio.timeout(40):
        while True:
            answer = await site.http.get("/prometheus/api/v1/query", params=asked)
            if answer.raise_for_status().json()["data"]["result"]:
                break
            await asyncio.sleep(0.5)
    await asyncio.to_thread(delete_from_gateway, where, "nightly", key, handler=_handler)
    assert await site.value_of(rows) is None


SENDERS: dict[str, Callable[..., Peer]] = {
    "prometheus": prometheus,
    "prometheus-agent": partial(prometheus, agent=True),
    "vmagent": vmagent,
}


@pytest.mark.parametrize("sender", SENDERS)
async def test_a_real_sender_of_remote_write_is_read_back(
    site: Site, sender: str, tmp_path: Path
) -> None:
    told = {"write_to": site.program.url, "token": INGEST_TOKEN, "job": sender}
    async with (
        node_exporter(tmp_path / "exporter") as exporter,
        SENDERS[sender](tmp_path / sender, scraped=exporter, **told),
    ):
        up = f'up{{job="{sender}",instance="127.0.0.1:{exporter.port}",client="acme"}}'
        await site.reads(up, "1")
        await site.reads(f'count(node_load1{{job="{sender}"}})', "1")
        exporter.end()
        await site.reads(up, "0")
        await site.reads(f'count(node_load1{{job="{sender}"}}) or vector(0)', "0")  # it has ended


@pytest.mark.parametrize(
    ("path", "headers", "labels"),
    [
        ("write?db=telegraf", (), 'db="telegraf"'),
        ("write?db=telegraf&precision=s", ("Content-Encoding: gzip",), 'db="telegraf"'),
        ("api/v2/write?org=any&bucket=host", ("Content-Encoding: gzip",), 'db="host"'),
        ("api/v2/write?org=any&bucket=host&precision=ms", (), 'db="host"'),
    ],
    ids=["v1", "v1 packed", "v2 packed", "v2"],
)
async def test_lines_as_telegraf_sends_them_are_read_back(
    site: Site, path: str, headers: tuple[str, ...], labels: str, tmp_path: Path
) -> None:
    now = system_clock().timestamp()
    scale = 1 if "=s" in path else 1_000 if "=ms" in path else 1_000_000_000
    host = f"{path[:3]}{len(path)}"
    lines = f"cpu,cpu=cpu-total,host={host} usage_idle=97.5,n=3i,ok=true {int(now * scale)}\n"
    packed = gzip.compress(lines.encode()) if headers else lines.encode()
    (tmp_path / "lines").write_bytes(packed)
    words = [needed("curl"), "-s", "-o", "/dev/null", "-w", "%{http_code}", "-A", "Telegraf/1.30"]
    for header in (f"Authorization: Token {INGEST_TOKEN}", *headers):
        words += ["-H", header]
    words += ["--data-binary", f"@{tmp_path}/lines", f"{site.program.url}/influx/{path}"]
    said = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True)

    assert said.stdout == "204"
    await site.reads(f'cpu_usage_idle{{host="{host}",{labels}}}', "97.5")
