"""Real clients that read: promtool, and what Grafana asks when a data source is saved."""

import asyncio
import json
import subprocess
from typing import Any

import pytest

from kit.clock import system_clock
from tests.support.peers import needed
from tests.support.program import ADMIN_TOKEN
from tests.support.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def promtool(site: Site, verb: str, *words: str, last: tuple[str, ...] = ()) -> str:
    """Return what promtool prints; it shows its token as the password in the address."""
    place = site.program.url.replace("://", f"://any:{ADMIN_TOKEN}@")
    line = [needed("promtool"), "query", verb, *words, f"{place}/prometheus", *last]
    said = await asyncio.to_thread(subprocess.run, line, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return said.stdout


async def test_promtool_asks_for_a_moment_a_range_series_and_labels(site: Site) -> None:
    await site.pushes(41, name="depth", lane="a")
    await site.reads("depth", "41")

    moment = await promtool(site, "instant", "--format=json", last=("depth + 1",))
    assert json.loads(moment)[0]["value"][1] == "42"
    now = int(system_clock().timestamp())
    asked = ("--format=json", f"--start={now - 60}", f"--end={now + 60}", "--step=30s")
    ranged = json.loads(await promtool(site, "range", *asked, last=("depth",)))
    assert {value for _, value in ranged[0]["values"]} == {"41"}
    series = await promtool(site, "series", "--match=depth", "--format=json")
    assert json.loads(series)[0]["lane"] == "a"
    assert "a" in (await promtool(site, "labels", last=("lane",))).split()


async def test_grafana_can_save_and_test_a_data_source(site: Site) -> None:
    """The requests of Grafana 11's data source for Prometheus: health check, version, builder."""
    await site.pushes(41, name="depth", lane="a")
    await site.reads("depth", "41")
    now = system_clock().timestamp()
    between = {"start": f"{now - 3600:.3f}", "end": f"{now + 60:.3f}"}
    asked = [
        ("POST", "query", {"query": "1+1", "time": "4"}),
        ("GET", "status/buildinfo", {}),
        ("POST", "labels", {**between, "match[]": "depth"}),
        ("GET", "label/__name__/values", {**between, "match[]": '{lane="a"}', "limit": "40000"}),
        ("POST", "series", {**between, "match[]": "depth"}),
        ("GET", "metadata", {"limit_per_metric": "1"}),
        ("POST", "query_exemplars", {**between, "query": "depth"}),
        ("POST", "query_range", {**between, "query": "depth", "step": "15"}),
        ("POST", "format_query", {"query": "sum(depth)by(lane)"}),
    ]
    said = {}
    for method, path, given in asked:
        form: dict[str, Any] = {"data": given} if method == "POST" else {"params": given}
        answer = await site.http.request(method, f"/prometheus/api/v1/{path}", **form)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.json()["status"] == "success"
        said[path] = answer.json()["data"]

    assert said["query"]["result"] == [4, "2"]
    assert said["status/buildinfo"]["version"].startswith("3.")
    assert {"__name__", "client", "lane", "system"} <= set(said["labels"])
    assert "depth" in said["label/__name__/values"]
    assert said["series"][0]["lane"] == "a"
    assert said["query_range"]["result"][0]["values"]
    assert said["format_query"] == "sum by (lane) (depth)"
