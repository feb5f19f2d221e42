"""OTLP messages: whole ones for JSON, and ones whose parts stay bytes for protobuf.

Parts that stay bytes are looked at one by one, and attributes serve as keys of known series.
"""

import asyncio
import base64
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from kit.errors import Invalid, TooLarge
from metrics.ports import wire
from metrics.ports.otlp.names import number
from metrics.ports.schemas import classes

JSON_MOST = 4 * 1024 * 1024
"""Bytes of a JSON body; protobuf may be larger."""
OBJECT_LEAST = 12
"""Bytes for each object of a JSON body, on average: an attribute's value takes as many."""
WHOLE_MOST = 1024 * 1024
"""Bytes of a message that is split at once; a larger one is walked through in a thread."""
PART_LEAST = 8
"""Bytes of a part at the least, on average: whoever sends millions of empty ones is refused."""
POINT_MOST = 256 * 1024
"""Bytes of a data point, or of a resource."""
ATTRIBUTES_MOST, ATTRIBUTE_MOST, KEY_MOST = 256, 16 * 1024, 1024
"""Attributes of a point, and bytes of one: more than labels may be, so refused anyway."""
TEMPORALITIES = tuple(
    f"AGGREGATION_TEMPORALITY_{name}" for name in ("UNSPECIFIED", "DELTA", "CUMULATIVE")
)
UNSPECIFIED, DELTA, CUMULATIVE = range(3)

_VALUES = {
    "AnyValue": "1 string_value string?value; 2 bool_value bool?value; 3 int_value int64?value; "
    "4 double_value double?value; 5 array_value ArrayValue?value; "
    "6 kvlist_value KeyValueList?value; 7 bytes_value bytes?value",
    "ArrayValue": "1 values AnyValue*",
    "KeyValueList": "1 values KeyValue*",
    "KeyValue": "1 key string; 2 value AnyValue",
}
_POINT = "2 start_time_unix_nano fixed64; 3 time_unix_nano fixed64"
_NUMBER = "4 as_double double?value; 6 as_int sfixed64?value; 8 flags uint32"
_HISTOGRAM = (
    "4 count fixed64; 5 sum double?has_sum; 6 bucket_counts fixed64*; 7 explicit_bounds double*; "
    "10 flags uint32"
)
_SUMMARY = "4 count fixed64; 5 sum double; 6 quantile_values Quantile*; 8 flags uint32"
_QUANTILE = {"Quantile": "1 quantile double; 2 value double"}
_HELD = "2 aggregation_temporality Temporality; 3 is_monotonic bool"

_WHOLE = classes(
    "langyan.otlp.whole",
    {
        **_VALUES,
        **_QUANTILE,
        "Resource": "1 attributes KeyValue*",
        "Request": "1 resource_metrics ResourceMetrics*",
        "ResourceMetrics": "1 resource Resource; 2 scope_metrics ScopeMetrics*",
        "ScopeMetrics": "2 metrics Metric*",
        "Metric": "1 name string; 2 description string; 3 unit string; "
        "5 gauge Gauge?kind; 7 sum Sum?kind; "
        "9 histogram Histogram?kind; 10 exponential_histogram Exponential?kind; "
        "11 summary Summary?kind",
        "Gauge": "1 data_points NumberPoint*",
        "Sum": f"1 data_points NumberPoint*; {_HELD}",
        "Histogram": "1 data_points HistogramPoint*; 2 aggregation_temporality Temporality",
        "Exponential": "1 data_points ExponentialPoint*; 2 aggregation_temporality Temporality",
        "Summary": "1 data_points SummaryPoint*",
        "NumberPoint": f"7 attributes KeyValue*; {_POINT}; {_NUMBER}",
        "HistogramPoint": f"9 attributes KeyValue*; {_POINT}; {_HISTOGRAM}",
        "ExponentialPoint": f"1 attributes KeyValue*; {_POINT}; 4 count fixed64",
        "SummaryPoint": f"7 attributes KeyValue*; {_POINT}; {_SUMMARY}",
    },
    enums={"Temporality": TEMPORALITIES},
)
_APART = classes(
    "langyan.otlp.apart",
    {
        **_VALUES,
        **_QUANTILE,
        "Request": "1 parts bytes*",
        "ResourceMetrics": "1 resource bytes; 2 parts bytes*",
        "ScopeMetrics": "2 parts bytes*",
        "Metric": "1 name string; 2 description string; 3 unit string; "
        "5 gauge bytes?kind; 7 sum bytes?kind; "
        "9 histogram bytes?kind; 10 exponential_histogram bytes?kind; 11 summary bytes?kind",
        "Resource": "1 attributes bytes*",
        "Points": f"1 parts bytes*; {_HELD}",
        "NumberPoint": f"7 attributes bytes*; 3 time_unix_nano fixed64; {_NUMBER}",
        "HistogramPoint": f"9 attributes bytes*; 3 time_unix_nano fixed64; {_HISTOGRAM}",
        "SummaryPoint": f"7 attributes bytes*; 3 time_unix_nano fixed64; {_SUMMARY}",
    },
    enums={"Temporality": TEMPORALITIES},
)


