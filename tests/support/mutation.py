"""Bodies as senders write them, and what a bad line, a bad disk or a bad mind makes of them."""

from collections.abc import Callable

from cramjam import snappy, zstd
from hypothesis import strategies as st

from kit.clock import milliseconds, system_clock
from metrics.ports.encode import delimited, message, request_2, varint
from metrics.ports.otlp.messages import from_json

MEBI = 1024 * 1024
NAMES = ("mutated_total", "mutated_seconds", "mutated_bytes")
QUERY = (
    'sum by (job) (mutated_total{client=~"a.*", job!="x"} offset 5m) / '
    "on (job) group_left mutated_bytes @ 1794180725 > bool 1e3 or -mutated_seconds"
)
PIECES = (
    *(
        "(",
        ")",
        "{",
        "}",
        "[5m]",
        "[1000000y:1ms]",
        ",",
        '"',
        "'",
        "\\",
        "\0",
        "#",
        "@ -1",
        "@ end()",
    ),
    *(
        '=~"(a+)+$"',
        '=~"(x{1000}){1000}"',
        '=~"["',
        '!~".*"',
        "1e999",
        "NaN",
        "-" * 300,
        "(" * 2000,
    ),
    *(
        " + 1" * 2000,
        " offset 999999y",
        " by (" + "a," * 500 + "a)",
        "\U0001f525" * 100,
        "٣",
        "=~`\n`",
    ),
)
NUMBERS = (
    b"9" * 400,
    b"1e400",
    b"-1e-400",
    b"NaN",
    b"Infinity",
    b"0x10",
    b"1" * 5000,
    b"null",
    b"[]",
)


def packed(request: bytes) -> bytes:
    """Return a body of remote write."""
    return bytes(snappy.compress_raw(request))


def zipped(request: bytes) -> bytes:
    """Return a body of remote write as vmagent packs it."""
    return bytes(zstd.compress(request))


def good_request() -> bytes:
    """Return a WriteRequest with some series, not packed."""
    labels = [(("__name__", name), ("job", f"j{n}")) for n, name in enumerate(NAMES)]
    return message(labels, [milliseconds(system_clock())] * 3, [1.0, 0.0, float("nan")])


def good_json() -> bytes:
    """Return a body of samples as JSON."""
    each = b'{"name": "mutated_total", "labels": {"job": "j\\u00e9"}, "value": 1.5, "at": "%b"}'
    at = system_clock().isoformat().encode()
    return b'{"samples": [' + b", ".join([each % at] * 3) + b"]}"


def good_request_2() -> bytes:
    """Return a Request of remote write 2.0 with some series, not packed."""
    labels = [(("__name__", name), ("job", f"j{n}")) for n, name in enumerate(NAMES)]
    return request_2(labels, [milliseconds(system_clock())] * 3, [1.0, 0.0, float("nan")])


def good_otlp_json() -> bytes:
    """Return metrics as OTLP has them, in JSON."""
    at = b"%d000000" % milliseconds(system_clock())
    points = b'{"dataPoints":[{"timeUnixNano":"%b","asDouble":1.5,' % at
    points += b'"attributes":[{"key":"a","value":{"stringValue":"\\u00e9"}}]}]}'
    buckets = b'{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"%b","count":"3",' % at
    buckets += b'"sum":1.5,"bucketCounts":["1","2"],"explicitBounds":[0.5]}]}'
    metrics = b'{"name":"mutated","unit":"s","gauge":%b},{"name":"mutated","histogram":%b}' % (
        points,
        buckets,
    )
    resource = b'{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}'
    return b'{"resourceMetrics":[{"resource":%b,"scopeMetrics":[{"metrics":[%b]}]}]}' % (
        resource,
        metrics,
    )


def good_otlp() -> bytes:
    """Return the same in protobuf."""
    return from_json(good_otlp_json())


def good_lines() -> bytes:
    """Return lines as Telegraf writes them."""
    at = milliseconds(system_clock())
    return (
        f"mutated,host=a\\ b,path=/ free=1.5,used=3i,up=true {at}000000\n"
        f'mutated,host=c text="q\\"t, x = y",n=2u {at}000000\nmutated x=1\n'
    ).encode()


