"""How the program is, as values: what is wrong, in words that an operator can act on."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from app.measures import Measures
from kit.errors import Said
from kit.i18n import Locale, t, told

REASON = "reason"
"""The name of a fact whose values the catalogue has words for."""


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: a kind that the catalogue has words for, and its facts."""

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)

    def said(self, locale: str) -> str:
        """Return the trouble in words, a reason that has words of its own among them."""
        facts = {name: _spoken(name, fact, locale) for name, fact in self.facts.items()}
        return t(f"trouble.{self.kind}", locale, **facts)

    def __str__(self) -> str:
        return self.said(Locale.EN)


def _spoken(name: str, fact: Any, locale: str) -> Any:
    if isinstance(fact, Said):
        return told(fact, locale)
    return t(f"reason.{fact}", locale) if name == REASON else fact


@dataclass(frozen=True)
class Condition:
    """All well, or the troubles; figures either way."""

    troubles: list[Trouble] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.troubles

    def told(self) -> dict[str, Any]:
        """Return what /healthz and /readyz answer, in English."""
        wrong = [str(trouble) for trouble in self.troubles]
        return {"well": self.well, "wrong": wrong, "figures": self.figures}


class House(Protocol):
    """Whoever can tell how the program is."""

    measures: Measures

    async def condition(self) -> Condition:
        """Return whether everything that has to happen happens."""
        ...

    async def readiness(self) -> Condition:
        """Return whether requests are welcome."""
        ...

    async def measure(self) -> None:
        """Bring the gauges up to date."""
        ...
