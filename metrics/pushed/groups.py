"""Groups of pushed metrics: which group a path names, and what becomes of one. Pure.

As the Pushgateway has it (prometheus/pushgateway: README.md).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote_to_bytes

from kit.errors import Invalid
from metrics.columns import NAME, Labels, labels_of
from metrics.ports.exposition.found import Exposition

PARTS_MOST = 64
BASE64 = "@base64"
PUSHED, FAILED = "push_time_seconds", "push_failure_time_seconds"
OURS = frozenset({PUSHED, FAILED})
UNTYPED = "untyped"
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True)
class Family:
    """The samples of one metric in a group, with all their labels."""

    kind: str
    samples: tuple[tuple[Labels, float], ...]


@dataclass(frozen=True)
class Group:
    """What was pushed under one set of labels; `sender` None is a token of all clients."""

    sender: str | None
    labels: Labels
    families: Mapping[str, Family] = field(default_factory=dict)
    pushed_at: datetime | None = None
    failed_at: datetime | None = None

    def samples(self) -> Iterator[tuple[Labels, float]]:
        """Yield every sample of the group, and when it was pushed last."""
        for family in self.families.values():
            yield from family.samples
        for name, at in ((PUSHED, self.pushed_at), (FAILED, self.failed_at)):
            labels = labels_of({**dict(self.labels), NAME: name})
            yield labels, at.timestamp() if at else 0.0


def grouping(path: str) -> Labels:
    """Return the labels that a path names: `job/<job>{/<label>/<value>}`, percent-encoded."""
    parts = path.split("/")
    if len(parts) % 2 or len(parts) > PARTS_MOST:
        raise Invalid("the path has to be job/<job>, and then /<label>/<value> for each label")
    found: dict[str, str] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        label, text = _pair(_text(name), value)
        if label in found:
            raise Invalid(f"label {label!r} stands in the path twice")
        found[label] = text
    if next(iter(found)) != "job" or not found["job"]:
        raise Invalid("the path has to begin with job/ and the name of the job")
    return labels_of(found)


def _pair(name: str, value: str) -> tuple[str, str]:
    label = name.removesuffix(BASE64)
    if not _LABEL.fullmatch(label) or label.startswith("__"):
        raise Invalid(f"no name of a label: {label[:80]!r}")
    if label == name:
        return label, _text(value)
    given = value.rstrip("=")
    try:
        decoded = base64.b64decode(given + "=" * (-len(given) % 4), b"-_", validate=True)
        return label, decoded.decode()
    except (binascii.Error, ValueError):
        raise Invalid(f"the value of {label} is not base64") from None


def _text(part: str) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Invalid("the path is not valid UTF-8") from None


def families_of(given: Exposition, labels: Labels) -> dict[str, Family]:
    """Return what was pushed as families of the group; its labels overwrite those of the body."""
    own = dict(labels)
    samples: dict[str, list[tuple[Labels, float]]] = {}
    seen: set[Labels] = set()
    for one in given.samples:
        if one.at is not None:
            raise Invalid(f"{one.head.name}: pushed metrics must not have timestamps")
        family = given.family(one.head.name)
        full = labels_of({**dict(one.head.labels), **own, NAME: one.head.name})
        if full in seen:
            raise Invalid(f"{one.head.name}: pushed twice with the same labels")
        seen.add(full)
        if family not in OURS:
            samples.setdefault(family, []).append((full, one.value))
    return {name: Family(given.kinds.get(name, UNTYPED), tuple(of)) for name, of in samples.items()}


def agree(one: Family, other: Family) -> bool:
    """Tell whether two families of one name can be of one kind."""
    return UNTYPED in (one.kind, other.kind) or one.kind == other.kind
