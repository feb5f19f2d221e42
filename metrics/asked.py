"""What a request to the Prometheus API asks for: its parameters, read as Prometheus reads them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from kit import durations
from kit.errors import Invalid, TooLarge
from metrics.promql.durations import Frame

MOST_POINTS = 11_000
MOST_BODY = 1024 * 1024
MOST_MS = 4 * 10**15
DIGITS_MOST = 18
FORM = "application/x-www-form-urlencoded"
JSON, PROBLEM = "application/json", "application/problem+json"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
_MILLISECOND = timedelta(milliseconds=1)


class Resolution(StrEnum):
    """What a range query asks to be computed from."""

    USUAL = ""
    """Raw samples as far back as they are kept; further back, the finest steps that answer."""
    AUTO = "auto"
    """The coarsest that answers."""
    RAW = "raw"
    FIVE_MINUTES = "5m"
    HOUR = "1h"


@dataclass(frozen=True, slots=True)
class Span:
    """The steps of a range query, in ms."""

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def frame(self) -> Frame:
        """What the query knows of it while it is read."""
        return Frame(self.end_ms - self.start_ms, self.step_ms)


class Parameters(dict[str, str]):
    """The parameters of a query, from its URL and from a posted form (which comes first).

    Of one given twice the first counts; `each` has all of them.
    """

    def __init__(self, given: Sequence[tuple[str, str]]) -> None:
        super().__init__(reversed(given))
        self._given = given

    def each(self, name: str) -> list[str]:
        """Return all that was given under a name."""
        return [value for key, value in self._given if key == name]

    def moment(self, name: str, otherwise: datetime | None = None) -> int:
        """Return a time given as RFC 3339 or in seconds, as ms since 1970."""
        if not self.get(name) and otherwise is not None:
            return _since_1970(otherwise)
        given = self.get(name, "")
        found = None
        if _RFC3339.fullmatch(given):
            try:
                found = _since_1970(datetime.fromisoformat(given.upper()))
            except (ValueError, OverflowError):
                raise wrong(name, f"cannot parse {given!r} to a valid timestamp") from None
        else:
            found = _as_ms(given)
        if found is None:
            raise wrong(name, f"cannot parse {given!r} to a valid timestamp")
        return found

    def length(self, name: str, otherwise: int | None = None) -> int:
        """Return a length given in seconds or as a duration (1h30m), in ms."""
        if not self.get(name) and otherwise is not None:
            return otherwise
        given = self.get(name, "")
        found = _as_ms(given)
        if found is None:
            try:
                found = durations.parse(given) // _MILLISECOND
            except ValueError:
                raise wrong(name, f"cannot parse {given!r} to a valid duration") from None
        return found

    def positive(self, name: str, otherwise: int) -> int:
        """Return a length that must be more than nothing, in ms."""
        found = self.length(name, otherwise)
        if found <= 0:
            raise wrong(name, "it must be greater than zero")
        return found

    def span(self) -> Span:
        """Return the steps that start, end and step ask for, at most 11,000."""
        start, end, step = self.moment("start"), self.moment("end"), self.length("step")
        if end < start:
            raise wrong("end", "end timestamp must not be before start time")
        if step <= 0:
            raise wrong(
                "step",
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer",
            )
        if (end - start) / step > MOST_POINTS:
            raise Invalid(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)",
                field="step",
            )
        return Span(start, end, step)

    def resolution(self) -> Resolution:
        """Return what the answer is to be computed from."""
        given = self.get("resolution", "")
        if given not in set(Resolution):
            raise wrong("resolution", "it must be auto, raw, 5m or 1h")
        return Resolution(given)

    def limit(self, name: str = "limit") -> int:
        """Return how many are wanted at most; 0 is all of them."""
        given = self.get(name) or "0"
        if not given.isascii() or not given.isdigit() or len(given) > DIGITS_MOST:
            raise wrong(name, "it must be a whole number, not below zero")
        return int(given)


def read(url: Sequence[tuple[str, str]], form: bytes) -> Parameters:
    """Return the parameters of a URL and of a posted form."""
    try:
        posted = parse_qsl(form.decode(), keep_blank_values=True, max_num_fields=1_000)
    except ValueError:
        raise Invalid("the form cannot be read") from None
    return Parameters([*posted, *url])


async def _parameters(request: Request) -> Parameters:
    form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
    return read(request.query_params.multi_items(), await _body(request) if form else b"")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise TooLarge("a query is posted in at most {most} bytes", most=MOST_BODY)
    return bytes(body)


Asked = Annotated[Parameters, Depends(_parameters)]
"""The parameters of the request, for a route."""

_MORE = {
    "timeout": ("how long it may take, at most 120s", False, "30s"),
    "limit": ("at most so many series; 0: all", False, "0"),
    "lookback_delta": ("how old a sample may be to count; 5m if not given, or 0", False, "5m"),
}
_QUERY = {"query": ("PromQL", True, "sum by (job) (up)")}
_TIME = "RFC 3339, or seconds since 1970"
_AT = {**_QUERY, "time": (f"{_TIME}; now if not given", False, "1794180725"), **_MORE}
_RANGE = {
    **_QUERY,
    "start": (_TIME, True, "1794177125"),
    "end": (_TIME, True, "1794180725"),
    "step": ("seconds, or a duration; at most 11,000 points", True, "15s"),
    "resolution": (
        "what to compute from: raw samples, 5m or 1h rollups, or auto; raw if not given, where "
        "there are raw samples",
        False,
        "auto",
    ),
    **_MORE,
}
Said = Mapping[str, tuple[str, bool, str]]


def in_url(said: Said) -> dict[str, Any]:
    """Return how OpenAPI tells of parameters that `Asked` reads by itself."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": needed, "description": about}
            | {"schema": {"type": "string", "examples": [example]}}
            for name, (about, needed, example) in said.items()
        ]
    }


