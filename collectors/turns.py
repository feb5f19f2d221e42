"""When each target's turn comes: spread over its interval by its name. Pure: no clock."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TargetFacts:
    """What a fetch needs to know; lengths in milliseconds, the secret sealed."""

    client: str
    name: str
    kind: str
    url: str
    system: str | None = None
    interval_ms: int = 15_000
    timeout_ms: int = 10_000
    labels: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    user: str | None = None
    secret: str | None = field(default=None, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """What tells this target from all others."""
        return self.client, self.name

    @property
    def offset_ms(self) -> int:
        """The place of its turn inside the interval, the same after every restart."""
        return zlib.crc32(f"{self.client}/{self.name}".encode()) % self.interval_ms


def due(targets: Iterable[TargetFacts], *, since_ms: int, now_ms: int) -> list[TargetFacts]:
    """Return the targets whose turn came in (since, now], each once however long that was."""
    return [t for t in targets if _turn(t, now_ms) != _turn(t, since_ms)]


def _turn(target: TargetFacts, at_ms: int) -> int:
    return (at_ms - target.offset_ms) // target.interval_ms
