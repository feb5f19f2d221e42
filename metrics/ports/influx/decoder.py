"""Lines as samples: each field is a series called measurement_field, its tags are labels."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

from kit.errors import Invalid, TooLarge
from metrics.columns import NAME
from metrics.ports.decode import Breathe, Decoded, Gathering, Naming, columns
from metrics.ports.influx.lines import Line, metric_name, named, parsed

BLOCK = 64 * 1024
DATABASE = "db"
"""The label that says where a point was written to, unless a tag is called so."""
PRECISIONS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("", "n", "ns"), (1, 1_000_000)),
    **dict.fromkeys(("u", "us", "µ", "µs"), (1, 1_000)),
    "ms": (1, 1),
    "s": (1_000, 1),
    "m": (60_000, 1),
    "h": (3_600_000, 1),
}
"""By what a time is multiplied, and then divided, to be milliseconds."""


def record(lines: bytes, *, precision: str, database: str) -> bytes:
    """Return lines with what their request said about all of them, for decoder and journal."""
    if precision not in PRECISIONS:
        raise Invalid(f"precision {precision[:20]!r} is none of ns, us, ms, s, m, h")
    return f"{quote(precision)} {quote(database[:256])}\n".encode() + lines


class _Heads(NamedTuple):
    """What is known of one tenant's database: refs by field, by measurement and tags."""

    refs: dict[bytes, dict[bytes, int]]
    labels: list[tuple[str, str]]


class InfluxDecoder:
    """Decodes lines; a bad line is refused by its number, the others are taken."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._known: dict[tuple[str | None, str], _Heads] = {}
        self._entries = 0

    def forget(self) -> None:
        """Drop what is remembered of senders' tags."""
        self._known.clear()
        self._entries = 0

    async def decode(
        self, body: bytes, *, client: str | None, arrived: int, breathe: Breathe
    ) -> Decoded:
        """Return the samples of a `record`."""
        if len(body) > self._naming.limits.body_bytes + 1024:
            raise TooLarge(f"{self._naming.limits.body_bytes} bytes are taken at once")
        first, _, lines = body.partition(b"\n")
        precision, _, database = first.decode().partition(" ")
        times, per = PRECISIONS[unquote(precision)]
        heads = self._heads(client, unquote(database))
        refs: list[int] = []
        at: list[int] = []
        values: list[float] = []
        said = Gathering()
        number = 0
        for block in _blocks(lines):
            for raw in block:
                number += 1
                line = raw.strip()
                if not line or line.startswith(b"#"):
                    continue
                try:
                    one = parsed(line)
                    found = self._refs(one, heads, client)
                except Invalid as why:
                    said.refuse(f"line {number}", why)
                    continue
                refs += found
                moment = arrived if one.time is None else one.time * times // per
                at += [max(-(2**62), min(2**62, moment))] * len(found)
                values += [value for _, value in one.fields]
            await breathe()
        return Decoded(*columns(refs, at, values), said.refused, said.reason)

    def _refs(self, line: Line, heads: _Heads, client: str | None) -> list[int]:
        """Return the refs of a line's fields; all or none of them are taken."""
        if not line.fields:
            return []
        known = heads.refs.get(line.head)
        if known is not None:
            try:
                return [known[name] for name, _ in line.fields]
            except KeyError:
                pass
        measurement, tags = named(line.head)
        given = {name for name, _ in tags}
        labels = [*tags, *(pair for pair in heads.labels if pair[0] not in given)]
        found = [
            self._naming.ref([*labels, (NAME, metric_name(measurement, name))], client)
            for name, _ in line.fields
        ]
        fields = heads.refs.setdefault(line.head, {})
        fields.update(zip((name for name, _ in line.fields), found, strict=True))
        self._entries += len(found)
        return found

    def _heads(self, client: str | None, database: str) -> _Heads:
        if self._entries > 4 * self._naming.limits.series:
            self.forget()  # a sender that varies its bytes only slows itself down
        key = (client, database)
        if len(self._known) > 10_000:
            self.forget()
        labels = [(DATABASE, database)] if database else []
        return self._known.setdefault(key, _Heads({}, labels))


def _blocks(lines: bytes) -> Iterator[list[bytes]]:
    """Yield lines by the hundred; all at once, millions of empty ones would take their room."""
    at = 0
    while at < len(lines):
        end = lines.find(b"\n", at + BLOCK)
        end = len(lines) if end < 0 else end
        yield lines[at:end].split(b"\n")
        at = end + 1