def in_form(said: Said) -> dict[str, Any]:
    """Return how OpenAPI tells of the same parameters, posted."""
    required = [name for name, (_, needed, _) in said.items() if needed]
    schema = {
        "type": "object",
        "required": required,
        "properties": {
            name: {"type": "string", "description": about, "examples": [example]}
            for name, (about, _, example) in said.items()
        },
    }
    return {"requestBody": {"required": bool(required), "content": {FORM: {"schema": schema}}}}


def answers(kinds: list[str]) -> dict[int | str, dict[str, Any]]:
    """Return how OpenAPI tells of Prometheus's envelope; what is refused before it, we tell."""
    found = {"resultType": {"enum": kinds}, "result": {"type": "array"}}
    data = {"type": "object", "required": list(found), "properties": found}
    told = {"type": "array", "items": {"type": "string"}}
    well = {"status": {"const": "success"}, "data": data, "warnings": told, "infos": told}
    success = {"type": "object", "required": ["status", "data"], "properties": well}
    content = {JSON: {"schema": success}}
    return {200: {"description": "What it comes to", "content": content}, **refusals()}


def refusals() -> dict[int | str, dict[str, Any]]:
    """Return how OpenAPI tells of what is refused in Prometheus's envelope."""
    ill = {name: {"type": "string"} for name in ("errorType", "error")}
    refused = {"status": {"const": "error"}, **ill}
    failure = {"type": "object", "required": list(refused), "properties": refused}
    said = {JSON: {"schema": failure}}
    return {
        400: {"description": "The query or a parameter cannot be read", "content": said},
        422: {"description": "It cannot be computed", "content": {**said, PROBLEM: {}}},
        503: {"description": "It took too long; or not now", "content": {**said, PROBLEM: {}}},
    }


ASKED, POSTED = in_url(_AT), in_form(_AT)
ASKED_RANGE, POSTED_RANGE = in_url(_RANGE), in_form(_RANGE)
"""What the routes add to OpenAPI."""


def wrong(name: str, why: str) -> Invalid:
    """Return the refusal of a parameter."""
    return Invalid('invalid parameter "{name}": {why}', field=name, name=name, why=why)


def _as_ms(seconds: str) -> int | None:
    try:
        ms = float(seconds) * 1000
    except ValueError:
        return None
    return round(ms) if math.isfinite(ms) and abs(ms) < MOST_MS else None


def _since_1970(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, moment.tzinfo)) // _MILLISECOND
