"""What senders say about their metrics: kind, help, unit. In memory alone: they say it again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from access.scope import Scope

MOST = 20_000
"""Metrics of one sender of which something is known."""
LONGEST = 1_000
"""Characters of a help text that are kept."""
_PARTS = ("_bucket", "_sum", "_count")
KINDS = (
    *("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info"),
    "stateset",
)
"""By their numbers in remote write."""


@dataclass(frozen=True, slots=True)
class About:
    """What is said about a metric."""

    kind: str = KINDS[0]
    help: str = ""
    unit: str = ""


NOTHING = About()


def kind_of(number: int) -> str:
    """Return the kind that a number of remote write stands for."""
    return KINDS[number] if 0 <= number < len(KINDS) else KINDS[0]


def family(name: str, kind: str) -> str:
    """Return the metric that a series of this name belongs to."""
    if kind in ("histogram", "gaugehistogram", "summary"):
        for part in _PARTS:
            if name.endswith(part):
                return name.removesuffix(part)
    return name


class Described:
    """What is known of metrics, for each client apart; None stands for senders of all clients."""

    def __init__(self) -> None:
        self._all: dict[str | None, dict[str, About]] = {}

    def tell(self, client: str | None, told: Iterable[tuple[str, About]]) -> None:
        """Take what a sender says about some metrics; the newest word counts."""
        known = self._all.setdefault(client, {})
        for name, about in told:
            if name and (name in known or len(known) < MOST):
                known[name] = About(about.kind, about.help[:LONGEST], about.unit[:LONGEST])

    def of(self, scope: Scope) -> Mapping[str, list[About]]:
        """Return what is said in a scope, the different words on one metric beside each other."""
        found: dict[str, list[About]] = {}
        for client, known in list(self._all.items()):
            if scope.clients is None or (client is not None and scope.allows(client)):
                for name, about in list(known.items()):
                    said = found.setdefault(name, [])
                    if about not in said:
                        said.append(about)
        return found
