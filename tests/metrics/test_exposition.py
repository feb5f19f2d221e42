"""Text, OpenMetrics and protobuf: what exporters say is read to the letter, or refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics

from kit.errors import Invalid
from metrics.ports.encode import delimited as field
from metrics.ports.encode import varint
from metrics.ports.exposition import delimited
from metrics.ports.exposition.found import Head
from metrics.ports.exposition.text import LONGEST, parsed

TEXT = """# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000

# a comment
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find:\\n\\"X\\""} 1.458e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
\tspaced_out\t{ a = "1" , b="}" ,}\t0x1p-2  \t
{"a.b of any letters",温="x"} 1
empty{} NaN
# TYPE rpc summary
rpc{quantile="0.5"} 4773
rpc_sum 1.7560473e+07
rpc_count 2693
"""
TEXT = TEXT.replace("0x1p-2", "-Inf").replace('温="x"', '"温"="x"')


def test_the_text_format_is_read_to_the_letter() -> None:
    found = parsed(TEXT)
    read = [(one.head.name, dict(one.head.labels), one.value, one.at) for one in found.samples]

    assert read[:6] == [
        ("http_requests_total", {"method": "post", "code": "200"}, 1027.0, 1395066363000),
        (
            "msdos_file_access_time_seconds",
            {"path": "C:\\DIR\\FILE.TXT", "error": 'Cannot find:\n"X"'},
            1.458e9,
            None,
        ),
        ("metric_without_timestamp_and_labels", {}, 12.47, None),
        ("something_weird", {"problem": "division by zero"}, math.inf, -3982045),
        ("spaced_out", {"a": "1", "b": "}"}, -math.inf, None),
        ("a.b of any letters", {"温": "x"}, 1.0, None),
    ]
    assert math.isnan(read[6][2])
    assert [found.family(name) for name, _, _, _ in read[-3:]] == ["rpc"] * 3


def test_the_same_heads_are_looked_at_once() -> None:
    heads: dict[str, Head] = {}
    first = parsed(TEXT, heads=heads)
    again = parsed(TEXT, heads=heads)

    assert [one.head for one in first.samples] == [one.head for one in again.samples]
    assert {id(one.head) for one in first.samples} == {id(one.head) for one in again.samples}


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("temperature", "°C", ["room"], registry=registry).labels('机房\n"A"\\').set(21.5)
    Counter("hits", "hits", registry=registry).inc(3, {"trace_id": "abc"})
    Histogram("wait_seconds", "w", buckets=(0.1, 1), registry=registry).observe(0.5)
    Summary("size", "s", registry=registry).observe(3)
    return registry


def test_prometheus_client_is_read_in_both_formats() -> None:
    text = parsed(generate_latest(_registry()).decode())
    opened = parsed(generate_open_metrics(_registry()).decode(), open_metrics=True)  # type: ignore[no-untyped-call]

    for found in (text, opened):
        values = {(one.head.name, *one.head.labels): one.value for one in found.samples}
        assert values["temperature", ("room", '机房\n"A"\\')] == 21.5
        assert values["hits_total",] == 3.0
        assert values["wait_seconds_bucket", ("le", "1.0")] == 1.0
        assert values["size_count",] == 1.0


def test_exemplars_are_left_out_and_times_count_in_seconds() -> None:
    text = '# TYPE a counter\na_total{x="1"} 5 1700000000.5 # {t="#} 1"} 0.67 1.5\n'
    text += "a_created 1\n# EOF\n"
    found = parsed(text, open_metrics=True)

    assert [(one.value, one.at) for one in found.samples] == [(5.0, 1700000000500), (1.0, None)]
    assert found.family("a_total") == "a"


@pytest.mark.parametrize(
    "line",
    [
        *("a", "a{", "a{b} 1", 'a{b="c} 1', "1a 2", "a 1 2 3", "a x", "a 1 x", 'a{b="1",b="2"} 1'),
        *('{a="b"} 1', 'a 1 # {t="x"} 1', "a{b=1} 1", "# TYPE a foo", "a 1_0", "a 1\r", "a\xa01"),
        *("é 1", 'a{"b"} 1', 'a{b="1" c="2"} 1', 'a{,} 1', "a 1 99999999999999999999999"),
        *("# TYPE a gauge\n# TYPE a gauge", 'a{b="1"}} 1', "a 0x10", "a 1 1.5"),
    ],
)  # fmt: skip
def test_a_broken_line_refuses_all_by_its_number(line: str) -> None:
    with pytest.raises(Invalid, match=r"line [34]: "):
        parsed(f"good 1\n# fine\n{line}\nbest 2\n")


def test_a_line_without_end_is_refused_before_it_is_read() -> None:
    fits = 'a{b="' + "x" * (LONGEST - 9) + '"} 1'

    assert len(parsed(fits).samples) == 1
    with pytest.raises(Invalid, match="line 2: longer than"):
        parsed('a 1\na{b="' + "\\" * LONGEST)


@pytest.mark.parametrize("text", ["", "a 1\n", "a 1\n# EOF\nb 1\n# EOF\n", "# EOF\na 1\n"])
def test_open_metrics_ends_where_it_says(text: str) -> None:
    with pytest.raises(Invalid, match="EOF"):
        parsed(text, open_metrics=True)


def _family(name: str, kind: int, *metrics: bytes) -> bytes:
    inside = field(1, name.encode()) + b"\x18" + varint(kind)
    inside += b"".join(field(4, metric) for metric in metrics)
    return varint(len(inside)) + inside


ONE = b"\x09\x00\x00\x00\x00\x00\x00\xf0\x3f"
BUCKET = field(3, b"\x08\x02\x11\x00\x00\x00\x00\x00\x00\xe0\x3f")


def test_protobuf_is_read_as_text_is() -> None:
    body = _family("g", 1, field(1, field(1, b"x") + field(2, b"y")) + field(2, ONE) + b"\x30\x05")
    body += _family("h", 4, field(7, b"\x08\x03\x11" + ONE[1:] + BUCKET))
    body += _family("s", 2, field(4, b"\x08\x03\x11" + ONE[1:] + field(3, ONE + b"\x11" + ONE[1:])))
    found = delimited.parsed(body)

    assert [(one.head.name, one.head.labels, one.value, one.at) for one in found.samples] == [
        ("g", (("x", "y"),), 1.0, 5),
        ("h_bucket", (("le", "0.5"),), 2.0, None),
        ("h_bucket", (("le", "+Inf"),), 3.0, None),
        ("h_sum", (), 1.0, None),
        ("h_count", (), 3.0, None),
        ("s", (("quantile", "1"),), 1.0, None),
        ("s_sum", (), 1.0, None),
        ("s_count", (), 3.0, None),
    ]
    assert found.family("h_bucket") == "h"


@pytest.mark.parametrize(
    "body",
    [b"\x05a", _family("", 1), _family("a", 9), _family("a", 1) * 2, varint(2) + b"\x0a\x09",
     varint(8_000_000) + b"\x22\x00" * 4_000_000],
    ids=["cut", "no name", "no kind", "twice", "nonsense", "millions of nothing"],
)  # fmt: skip
def test_protobuf_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        delimited.parsed(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_families_or_refused(body: bytes) -> None:
    try:
        delimited.parsed(body)
    except Invalid:
        return


@given(
    st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.characters()), max_size=4), st.booleans()
)
def test_mutated_text_is_read_or_refused(changes: list[tuple[int, str]], opened: bool) -> None:
    text = list(TEXT + "# EOF\n" if opened else TEXT)
    for place, letter in changes:
        text[place] = letter
    try:
        found = parsed("".join(text), open_metrics=opened)
    except Invalid:
        return
    assert all(one.head.name for one in found.samples)
