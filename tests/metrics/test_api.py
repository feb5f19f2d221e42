"""Prometheus's query API, as its clients speak to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from access.scope import Identity, Right, RightMissing, Role, Scope
from kit.errors import TooLarge
from metrics.api import PREFIX as URL
from metrics.columns import Columns
from metrics.matchers import Matcher
from tests.support.office import DISKS, Office, open_office
from tests.support.shelf import Shelf


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with open_office() as found:
        yield found


async def test_an_instant_query_answers_in_the_envelope_of_prometheus(office: Office) -> None:
    answer = await office.ask("/query", query='disk{client="acme"}', time="540.5")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    metric = {"__name__": "disk", "client": "acme", "host": "a"}
    result = [{"metric": metric, "value": [540.5, "91.5"]}]
    assert answer.json() == {
        "status": "success",
        "data": {"resultType": "vector", "result": result},
    }


async def test_a_range_query_answers_with_the_values_of_each_step(office: Office) -> None:
    asked = {"start": "1970-01-01T00:08:00Z", "end": "1970-01-01T08:10:00+08:00", "step": "1m"}

    answer = (await office.ask("/query_range", query='disk{client="acme"} - 91', **asked)).json()

    assert answer["data"] == {
        "resultType": "matrix",
        "result": [
            {
                "metric": {"client": "acme", "host": "a"},
                "values": [[540, "0.5"], [600, "1.5"]],
            }
        ],
    }


async def test_numbers_and_texts_answer_as_such(office: Office) -> None:
    number = (await office.ask("/query", query="1 / 0", time="1")).json()["data"]
    text = (await office.ask("/query", query='"a"', time="1")).json()["data"]
    steps = await office.ask("/query_range", query="2 * 3", start="0", end="1", step="0.5")

    assert number == {"resultType": "scalar", "result": [1, "+Inf"]}
    assert text == {"resultType": "string", "result": [1, "a"]}
    assert steps.json()["data"]["result"] == [
        {"metric": {}, "values": [[0, "6"], [0.5, "6"], [1, "6"]]}
    ]


async def test_a_range_answers_with_the_samples_themselves(office: Office) -> None:
    for query in ('disk{client="acme"}[2m]', 'disk{client="acme"}[2m:1m]'):
        answer = (await office.ask("/query", query=query, time="601")).json()["data"]

        assert answer["resultType"] == "matrix"
        assert answer["result"][0]["values"] == [[540, "91.5"], [600, "92.5"]]

    steps = await office.ask("/query_range", query="disk[2m]", start="0", end="1", step="1")
    assert steps.status_code == 400
    assert 'invalid expression type "range vector" for range query' in steps.json()["error"]


async def test_series_of_the_house_look_as_they_were_sent(office: Office) -> None:
    own = {"__name__": "disk", "client": "house", "host": "a"}
    office.store = Shelf([*DISKS, (own, [(600_000, 3.0)])])

    assert await office.values('disk{client="house"} + on () vector(1)') == [(None, "4")]
    assert await office.values("sum by (host) (disk{client='house'})") == [(None, "3")]
    assert await office.values('disk{client=""}') == []
    assert ("acme", "92.5") in await office.values("disk")
    assert (None, "3") in await office.values("disk")


async def test_what_is_odd_about_a_query_is_told_beside_the_answer(office: Office) -> None:
    odd = (await office.ask("/query", query="quantile(2, rate(disk[2m]))")).json()
    even = (await office.ask("/query", query="quantile(1, delta(disk[2m]))")).json()

    assert odd["warnings"] == [
        "PromQL warning: quantile value should be between 0 and 1, got 2",
    ]
    assert odd["infos"] == [
        "PromQL info: metric might not be a counter, name does not end in "
        '_total/_sum/_count/_bucket: "disk"'
    ]
    assert even.keys() == {"status", "data"}


async def test_without_a_time_it_is_now(office: Office) -> None:
    answer = await office.ask("/query", query='disk{client="bolt"}')

    assert answer.json()["data"]["result"][0]["value"] == [600, "21"]


async def test_a_posted_form_counts_before_the_url(office: Office) -> None:
    posted = await office.web.post(URL + "/query?query=1&time=5", data={"query": "2"})
    url_only = await office.web.post(
        URL + "/query?query=1&time=5", headers={"content-type": "application/json"}
    )

    assert posted.json()["data"]["result"] == [5, "2"]
    assert url_only.json()["data"]["result"] == [5, "1"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"query": "up{"}, 'invalid parameter "query": parse error'),
        ({}, 'invalid parameter "query": parse error: no expression found'),
        ({"query": "rate(up)"}, "parse error"),
        ({"query": "start_timestamp(up)"}, "the function start_timestamp is not supported yet"),
        ({"query": "histogram_avg(up)"}, "histogram_avg() is for, is not supported yet"),
        ({"query": "1", "time": "noon"}, 'invalid parameter "time"'),
        ({"query": "1", "time": "2026-13-01T00:00:00Z"}, 'invalid parameter "time"'),
        ({"query": "1", "time": "NaN"}, 'invalid parameter "time"'),
        ({"query": "1", "timeout": "0"}, 'invalid parameter "timeout"'),
        ({"query": "1", "limit": "-1"}, 'invalid parameter "limit"'),
    ],
)
async def test_what_is_asked_badly_is_bad_data(
    office: Office, asked: dict[str, str], why: str
) -> None:
    answer = await office.ask("/query", **asked)

    assert answer.status_code == 400
    assert (answer.json()["status"], answer.json()["errorType"]) == ("error", "bad_data")
    assert why in answer.json()["error"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"step": "0"}, "zero or negative query resolution"),
        ({"step": "-5"}, "zero or negative query resolution"),
        ({"step": "soon"}, 'invalid parameter "step"'),
        ({"start": ""}, 'invalid parameter "start"'),
        ({"end": "-1"}, "end timestamp must not be before start time"),
        ({"end": "11001"}, "exceeded maximum resolution of 11,000 points"),
        ({"query": '"a"'}, 'invalid expression type "string"'),
    ],
)
async def test_a_range_that_makes_no_sense_is_bad_data(
    office: Office, changed: dict[str, str], why: str
) -> None:
    asked = {"query": "1", "start": "0", "end": "11000", "step": "1"}
    assert (await office.ask("/query_range", **asked)).status_code == 200

    answer = await office.ask("/query_range", **(asked | changed))

    assert answer.status_code == 400
    assert why in answer.json()["error"]


async def test_what_is_left_empty_is_not_given(office: Office) -> None:
    empty = dict.fromkeys(("time", "timeout", "limit", "lookback_delta"), "")
    answer = await office.ask("/query", query="1", **empty)

    assert (answer.status_code, answer.json()["data"]["result"][1]) == (200, "1")
    step = await office.ask("/query_range", query="1", start="0", end="10", step="")
    assert (step.status_code, step.json()["errorType"]) == (400, "bad_data")


async def test_a_range_knows_its_step_and_its_length(office: Office) -> None:
    asked = {"start": "0", "end": "20", "step": "10"}
    for query, values in (("step() + range()", ["30"] * 3), ("time() > bool start()", ["0", "1"])):
        answer = await office.ask("/query_range", query=query, **asked)
        (series,) = answer.json()["data"]["result"]
        assert [value for _, value in series["values"]][: len(values)] == values
    answer = await office.ask("/query_range", query="absent_over_time(x[step()])", **asked)
    assert answer.status_code == 200
    answer = await office.ask("/query", query="absent_over_time(x[step()])")
    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")


async def test_a_range_that_a_function_cannot_take_is_an_execution_error(office: Office) -> None:
    answer = await office.ask("/query", query="deriv(x[5m] anchored)")

    assert (answer.status_code, answer.json()["errorType"]) == (422, "execution")
    assert answer.json()["error"].startswith("anchored modifier can only be used with: changes,")


async def test_what_cannot_be_computed_is_an_execution_error(office: Office) -> None:
    answer = await office.ask("/query", query="disk + on (host) disk")

    assert answer.status_code == 422
    assert answer.json()["errorType"] == "execution"
    assert "found duplicate series" in answer.json()["error"]


async def test_too_many_series_are_an_execution_error(office: Office) -> None:
    office.store = Shelf([({"__name__": "m", "x": str(n)}, [(600_000, 1.0)]) for n in range(51)])

    assert (await office.ask("/query", query="m")).status_code == 422


async def test_a_caller_of_one_client_sees_that_client_alone(office: Office) -> None:
    office.who = office.reads(["acme"])

    assert await office.values("disk") == [("acme", "92.5")]
    assert await office.values('disk{client=~".+"} or disk{client="bolt"}') == [("acme", "92.5")]


async def test_a_caller_of_several_clients_sees_those(office: Office) -> None:
    office.who = office.reads(["acme", "bolt"])

    assert await office.values("disk") == [("acme", "92.5"), ("bolt", "21")]


async def test_a_caller_without_the_right_to_read_is_refused(office: Office) -> None:
    office.who = Identity("a", "Agent", Role.AGENT, Scope(), frozenset((Right.INGEST,)))

    with pytest.raises(RightMissing):
        await office.ask("/query", query="disk")


async def test_a_limit_cuts_and_says_so(office: Office) -> None:
    answer = (await office.ask("/query", query="disk", limit="2")).json()

    assert len(answer["data"]["result"]) == 2
    assert answer["warnings"] == ["results truncated due to limit"]
    assert "warnings" not in (await office.ask("/query", query="disk", limit="3")).json()


async def test_a_lookback_may_be_asked_for(office: Office) -> None:
    later = {"time": str(600 + timedelta(minutes=6).total_seconds())}

    near = await office.ask("/query", query="disk", **later)
    far = await office.ask("/query", query="disk", lookback_delta="10m", **later)
    usual = await office.ask("/query", query="disk", lookback_delta="0", **later)

    assert [len(each.json()["data"]["result"]) for each in (near, far, usual)] == [0, 3, 0]


class Slow(Shelf):
    """A store whose answers take longer than anybody waits."""

    async def read(self, matchers: Sequence[Matcher], start: int, end: int, /) -> Columns:
        await asyncio.sleep(30)
        return self.columns(matchers, start, end)


async def test_an_answer_that_takes_too_long_is_a_timeout(office: Office) -> None:
    office.store = Slow([])

    answer = await office.ask("/query", query="disk", timeout="20ms")

    assert (answer.status_code, answer.json()["errorType"]) == (503, "timeout")


async def test_many_values_are_computed_beside_the_loop(office: Office) -> None:
    office.store = Shelf([({"__name__": "m", "x": str(n)}, [(0, 1.0)]) for n in range(10)])

    answer = await office.ask("/query_range", query="sum(m)", start="0", end="299", step="0.05")

    values = answer.json()["data"]["result"][0]["values"]
    assert (len(values), values[-1]) == (5981, [299, "10"])


async def test_a_form_without_end_is_refused(office: Office) -> None:
    with pytest.raises(TooLarge):
        await office.web.post(URL + "/query", data={"query": "1 +" * 400_000})


async def test_a_range_query_says_what_it_is_to_be_computed_from(office: Office) -> None:
    asked = {"query": "disk", "start": "0", "end": "600", "step": "5m"}
    plain = (await office.ask("/query_range", **asked)).json()

    for name in ("raw", "auto"):
        answer = (await office.ask("/query_range", resolution=name, **asked)).json()
        assert answer == plain
    wrong = await office.ask("/query_range", resolution="7m", **asked)
    without = await office.ask("/query_range", resolution="5m", **asked)
    assert (wrong.status_code, wrong.json()["errorType"]) == (400, "bad_data")
    assert (without.status_code, without.json()["error"]) == (422, "there are no rollups here")
