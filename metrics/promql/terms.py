"""How a query is computed: its limits, what it remembers, and what it has to say besides."""

from dataclasses import dataclass, field
from threading import Event

from metrics.promql.memory import Memory
from metrics.promql.refusals import NotComputable, Stopped
from metrics.promql.tree import LOOKBACK_MS


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one query may take: series read, and samples read or computed at once."""

    series: int = 100_000
    samples: int = 50_000_000


@dataclass(slots=True)
class Notes:
    """What Prometheus tells beside an answer: each warning and each hint once."""

    warnings: dict[str, None] = field(default_factory=dict)
    infos: dict[str, None] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        """Say that something is wrong with the query or its series."""
        self.warnings[f"PromQL warning: {text}"] = None

    def inform(self, text: str) -> None:
        """Say that something may not be meant."""
        self.infos[f"PromQL info: {text}"] = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a plan is computed. A set `stopped` ends it at its next turn, from another thread."""

    lookback_ms: int = LOOKBACK_MS
    limits: Limits = field(default_factory=Limits)
    memory: Memory = field(default_factory=Memory)
    stopped: Event = field(default_factory=Event)
    notes: Notes = field(default_factory=Notes)

    def go_on(self) -> None:
        """Refuse to compute for nobody."""
        if self.stopped.is_set():
            raise Stopped("nobody waits for this answer any more")

    def room(self, cells: int) -> None:
        """Refuse to compute more values at once than one query may."""
        if cells > self.limits.samples:
            raise NotComputable(
                "the query computes {cells} values at once; at most {most} are allowed: "
                "ask for a shorter range, a longer step or fewer series",
                cells=cells,
                most=self.limits.samples,
            )