def parsed(kind: str, message: bytes) -> Any:
    """Return a message of one kind; what is malformed is refused."""
    try:
        return _APART[kind].FromString(message)
    except DecodeError:
        raise Invalid(f"the body is no OTLP metrics request: a bad {kind}") from None


def point(kind: str, message: bytes) -> Any:
    """Return a data point, its attributes still as bytes."""
    if len(message) > POINT_MOST:
        raise Invalid(f"the body is no OTLP metrics request: a {kind} of {len(message)} bytes")
    return parsed(kind, message)


async def parts(kind: str, message: bytes) -> tuple[Any, list[bytes]]:
    """Return a message and the parts that it consists of, still as bytes."""
    if len(message) > WHOLE_MOST:
        return await asyncio.to_thread(_walked, kind, message)
    found = parsed(kind, message)
    inside = list(found.parts)
    if len(inside) > len(message) // PART_LEAST + 16:
        raise Invalid(f"the body is no OTLP metrics request: more in a {kind} than fits")
    return found, inside


def _walked(kind: str, message: bytes) -> tuple[Any, list[bytes]]:
    """Return the same of a large message: `wire.fields` refuses one full of empty parts."""
    of_parts = _APART[kind].DESCRIPTOR.fields_by_name["parts"].number
    inside: list[bytes] = []
    rest: list[bytes] = []
    begin = 0
    for field, _, content, end in wire.fields(message):
        if field == of_parts and isinstance(content, bytes):
            inside.append(content)
        elif len(rest) < 100:
            rest.append(message[begin:end])
        begin = end
    return parsed(kind, b"".join(rest)), inside


def from_json(body: bytes) -> bytes:
    """Return a JSON request as the same request in protobuf."""
    if len(body) > JSON_MOST:
        raise TooLarge(f"{JSON_MOST} bytes of JSON are taken at once; protobuf may be larger")
    if body.count(b"{") > len(body) // OBJECT_LEAST + 64:
        raise Invalid("the body is no OTLP metrics request: more objects than fit")
    try:
        given = orjson.loads(body)
        if not isinstance(given, dict):
            raise Invalid("the body is no OTLP metrics request: not an object")
        request = json_format.ParseDict(given, _WHOLE["Request"](), ignore_unknown_fields=True)
    except (orjson.JSONDecodeError, json_format.ParseError) as wrong:
        raise Invalid(f"the body is no OTLP metrics request: {str(wrong)[:300]}") from None
    return bytes(request.SerializeToString())


def attributes(fields: list[bytes]) -> list[tuple[str, str]]:
    """Return attributes as text; those without a value are left out."""
    if len(fields) > ATTRIBUTES_MOST or any(len(field) > ATTRIBUTE_MOST for field in fields):
        raise Invalid("more attributes, or longer ones, than labels may be")
    pairs = [parsed("KeyValue", field) for field in fields]
    if any(len(pair.key) > KEY_MOST for pair in pairs):
        raise Invalid("a key longer than a label's name may be")
    return [(pair.key, text(pair.value)) for pair in pairs if pair.value.WhichOneof("value")]


def resource(message: bytes) -> list[tuple[str, str]]:
    """Return the attributes of a resource."""
    if len(message) > POINT_MOST:
        raise Invalid("the body is no OTLP metrics request: a resource of very many attributes")
    return attributes(list(parsed("Resource", message).attributes))


def text(value: Any) -> str:
    """Return the value of an attribute as Prometheus writes it: lists and maps as JSON."""
    plain = _plain(value)
    if isinstance(plain, bool | list | dict):
        return orjson.dumps(plain).decode()
    if isinstance(plain, float):
        return number(plain)
    return str(plain)


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {one.key: _plain(one.value) for one in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind) if kind else None
