"""What the builders of queries ask: names, values, series, words about metrics."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from access.scope import Identity, Right, RightMissing, Role, Scope
from metrics.api import PREFIX
from metrics.catalogue import label_of
from metrics.described import About
from tests.support.office import DISKS, Office, open_office
from tests.support.shelf import Shelf

OWN = {"__name__": "load", "client": "house", "host": "b"}


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with open_office() as found:
        found.store = Shelf([*DISKS, (OWN, [(600_000, 3.0)])])
        yield found


async def data(office: Office, path: str, **asked: Any) -> Any:
    answer = await office.ask(path, **asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success"
    return answer.json()["data"]


async def test_names_values_and_series_are_listed(office: Office) -> None:
    assert await data(office, "/labels") == ["__name__", "client", "host"]
    assert await data(office, "/label/__name__/values") == ["disk", "load"]
    assert await data(office, "/label/nothing/values") == []
    assert await data(office, "/series", **{"match[]": 'disk{client="bolt"}'}) == [
        {"__name__": "disk", "client": "bolt", "host": "a"}
    ]


async def test_the_house_is_hidden_as_it_is_in_queries(office: Office) -> None:
    assert await data(office, "/label/client/values") == ["acme", "axme", "bolt"]
    assert await data(office, "/labels", **{"match[]": "load"}) == ["__name__", "host"]
    own = await data(office, "/series", **{"match[]": '{client="house"}'})
    assert own == [{"__name__": "load", "host": "b"}]
    assert [one["metric"] for one in (await data(office, "/query", query="load"))["result"]] == own


async def test_several_selectors_are_one_list_without_doubles(office: Office) -> None:
    asked = {"match[]": ["disk", '{host="a"}', "load"]}

    assert len(await data(office, "/series", **asked)) == 4
    posted = await office.web.post(PREFIX + "/series", data=asked)
    assert len(posted.json()["data"]) == 4
    assert await data(office, "/label/host/values", **asked) == ["a", "b"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("U__http_2e_status__code", "http.status_code"),
        ("U__a__b_e9_", "a_bé"),
        ("U__a_d800_b", "U__a_d800_b"),
        ("U__a_ffffff_", "U__a_ffffff_"),
        ("U__a_b", "U__a_b"),
        *(("job", "job"), ("a_2e_b", "a_2e_b")),
    ],
)
def test_a_label_in_a_path_may_be_escaped(written: str, meant: str) -> None:
    assert label_of(written) == meant


async def test_only_what_has_samples_in_the_time_is_listed(office: Office) -> None:
    assert await data(office, "/label/__name__/values", end="590") == ["disk"]
    assert await data(office, "/label/__name__/values", start="601") == []
    assert await data(office, "/labels", start="1970-01-01T00:10:00Z", end="600") == [
        "__name__",
        "client",
        "host",
    ]


async def test_a_limit_cuts_and_says_so(office: Office) -> None:
    answer = (await office.ask("/labels", limit="1")).json()

    assert answer["data"] == ["__name__"]
    assert answer["warnings"] == ["results truncated due to limit"]


async def test_a_caller_of_one_client_sees_its_series_alone(office: Office) -> None:
    office.store.described.tell("acme", [("disk", About("gauge", "how full", "percent"))])
    office.store.described.tell("bolt", [("secret", About("gauge"))])
    office.store.described.tell(None, [("shared", About("gauge"))])
    office.who = office.reads(["acme"])

    assert await data(office, "/label/client/values") == ["acme"]
    assert await data(office, "/label/__name__/values", **{"match[]": '{client="bolt"}'}) == []
    told = {"disk": [{"type": "gauge", "help": "how full", "unit": "percent"}]}
    assert await data(office, "/metadata") == told
    office.who = office.reads([])
    assert await data(office, "/labels") == []


async def test_metadata_can_be_cut(office: Office) -> None:
    tell = office.store.described.tell
    tell("acme", [("a", About("counter", "one")), ("b", About("gauge"))])
    tell("bolt", [("a", About("counter", "other"))])

    assert [one["help"] for one in (await data(office, "/metadata"))["a"]] == ["one", "other"]
    assert list(await data(office, "/metadata", limit="1")) == ["a"]
    assert list(await data(office, "/metadata", metric="b")) == ["b"]
    assert await data(office, "/metadata", metric="c") == {}
    assert len((await data(office, "/metadata", limit_per_metric="1"))["a"]) == 1


async def test_no_exemplars_are_kept(office: Office) -> None:
    assert await data(office, "/query_exemplars", query="disk", start="0", end="1") == []


@pytest.mark.parametrize(
    ("written", "laid_out"),
    [
        ("sum(rate(x[5m]))by(job,le)", "sum by (job, le) (rate(x[5m]))"),
        ('up{ job = "a",x!~"b|c" }', 'up{job="a",x!~"b|c"}'),
        (
            "a/on(job)group_left(instance)b",
            "a / on (job) group_left (instance) b",
        ),
        ("foo[90m] offset -1d", "foo[1h30m] offset -1d"),
        ("a  and(b  unless c)", "a and (b unless c)"),
        ("1e3", "1000"),
        ("rate(x[60s]ANCHORED)", "rate(x[1m] anchored)"),
        ("-{a='1'}smoothed offset 5m", '-{a="1"} smoothed offset 5m'),
        ("max_over_time(rate(x[1m])[1h:5m] @ end())", "max_over_time(rate(x[1m])[1h:5m] @ end())"),
    ],
)
async def test_a_query_is_laid_out_as_prometheus_does(
    office: Office, written: str, laid_out: str
) -> None:
    assert await data(office, "/format_query", query=written) == laid_out


async def test_a_query_is_told_as_a_tree(office: Office) -> None:
    written = (
        'topk(2, rate(x_total{job!="a"}[5m] offset 1m @ start())) > on (job) group_left () y[1h:5m]'
    )
    refused = await office.web.get(f"{PREFIX}/parse_query", params={"query": written})
    assert refused.status_code == 400

    found = await data(office, "/parse_query", query=f"{written.split('y[')[0]} (y)")
    selector = {
        "type": "matrixSelector",
        "name": "x_total",
        "matchers": [
            {"name": "job", "type": "!=", "value": "a"},
            {"name": "__name__", "type": "=", "value": "x_total"},
        ],
        "offset": 60_000,
        "timestamp": None,
        "startOrEnd": "start",
        "range": 300_000,
    }
    rate = {"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"}
    assert found["lhs"] == {
        "type": "aggregation",
        "op": "topk",
        "expr": {"type": "call", "func": rate, "args": [selector]},
        "param": {"type": "numberLiteral", "val": "2"},
        "grouping": [],
        "without": False,
    }
    assert (found["type"], found["op"], found["bool"]) == ("binaryExpr", ">", False)
    assert found["matching"] == {
        "card": "many-to-one",
        "labels": ["job"],
        "on": True,
        "include": [],
    }
    assert found["rhs"]["type"] == "parenExpr"


@pytest.mark.parametrize(
    ("written", "matching"),
    [("a + 1", None), ("time() + 2", None), ("a + b", "one-to-one"), ("a or b", "many-to-many")],
)
async def test_only_vectors_are_matched(office: Office, written: str, matching: str | None) -> None:
    found = await data(office, "/parse_query", query=written)
    assert (found["matching"] or {}).get("card") == matching


async def test_modifiers_are_told(office: Office) -> None:
    anchored = await data(office, "/parse_query", query="x[5m] anchored")
    filled = await data(office, "/parse_query", query="x + fill_right(0) y smoothed")

    chosen = await data(office, "/parse_query", query='info(x, {a=~".*"})')

    assert chosen["args"][1]["matchers"] == [{"name": "a", "type": "=~", "value": ".*"}]
    assert (anchored["anchored"], anchored["matchers"][0]["value"]) == (True, "x")
    assert filled["rhs"]["smoothed"]
    assert filled["matching"]["fillValues"] == {"lhs": None, "rhs": 0.0}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("-last_over_time(x[1h:] @ 5)", {"type": "unaryExpr", "op": "-"}),
        ('label_replace(x, "a", "$1", "b", ".*")', {"type": "call"}),
        ("sum_over_time(x[1h:5m] @ 5)", {"type": "call"}),
        ('"text"', {"type": "stringLiteral", "val": "text"}),
        ("1e3", {"type": "numberLiteral", "val": "1000"}),
    ],
)
async def test_every_kind_of_query_is_told(
    office: Office, written: str, told: dict[str, str]
) -> None:
    found = await data(office, "/parse_query", query=written)
    assert {key: found[key] for key in told} == told


async def test_a_long_query_is_laid_out_over_lines(office: Office) -> None:
    part = "rate(a_metric_with_a_rather_long_name_total[5m])"
    shown = await data(office, "/format_query", query=f"sum by(job)({part})/sum by(job)({part})")

    half = f"  sum by (job) ({part})"
    assert shown == f"{half}\n/\n{half}"


@pytest.mark.parametrize(
    ("path", "asked", "why"),
    [
        ("/series", {}, "no match[] parameter provided"),
        ("/series", {"match[]": "up{"}, 'invalid parameter "match[]": parse error'),
        ("/series", {"match[]": "rate(up[5m])"}, "is no selector"),
        ("/series", {"match[]": "up offset 5m"}, "is no selector"),
        ("/labels", {"match[]": "{}"}, "at least one non-empty matcher"),
        ("/labels", {"start": "10", "end": "5"}, "end timestamp must not be before start"),
        ("/labels", {"start": "soon"}, 'invalid parameter "start"'),
        ("/labels", {"limit": "-1"}, 'invalid parameter "limit"'),
        ("/metadata", {"limit": "x"}, 'invalid parameter "limit"'),
        ("/metadata", {"limit_per_metric": "x"}, 'invalid parameter "limit_per_metric"'),
        ("/format_query", {"query": "sum("}, "parse error"),
        ("/parse_query", {"query": "sum("}, "parse error"),
        ("/parse_query", {"query": 'x{a=~"["}'}, "illegal regex"),
        ("/query_exemplars", {}, "no expression found"),
    ],
)
async def test_what_is_asked_badly_is_bad_data(
    office: Office, path: str, asked: dict[str, str], why: str
) -> None:
    answer = await office.ask(path, **asked)

    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")
    assert why in answer.json()["error"]


async def test_a_caller_without_the_right_to_read_is_refused(office: Office) -> None:
    office.who = Identity("a", "Agent", Role.AGENT, Scope(), frozenset((Right.INGEST,)))

    with pytest.raises(RightMissing):
        await office.ask("/labels")