def good_text() -> bytes:
    """Return metrics as jobs push them."""
    return (
        b'# HELP mutated What it is.\n# TYPE mutated gauge\nmutated{a="b\\"c",d="\\\\"} 1.5\n'
        b'# TYPE mutated_seconds summary\nmutated_seconds{quantile="0.5"} NaN\n'
        b'mutated_seconds_sum +Inf\nmutated_seconds_count 3\n{"a b",x="y"} 1e3\n'
    )


def good_open_metrics() -> bytes:
    """Return metrics as OpenMetrics has them."""
    return (
        b"# TYPE mutated counter\n# UNIT mutated_seconds seconds\n# HELP mutated A \\n line.\n"
        b'mutated_total{a="b\\"c"} 17.0 1794180725.5 # {trace_id="x"} 0.67 1794180725\n'
        b"mutated_created 1794180000\n# TYPE hot histogram\n"
        b'hot_bucket{le="+Inf"} 2\nhot_count 2\nhot_sum 1.5\n'
        b'# TYPE odd stateset\nodd{odd="a"} 1\n{"a b",x="y"} NaN\n# EOF\n'
    )


def good_families() -> bytes:
    """Return metrics as delimited protobuf: a counter, a gauge with a time, a histogram."""
    pair = delimited(1, delimited(1, b"x") + delimited(2, b"y"))
    number = b"\x09" + bytes(7) + b"\x40"
    bucket = delimited(3, b"\x08\x02\x11" + bytes(6) + b"\xf0\x7f")
    metrics = {
        b"mutated_total": (0, pair + delimited(3, number)),
        b"mutated_bytes": (1, pair + delimited(2, number)),
        b"mutated_seconds": (4, delimited(7, b"\x08\x02\x11" + bytes(8) + bucket)),
    }
    families = [
        delimited(1, name)
        + delimited(2, b"What it is.")
        + b"\x18"
        + varint(kind)
        + delimited(4, of)
        for name, (kind, of) in metrics.items()
    ]
    return b"".join(varint(len(family)) + family for family in families)


def mutated(
    good: Callable[[], bytes], *, words: tuple[bytes, ...] = ()
) -> st.SearchStrategy[bytes]:
    """Bodies made of a good one by up to six changes: turned bits, cuts, repetitions, words."""
    changes = st.lists(
        st.tuples(
            st.sampled_from(("flip", "cut", "drop", "double", "word", "varint")),
            st.integers(0, 10_000),
            st.integers(0, 2**64 - 1),
        ),
        min_size=1,
        max_size=6,
    )
    return changes.map(lambda made: _made(good(), made, words))


def _made(body: bytes, changes: list[tuple[str, int, int]], words: tuple[bytes, ...]) -> bytes:
    for kind, place, number in changes:
        at = place % (len(body) or 1)
        match kind:
            case "flip":
                body = (
                    body[:at] + bytes([body[at] ^ 1 << number % 8] if body else []) + body[at + 1 :]
                )
            case "cut":
                body = body[:at]
            case "drop":
                body = body[:at] + body[at + 1 + number % 16 :]
            case "double":
                body = (body[:at] + body[at : at + 64] * (number % 200) + body[at:])[:MEBI]
            case "word" if words:
                body = body[:at] + words[number % len(words)] + body[at:]
            case _:
                body = body[:at] + varint(number) + body[at:]
    return body


def queries() -> st.SearchStrategy[str]:
    """PromQL, and what is not quite PromQL any more."""
    cuts = st.tuples(
        st.integers(0, len(QUERY)), st.integers(0, len(QUERY)), st.sampled_from(PIECES)
    )
    return st.lists(cuts, min_size=1, max_size=5).map(_query)


def _query(cuts: list[tuple[int, int, str]]) -> str:
    text = QUERY
    for begin, end, piece in cuts:
        first, last = sorted((begin % (len(text) + 1), end % (len(text) + 1)))
        text = (
            text[:first] + piece + text[last:]
            if last - first < 20
            else text[:first] + piece + text[first:]
        )
    return text


def _series(inside: bytes) -> bytes:
    return b"\x0a" + varint(len(inside)) + inside


