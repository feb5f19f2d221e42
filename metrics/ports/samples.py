"""Samples as plain JSON, for scripts: `{"samples": [{"name", "labels", "value", "at"}]}`."""

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from kit.clock import milliseconds
from kit.errors import Invalid, TooLarge, Unsupported
from metrics.columns import NAME
from metrics.ports.decode import Breathe, Decoded, Gathering, Naming, columns, together
from metrics.ports.http import Door, Headers

BIG = 256 * 1024
"""Bytes of a body that is read in pieces, so that others have their turn."""
PIECE = 500
SLICE = 250
_SPACE = r"[ \t\r\n]*"
_BEGIN = re.compile(_SPACE.join(("", r"\{", '"samples"', ":", r"\[", "")))
_NEXT = re.compile(_SPACE.join(("", ",", "")))
_END = re.compile(_SPACE.join(("", r"\]", r"\}", "")))

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

    samples: list[SampleIn]


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
        read: deque[list[SampleIn]] = deque()
        for piece in _pieces(body) if len(body) > BIG else [body]:
            read.append(_read(piece, PIECE * len(read)))
            await breathe()
        said = Gathering()
        found: list[Decoded] = []
        number = 0
        while read:  # each piece is let go of as it is done: all at once would take its time
            samples = read.popleft()
            for start in range(0, len(samples), SLICE):
                some = samples[start : start + SLICE]
                found.append(self._named(some, number, client, (arrived, said)))
                number += len(some)
                await breathe()
        return together(found, said)

    def _named(
        self, samples: list[SampleIn], before: int, client: str | None, of: tuple[int, Gathering]
    ) -> Decoded:
        refs: list[int] = []
        times: list[int] = []
        values: list[float] = []
        arrived, said = of
        for number, sample in enumerate(samples, before):
            try:
                if NAME in sample.labels or not sample.name:
                    raise Invalid("the name stands in `name`, and only there", field="name")
                ref = self._naming.ref([*sample.labels.items(), (NAME, sample.name)], client)
            except Invalid as why:
                said.refuse(f"samples[{number}]", why)
                continue
            refs.append(ref)
            times.append(arrived if sample.at is None else milliseconds(sample.at))
            values.append(float(sample.value))
        return Decoded(*columns(refs, times, values))


def _pieces(body: bytes) -> Iterator[str]:
    """Cut a body between its samples into bodies of `PIECE` samples."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("body: it is not UTF-8") from None
    begun = _BEGIN.match(text)
    if begun is None:
        raise Invalid(f'body: more than {BIG} bytes have to begin with {{"samples": [')
    scan, begin = json.JSONDecoder().raw_decode, begun.end()
    at, count = begin, 0
    while True:
        try:
            _, end = scan(text, at)
        except (ValueError, RecursionError):
            raise Invalid(f"samples[{count}]: it is not JSON", field=f"samples[{count}]") from None
        count += 1
        further = _NEXT.match(text, end)
        if further is None or count % PIECE == 0:
            yield f'{{"samples":[{text[begin:end]}]}}'
            begin = end if further is None else further.end()
        if further is None:
            break
        at = further.end()
    if _END.fullmatch(text, begin) is None:
        raise Invalid(f"body: something else follows samples[{count - 1}]")


def _read(body: bytes | str, before: int) -> list[SampleIn]:
    """Return the samples of a body, or of a piece with so many before it."""
    try:
        return SamplesIn.model_validate_json(body).samples
    except ValidationError as wrong:
        raise _refusal(wrong, before) from None


def _refusal(wrong: ValidationError, before: int) -> Invalid:
    first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
    place = "".join(
        f"[{part + before}]" if isinstance(part, int) else f".{part}"
        for part in first["loc"]
        if part not in KINDS_OF_VALUE
    )
    field = place.lstrip(".") or None
    return Invalid(f"{field or 'body'}: {first['msg']}", field=field)


class Samples(Door):
    """POST /api/v1/samples."""

    port = "samples"

    def check(self, headers: Headers) -> None:
        """Take JSON, not compressed."""
        if headers.get(b"content-encoding", b"identity").lower() not in (b"", b"identity"):
            raise Unsupported("send it without Content-Encoding")
        kind = headers.get(b"content-type", b"application/json").partition(b";")[0]
        if kind.strip().lower() != b"application/json":
            raise Unsupported("Content-Type has to be application/json")
