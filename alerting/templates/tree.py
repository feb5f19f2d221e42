"""The parts of a template. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, a number or a word for one: true, false, nil."""

    value: str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Dot:
    """The value that everything is about."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A name with a dollar."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """A field or key of a value."""

    of: "Operand"
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function and what it is given."""

    name: str
    args: tuple["Operand", ...] = ()


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each given the last one's value behind its own arguments."""

    commands: tuple["Operand", ...]


Operand = Literal | Dot | Variable | Member | Call | Pipe


@dataclass(frozen=True, slots=True)
class Output:
    """A pipeline whose value is written."""

    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Assign:
    """A variable is given a value; `new` where it is made."""

    name: str
    pipe: Pipe
    new: bool


@dataclass(frozen=True, slots=True)
class If:
    """One of two bodies; `dot`: the first sees the value (`with`); `name` may hold it."""

    pipe: Pipe
    body: "Body"
    other: "Body"
    dot: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """A body for each element; `names` are those of its place (or key) and its value."""

    pipe: Pipe
    body: "Body"
    other: "Body"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Include:
    """Another template, which sees the value of `pipe`."""

    name: str
    pipe: Pipe | None


@dataclass(frozen=True, slots=True)
class Leave:
    """`break` or `continue`."""

    word: str


Node = str | Output | Assign | If | Range | Include | Leave
Body = tuple[Node, ...]
