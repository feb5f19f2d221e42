"""Runs a regular expression without ever going back: states are found as texts need them."""

from kit.errors import Invalid
from metrics.patterns.nodes import Chain, Choice, Letters, Node, Repeat, Where

MOST_STATES = 5_000
MOST_MOVES = 20_000
"""Remembered moves; with more, all are forgotten and found again."""

_WORD = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")


class _State(dict[str, "_State"]):
    """Where the run may stand, and after which letter; maps the next letter to the next state."""

    __slots__ = ("before", "places")

    def __init__(self, places: frozenset[int], before: str) -> None:
        super().__init__()
        self.places, self.before = places, before


class Automaton:
    """The expression as numbered places, with moves over a letter and jumps over nothing."""

    def __init__(self, node: Node) -> None:
        self._moves: list[tuple[Letters, int] | None] = []
        self._jumps: list[list[tuple[Where | None, int]]] = []
        self._end = self._place()
        self._known: dict[tuple[frozenset[int], str], _State] = {}
        self._count = 0
        self._first = frozenset((self._build(node, self._end),))
        self._start = self._state(self._first, "")

    def matches(self, text: str) -> bool:
        """Tell whether the expression matches all of `text`."""
        state = self._start
        for letter in text:
            following = state.get(letter)
            if following is None:
                following = self._step(state, letter)
            if not following.places:
                return False
            state = following
        return self._end in self._reached(state.places, state.before, "")

    def _place(self) -> int:
        if len(self._moves) >= MOST_STATES:
            raise Invalid("the regular expression is too large")
        self._moves.append(None)
        self._jumps.append([])
        return len(self._moves) - 1

    def _build(self, node: Node, goal: int) -> int:
        """Return the place from which `node` leads to `goal`."""
        match node:
            case Letters():
                place = self._place()
                self._moves[place] = (node, goal)
            case Where():
                place = self._place()
                self._jumps[place] = [(node, goal)]
            case Chain(parts):
                for part in reversed(parts):
                    goal = self._build(part, goal)
                return goal
            case Choice(parts):
                place = self._place()
                self._jumps[place] = [(None, self._build(part, goal)) for part in parts]
            case Repeat():
                return self._build_repeat(node, goal)
        return place

    def _build_repeat(self, node: Repeat, goal: int) -> int:
        if node.most is None:
            place = self._place()
            self._jumps[place] = [(None, goal), (None, self._build(node.part, place))]
        else:
            place = goal
            for _ in range(node.most - node.least):
                way = self._place()
                self._jumps[way] = [(None, goal), (None, self._build(node.part, place))]
                place = way
        for _ in range(node.least):
            place = self._build(node.part, place)
        return place

    def _step(self, state: _State, letter: str) -> _State:
        places = set()
        for place in self._reached(state.places, state.before, letter):
            move = self._moves[place]
            if move and move[0].has(letter):
                places.add(move[1])
        if self._count >= MOST_MOVES:
            self._known.clear()
            self._start, self._count = self._state(self._first, ""), 0
        self._count += 1
        following = self._state(frozenset(places), letter)
        state[letter] = following
        return following

    def _state(self, places: frozenset[int], before: str) -> _State:
        kind = before if before in ("", "\n") else "w" if before in _WORD else "."
        return self._known.setdefault((places, kind), _State(places, kind))

    def _reached(self, places: frozenset[int], before: str, after: str) -> set[int]:
        """Return `places` and where jumps lead from them, between these two letters."""
        reached, waiting = set(places), list(places)
        while waiting:
            for where, goal in self._jumps[waiting.pop()]:
                if goal not in reached and (where is None or _holds(where, before, after)):
                    reached.add(goal)
                    waiting.append(goal)
        return reached


def _holds(where: Where, before: str, after: str) -> bool:
    match where:
        case Where.TEXT_START:
            return before == ""
        case Where.TEXT_END:
            return after == ""
        case Where.LINE_START:
            return before in ("", "\n")
        case Where.LINE_END:
            return after in ("", "\n")
    edge = (before in _WORD) is not (after in _WORD)
    return edge is (where is Where.WORD_EDGE)
