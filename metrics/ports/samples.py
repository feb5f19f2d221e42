"""Samples as plain JSON, for scripts: `{"samples": [{"name", "labels", "value", "at"}]}`."""

import re
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, FailFast, Field, ValidationError
from starlette.types import Scope

from kit.clock import milliseconds
from kit.errors import Invalid, TooLarge, Unsupported
from metrics.columns import NAME
from metrics.ports.decode import Breathe, Decoded, Gathering, Naming, columns
from metrics.ports.http import Door, Headers

BREATH = 250
SLICE = 500
BIG = 128 * 1024
"""Bytes of a body that is read in one go; of a greater one, `SLICE` samples at a time."""
ONE_MOST = 640 * 1024
"""Bytes of one sample, every label as long as it may be and every letter of it escaped."""

_SPACE = rb"[ \t\n\r]*+"
_TEXT = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'\{(?:[^"{}]++|' + _TEXT + rb")*+\}"
_ONE = rb'\{(?:[^"{}]++|' + _TEXT + rb"|" + _FLAT + rb")*+\}"
_HEAD = re.compile(_SPACE + rb"\{" + _SPACE + rb'"samples"' + _SPACE + rb":" + _SPACE + rb"\[")
_EACH = _SPACE + _ONE + _SPACE + rb"(?:,|(?=\]))"
_NEXT = re.compile(rb"(?:" + _EACH + rb"){1,%d}+" % SLICE, re.DOTALL)
_CLOSED = re.compile(_SPACE + rb"\]")
_TAIL = re.compile(_SPACE + rb"\]" + _SPACE + rb"\}" + _SPACE)

Word = Literal["NaN", "+Inf", "Inf", "-Inf"]
KINDS_OF_VALUE = ("float", "literal['NaN','+Inf','Inf','-Inf']")
"""What pydantic adds to the place of a wrong value, which has one of these forms."""


class SampleIn(BaseModel):
    """One sample; without `at` it counts from its arrival."""

    model_config = ConfigDict(extra="forbid")

    name: str
    labels: dict[str, str] = Field(default_factory=dict)
    value: Annotated[float, Field(strict=True)] | Word
    at: AwareDatetime | None = None


class SamplesIn(BaseModel):
    """The body of POST /api/v1/samples."""

    model_config = ConfigDict(extra="forbid")

    samples: Annotated[list[SampleIn], FailFast()]


class _Sample(NamedTuple):
    """What is kept of a sample while the rest of its body is read; `at` in ms."""

    name: str
    labels: dict[str, str]
    value: float
    at: int | None


class SamplesDecoder:
    """Decodes JSON samples; a body that is not of the form is refused as a whole."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming

    def forget(self) -> None:
        """Nothing is remembered here."""

    async def decode(
        self, body: bytes, *, client: str | None, arrived: int, breathe: Breathe
    ) -> Decoded:
        """Return the samples of a JSON body."""
        if len(body) > self._naming.limits.body_bytes:
            raise TooLarge(f"{self._naming.limits.body_bytes} bytes are taken at once")
        given = await _read(body, breathe)
        refs: list[int] = []
        times: list[int] = []
        values: list[float] = []
        said = Gathering()
        for number, sample in enumerate(given):
            if number % BREATH == BREATH - 1:
                await breathe()
            try:
                if NAME in sample.labels or not sample.name:
                    raise Invalid("the name stands in `name`, and only there", field="name")
                ref = self._naming.ref([*sample.labels.items(), (NAME, sample.name)], client)
            except Invalid as why:
                said.refuse(f"samples[{number}]", why)
                continue
            refs.append(ref)
            times.append(arrived if sample.at is None else sample.at)
            values.append(sample.value)
        return Decoded(*columns(refs, times, values), said.refused, said.reason)


async def _read(body: bytes, breathe: Breathe) -> list[_Sample]:
    """Return the samples of a body; others have their turn while a big one is read."""
    head = _HEAD.match(body) if len(body) > BIG else None
    if head is None:
        if len(body) > BIG:
            raise Invalid('the body has to begin with {"samples": [')
        return _parsed(body)
    found: list[_Sample] = []
    at = head.end()
    while part := _NEXT.match(body, at, at + ONE_MOST):
        inside = part[0].rstrip(b" \t\n\r").removesuffix(b",")
        found += _parsed(b'{"samples":[%b]}' % inside, len(found))
        at = part.end()
        await breathe()
    if found and _CLOSED.match(body, at) and not _TAIL.fullmatch(body, at):
        raise Invalid(f"body: something else follows samples[{len(found) - 1}]")
    if not _TAIL.fullmatch(body, at) or body[at - 1 : at] == b",":
        raise Invalid(f"samples[{len(found)}] is no sample of at most {ONE_MOST} bytes")
    return found


def _parsed(body: bytes, before: int = 0) -> list[_Sample]:
    """Return the samples of a body, or of a part of one that so many stand before."""
    try:
        given = SamplesIn.model_validate_json(body).samples
    except ValidationError as wrong:
        raise _refusal(wrong, before) from None
    return [_Sample(one.name, one.labels, float(one.value), _ms(one.at)) for one in given]


def _ms(at: datetime | None) -> int | None:
    return None if at is None else milliseconds(at)


def _refusal(wrong: ValidationError, before: int) -> Invalid:
    first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
    place = "".join(
        f"[{before + part}]" if isinstance(part, int) else f".{part}"
        for part in first["loc"]
        if part not in KINDS_OF_VALUE
    )
    field = place.lstrip(".") or None
    return Invalid(f"{field or 'body'}: {first['msg']}", field=field)


class Samples(Door):
    """POST /api/v1/samples."""

    def port(self, scope: Scope, headers: Headers) -> str:
        """Take JSON, not compressed."""
        if headers.get(b"content-encoding", b"identity").lower() not in (b"", b"identity"):
            raise Unsupported("send it without Content-Encoding")
        kind = headers.get(b"content-type", b"application/json").partition(b";")[0]
        if kind.strip().lower() != b"application/json":
            raise Unsupported("Content-Type has to be application/json")
        return "samples"