BOMBS: dict[str, Callable[[], bytes]] = {
    "empty series": lambda: packed(b"\x0a\x00" * (15 * MEBI)),
    "empty samples": lambda: packed(b"\x0a\x02\x12\x00" * (7 * MEBI)),
    "a series of empty samples": lambda: packed(_series(b"\x12\x00" * (15 * MEBI))),
    "a series of empty labels": lambda: packed(_series(b"\x0a\x00" * (15 * MEBI))),
    "a label of empty fields": lambda: packed(_series(_series(b"\x0a\x00" * (15 * MEBI)))),
    "unknown fields": lambda: packed(b"\x2a\x00" * (15 * MEBI)),
    "groups in groups": lambda: packed(b"\x0b" * (31 * MEBI)),
    "zeros": lambda: packed(b"\0" * (31 * MEBI)),
}
"""Bodies of remote write of some 1.5 MB that unpack to 31 MB of next to nothing."""


def _nested(*tags: int, inside: bytes) -> bytes:
    for tag in tags:
        inside = bytes([tag]) + varint(len(inside)) + inside
    return inside


BOMBS_2: dict[str, Callable[[], bytes]] = {
    "empty symbols": lambda: packed(b"\x22\x00" * (15 * MEBI)),
    "short symbols": lambda: packed(b"\x22\x01a" * (10 * MEBI)),
    "empty series": lambda: packed(b"\x22\x00" + b"\x2a\x00" * (15 * MEBI)),
    "a series of references": lambda: packed(
        b"\x22\x00" + _nested(0x0A, 0x2A, inside=bytes(31 * MEBI))
    ),
    "a series of histograms": lambda: packed(
        b"\x22\x00" + _nested(0x2A, inside=b"\x1a\x00" * (15 * MEBI))
    ),
    "zstd of zeros": lambda: bytes(zstd.compress(bytes(31 * MEBI))),
}
"""The same of remote write 2.0."""

OTLP_BOMBS: dict[str, Callable[[], bytes]] = {
    "resources": lambda: b"\x0a\x00" * (15 * MEBI),
    "scopes": lambda: _nested(0x0A, inside=b"\x12\x00" * (15 * MEBI)),
    "metrics": lambda: _nested(0x12, 0x0A, inside=b"\x12\x00" * (15 * MEBI)),
    "points": lambda: _nested(0x2A, 0x12, 0x12, 0x0A, inside=b"\x0a\x00" * (15 * MEBI)),
    "attributes": lambda: _nested(0x0A, 0x0A, inside=b"\x0a\x00" * (15 * MEBI)),
}
"""Bodies of OTLP of 31 MB that hold next to nothing."""

FAMILY_BOMBS: dict[str, Callable[[], bytes]] = {
    "families of nothing": lambda: b"\x00" * (15 * MEBI),
    "families of empty metrics": lambda: varint(15 * MEBI) + b"\x22\x00" * (15 * MEBI // 2),
    "heads": lambda: b"".join(b"a%d 1\n" % n for n in range(MEBI)),
    "braces": lambda: b"a" + b"{" * (15 * MEBI) + b"\n",
    "backslashes": lambda: b'a{b="' + b"\\" * (15 * MEBI) + b"\n",
    "types": lambda: b"".join(b"# TYPE a%d gauge\n" % n for n in range(MEBI // 2)) + b"a\n",
}
"""Bodies of pushes of up to 16 MB that hold next to nothing, or far too much."""

JSON_BOMBS: dict[str, Callable[[], bytes]] = {
    "numbers": lambda: b'{"samples":[' + b"0," * (14 * MEBI) + b"0]}",
    "empty objects": lambda: b'{"samples":[' + b"{}," * (9 * MEBI) + b"{}]}",
    "keys": lambda: b"{" + b",".join(b'"%d":0' % n for n in range(2 * MEBI)) + b"}",
    "labels": lambda: (
        b'{"samples":[{"name":"bad","value":1,"labels":{'
        + b",".join(b'"%d":0' % n for n in range(2 * MEBI))
        + b"}}]}"
    ),
    "digits": lambda: b'{"samples":[{"name":"bad","value":' + b"9" * (28 * MEBI) + b"}]}",
    "brackets": lambda: b'{"samples":' + b"[" * (28 * MEBI),
    "braces": lambda: b'{"samples":[' + b'{"a":' * (5 * MEBI),
    "spaces": lambda: b'{"samples":[' + b" " * (28 * MEBI),
    "backslashes": lambda: b'{"samples":[{"name":"' + b"\\" * (28 * MEBI),
    "samples of tomorrow": lambda: (
        b'{"samples":['
        + b'{"name":"bad","value":1,"at":"2999-01-01T00:00:00Z"},' * (250_000)
        + b'{"name":"bad","value":1,"at":"2999-01-01T00:00:00Z"}]}'
    ),
}
