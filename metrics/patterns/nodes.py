"""The tree of a regular expression."""

import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Letters:
    """One character out of `ranges` or of Unicode `categories`, or, `negated`, none of them."""

    ranges: tuple[tuple[int, int], ...] = ()
    categories: tuple[tuple[str, bool], ...] = ()
    negated: bool = False
    folded: bool = False

    def has(self, letter: str) -> bool:
        """Tell whether `letter` is one of them."""
        forms = {letter, letter.lower(), letter.upper()} if self.folded else (letter,)
        return any(self._lists(form) for form in forms if len(form) == 1) is not self.negated

    def _lists(self, letter: str) -> bool:
        code = ord(letter)
        if any(low <= code <= high for low, high in self.ranges):
            return True
        kind = unicodedata.category(letter) if self.categories else ""
        return any(kind.startswith(name) is wanted for name, wanted in self.categories)


ANY = Letters(((0, LAST),))


class Where(Enum):
    """A place between two characters."""

    TEXT_START = auto()
    TEXT_END = auto()
    LINE_START = auto()
    LINE_END = auto()
    WORD_EDGE = auto()
    NO_WORD_EDGE = auto()


@dataclass(frozen=True, slots=True)
class Chain:
    """One part after the other; without parts, the empty text."""

    parts: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the parts."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part `least` to `most` times; `most` None means as often as you like."""

    part: "Node"
    least: int
    most: int | None


Node = Letters | Where | Chain | Choice | Repeat
