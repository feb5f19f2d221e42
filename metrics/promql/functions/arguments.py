"""What a function is given, and the shape of a function."""

from collections.abc import Callable, Mapping
from typing import Protocol

from metrics.promql.frames import Floats, Matrix
from metrics.promql.selection import Times
from metrics.promql.terms import Terms
from metrics.promql.tree import Expr, Span
from metrics.promql.windows import Windows


class Arguments(Protocol):
    """The arguments of one call, computed when they are asked for, by their place."""

    @property
    def name(self) -> str:
        """The function's name."""
        ...

    @property
    def given(self) -> tuple[Expr, ...]:
        """The arguments as they are written."""
        ...

    @property
    def steps(self) -> Times:
        """The moments of the evaluation, in ms."""
        ...

    @property
    def query(self) -> Span:
        """The first and the last moment of the whole query, in ms, also inside a subquery."""
        ...

    @property
    def step_ms(self) -> int:
        """How far apart the query asks, 0 where it asks of one moment alone."""
        ...

    @property
    def terms(self) -> Terms:
        """How the query is computed."""
        ...

    def vector(self, place: int) -> Matrix:
        """Return a vector at each step."""
        ...

    def scalar(self, place: int) -> Floats:
        """Return a number for each step."""
        ...

    def text(self, place: int) -> str:
        """Return a text."""
        ...

    def windows(self, place: int) -> Windows:
        """Return the ranges of samples at each step."""
        ...

    def times(self, place: int) -> Matrix:
        """Return a vector with the times of its samples, in seconds."""
        ...


Function = Callable[[Arguments], Matrix | Floats]
Functions = Mapping[str, Function]
