"""A regular expression ready for use, with short cuts for the simple ones."""

from functools import lru_cache
from itertools import product

from metrics.patterns.automaton import Automaton
from metrics.patterns.nodes import ANY, Chain, Choice, Letters, Node, Repeat
from metrics.patterns.syntax import Reader

MOST_LITERALS = 256


class Pattern:
    """One expression; `literals` are all the texts it matches, if they are few."""

    def __init__(self, text: str) -> None:
        node = Reader(text).read()
        self.literals = _literals(node)
        self._least = _least_of_any(node)
        simple = self.literals is not None or self._least is not None
        self._automaton = None if simple else Automaton(node)

    def matches(self, text: str) -> bool:
        """Tell whether the expression matches all of `text`."""
        if self.literals is not None:
            return text in self.literals
        if self._automaton is None:
            return len(text) >= (self._least or 0)
        return self._automaton.matches(text)


@lru_cache(maxsize=2_000)
def compiled(text: str) -> Pattern:
    """Return the pattern that `text` writes, or refuse."""
    return Pattern(text)


def _least_of_any(node: Node) -> int | None:
    """Return n where the expression is any n letters or more."""
    while isinstance(node, Chain) and len(node.parts) == 1:
        node = node.parts[0]
    if isinstance(node, Repeat) and node.most is None and node.part == ANY:
        return node.least
    return None


def _literals(node: Node) -> frozenset[str] | None:
    match node:
        case Letters():
            return _of_letters(node)
        case Choice(parts):
            return _together([_literals(part) for part in parts])
        case Chain(parts):
            return _in_a_row([_literals(part) for part in parts])
        case Repeat(part, 0, 1):
            return _together([frozenset(("",)), _literals(part)])
        case _:
            return None


def _of_letters(letters: Letters) -> frozenset[str] | None:
    size = sum(high - low + 1 for low, high in letters.ranges)
    if letters.negated or letters.categories or letters.folded or size > 16:
        return None
    return frozenset(chr(c) for low, high in letters.ranges for c in range(low, high + 1))


def _together(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [found for found in sets if found is not None]
    if len(known) < len(sets) or sum(map(len, known)) > MOST_LITERALS:
        return None
    return frozenset().union(*known)


def _in_a_row(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    size = 1
    for found in sets:
        size *= MOST_LITERALS + 1 if found is None else max(len(found), 1)
        if size > MOST_LITERALS:
            return None
    return frozenset("".join(parts) for parts in product(*(found or () for found in sets)))
