"""What a selector asks of one label. Pure; shared by PromQL and the store's index."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from metrics.patterns import compiled, literally


class Op(StrEnum):
    """How a label is compared with the value of its matcher."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    DIFFERS = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a label that a series lacks counts as empty."""

    name: str
    op: Op
    value: str

    def holds(self, value: str) -> bool:
        """Tell whether a label with `value` ("" if there is none) satisfies the condition."""
        match self.op:
            case Op.EQUAL:
                return value == self.value
            case Op.NOT_EQUAL:
                return value != self.value
            case Op.MATCHES:
                return compiled(self.value).matches(value)
            case Op.DIFFERS:
                return not compiled(self.value).matches(value)

    @property
    def only(self) -> frozenset[str] | None:
        """The values that satisfy the condition if they are few and known, else None."""
        match self.op:
            case Op.EQUAL:
                return frozenset((self.value,))
            case Op.MATCHES:
                return compiled(self.value).literals
            case _:
                return None

    def __str__(self) -> str:
        shown = self.value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        return f'{self.name}{self.op}"{shown}"'


def one_of(name: str, values: Sequence[str]) -> Matcher:
    """Return the condition that a label has one of these values."""
    if len(values) == 1:
        return Matcher(name, Op.EQUAL, values[0])
    return Matcher(name, Op.MATCHES, "|".join(map(literally, values)))


def all_hold(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether a series with `labels` satisfies every condition."""
    return all(matcher.holds(labels.get(matcher.name, "")) for matcher in matchers)
