"""Protobuf: messages of io.prometheus.client.MetricFamily, each behind its length. Pure."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError

from kit.errors import Invalid
from metrics.ports import wire
from metrics.ports.exposition.found import MOST, Exposition, Found, Head, Labels
from metrics.ports.otlp.names import number
from metrics.ports.schemas import classes

WHOLE_MOST = 1024 * 1024
"""Bytes of a family that is read at once; of a larger one it is first made sure that it is full."""
KINDS = ("counter", "gauge", "summary", "untyped", "histogram", "gaugehistogram")
_VALUE = "1 value double"
_MESSAGES = classes(
    "langyan.exposition",
    {
        "Family": "1 name string; 2 help string; 3 type int32; 4 metric Metric*; 5 unit string",
        "Metric": "1 label Label*; 2 gauge Value; 3 counter Value; 4 summary Summary; "
        "5 untyped Value; 7 histogram Histogram; 6 timestamp_ms int64?at",
        "Label": "1 name string; 2 value string",
        "Value": _VALUE,
        "Summary": "1 sample_count uint64; 2 sample_sum double; 3 quantile Quantile*",
        "Quantile": "1 quantile double; 2 value double",
        "Histogram": "1 sample_count uint64; 2 sample_sum double; 3 bucket Bucket*",
        "Bucket": "1 cumulative_count uint64; 2 upper_bound double",
    },
)


def parsed(body: bytes, *, most: int = MOST) -> Exposition:
    """Return what the families of a body say, of at most `most` samples."""
    found = Exposition()
    at = 0
    while at < len(body):
        size, at = wire.varint(body, at)
        if size > len(body) - at:
            raise Invalid("malformed protobuf: a family is cut short")
        _add(found, body[at : at + size], most)
        at += size
    return found


def _add(found: Exposition, message: bytes, most: int) -> None:
    if len(message) > WHOLE_MOST:
        for _ in wire.fields(message):  # refuses one of nothing but empty metrics
            continue
    try:
        family = _MESSAGES["Family"].FromString(message)
    except DecodeError:
        raise Invalid("malformed protobuf: no MetricFamily") from None
    name, kind = family.name, family.type
    if not name or not 0 <= kind < len(KINDS):
        raise Invalid("a family without a name, or of an unknown type")
    if name in found.kinds:
        raise Invalid(f"the family {name[:120]!r} stands there twice")
    found.kinds[name] = KINDS[kind]
    found.helps[name], found.units[name] = family.help, family.unit
    for metric in family.metric:
        at = metric.timestamp_ms if metric.HasField("timestamp_ms") else None
        labels = tuple((label.name, label.value) for label in metric.label)
        for head, value in _values(name, KINDS[kind], labels, metric):
            found.room(most)
            found.samples.append(Found(head, value, at))


def _values(name: str, kind: str, labels: Labels, metric: Any) -> Iterator[tuple[Head, float]]:
    if kind == "summary":
        of = metric.summary
        for one in of.quantile:
            yield Head(name, (*labels, ("quantile", number(one.quantile)))), one.value
    elif kind in ("histogram", "gaugehistogram"):
        of = metric.histogram
        for one in of.bucket:
            le = (*labels, ("le", number(one.upper_bound)))
            yield Head(f"{name}_bucket", le), float(one.cumulative_count)
        if not of.bucket or of.bucket[-1].upper_bound != float("inf"):
            yield Head(f"{name}_bucket", (*labels, ("le", "+Inf"))), float(of.sample_count)
    else:
        yield Head(name, labels), getattr(metric, kind).value
        return
    yield Head(f"{name}_sum", labels), of.sample_sum
    yield Head(f"{name}_count", labels), float(of.sample_count)
