"""How the program is, as values: what is wrong, in words that an operator can act on."""

from dataclasses import dataclass, field
from typing import Protocol

from app.measures import Measures


@dataclass(frozen=True)
class Condition:
    """All well, or the list of what is not; figures either way."""

    well: bool
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, wrong: list[str], figures: dict[str, float]) -> "Condition":
        """Return the condition with these faults."""
        return cls(not wrong, wrong, figures)


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
