"""Fills a template in. Pure: what `query` gives comes with the context."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from alerting.templates.context import Context, Sample
from alerting.templates.functions import FUNCTIONS, QUERIES
from alerting.templates.parser import parse
from alerting.templates.printing import shown, truth
from alerting.templates.refusals import NotExpanded
from alerting.templates.tree import (
    Assign,
    Body,
    Call,
    Dot,
    If,
    Include,
    Leave,
    Literal,
    Member,
    Node,
    Operand,
    Output,
    Pipe,
    Range,
    Variable,
)

LONGEST = 100_000
DEEPEST = 50
MOST_STEPS = 100_000
ABOUT = frozenset(("ExternalURL", "ExternalLabels"))
"""Fields of the whole: what is none of them is a mistake, where a label is only empty."""
_NAMES = FUNCTIONS.keys() | QUERIES | {"and", "or", "tmpl"}


class Template:
    """One text, read once; a text without braces is its own answer."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = "{{" not in text
        self._body, self._defined = ((text,), {}) if self.plain else _parsed(text)

    def expand(self, context: Context) -> str:
        """Return the text for one alert, or raise `NotExpanded`."""
        return self.text if self.plain else _Run(context, self._defined).text_of(self._body)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[Body, dict[str, Body]]:
    return parse(text, _NAMES)


class _Left(Exception):
    """A loop is left, or its turn is."""


class _Run:
    def __init__(self, context: Context, defined: Mapping[str, Body]) -> None:
        self._context, self._defined = context, defined
        self._written: list[str] = []
        self._length = self._steps = self._depth = 0

    def text_of(self, body: Body) -> str:
        """Return what the body writes about the alert."""
        context = self._context
        about = {
            "Labels": context.labels,
            "ExternalLabels": context.external_labels,
            "ExternalURL": context.external_url,
            "Value": context.value,
        }
        variables = {"$": about, "$labels": context.labels, "$value": context.value}
        variables |= {
            "$externalLabels": context.external_labels,
            "$externalURL": context.external_url,
        }
        try:
            self._body(body, about, _Scope(variables))
        except RecursionError:
            raise NotExpanded("nested too deep") from None
        return "".join(self._written)

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST:
            raise NotExpanded(f"longer than {LONGEST:,} characters")
        self._written.append(text)

    def _body(self, body: Body, dot: Any, scope: "_Scope") -> None:
        for node in body:
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise NotExpanded("too many steps")
            if isinstance(node, str):
                self._write(node)
            else:
                self._node(node, dot, scope)

    def _node(self, node: Node, dot: Any, scope: "_Scope") -> None:
        match node:
            case Output(pipe):
                self._write(shown(self._pipe(pipe, dot, scope)))
            case Assign(name, pipe, new):
                value = self._pipe(pipe, dot, scope)
                scope.make(name, value) if new else scope.change(name, value)
            case If():
                self._branch(node, dot, scope)
            case Range():
                self._range(node, dot, scope)
            case Include(name, pipe_):
                self._include(name, self._pipe(pipe_, dot, scope) if pipe_ else None)
            case Leave(word):
                raise _Left(word)

    def _branch(self, node: If, dot: Any, scope: "_Scope") -> None:
        value, inner = self._pipe(node.pipe, dot, scope), _Scope({}, scope)
        if node.name:
            inner.make(node.name, value)
        if truth(value):
            self._body(node.body, value if node.dot else dot, inner)
        else:
            self._body(node.other, dot, inner)

    def _range(self, node: Range, dot: Any, scope: "_Scope") -> None:
        turns = list(_elements(self._pipe(node.pipe, dot, scope)))
        if not turns:
            self._body(node.other, dot, _Scope({}, scope))
        for key, value in turns:
            inner = _Scope({}, scope)
            if len(node.names) == 2:
                inner.make(node.names[0], key)
            if node.names:
                inner.make(node.names[-1], value)
            try:
                self._body(node.body, value, inner)
            except _Left as left:
                if left.args[0] == "break":
                    return

    def _include(self, name: str, dot: Any) -> None:
        self._depth += 1
        if self._depth > DEEPEST or name not in self._defined:
            raise NotExpanded(f"the template {name!r} is nested too deep or not defined")
        self._body(self._defined[name], dot, _Scope({"$": dot}))
        self._depth -= 1

    def _pipe(self, pipe: Pipe, dot: Any, scope: "_Scope") -> Any:
        value = self._value(pipe.commands[0], dot, scope)
        for command in pipe.commands[1:]:
            assert isinstance(command, Call)  # the parser lets nothing else behind a pipe
            value = self._call(command, dot, scope, (value,))
        return value

    def _value(self, operand: Operand, dot: Any, scope: "_Scope") -> Any:
        match operand:
            case Literal(value):
                return value
            case Dot():
                return dot
            case Variable(name):
                return scope.get(name)
            case Member(of, name):
                return _member(self._value(of, dot, scope), name)
            case Pipe():
                return self._pipe(operand, dot, scope)
            case Call():
                return self._call(operand, dot, scope, ())

    def _call(self, call: Call, dot: Any, scope: "_Scope", last: tuple[Any, ...]) -> Any:
        self._steps += 1
        if call.name in ("and", "or"):
            return self._until(call, dot, scope, last)
        args = [*(self._value(each, dot, scope) for each in call.args), *last]
        if call.name == "tmpl":
            return self._told_apart(args)
        try:
            if call.name in QUERIES:
                return self._asked(call.name, args)
            return FUNCTIONS[call.name](*args)
        except NotExpanded:
            raise
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError) as why:
            raise NotExpanded(f"error calling {call.name}: {why}") from None

    def _until(self, call: Call, dot: Any, scope: "_Scope", last: tuple[Any, ...]) -> Any:
        """Return the first value that decides, the others not computed."""
        value: Any = None
        for each in call.args:
            value = self._value(each, dot, scope)
            if truth(value) is (call.name == "or"):
                return value
        return last[0] if last else value

    def _told_apart(self, args: Sequence[Any]) -> str:
        name, *rest = args
        before, self._written = self._written, []
        try:
            self._include(str(name), rest[0] if rest else None)
            return "".join(self._written)
        finally:
            self._written = before

    def _asked(self, name: str, args: Sequence[Any]) -> Any:
        match name:
            case "query":
                (text,) = args
                return list(self._context.query(str(text)))
            case "externalURL":
                return self._context.external_url
            case "pathPrefix":
                return self._context.external_url.partition("://")[2].partition("/")[2] or ""
            case _:
                return self._context.at


class _Scope:
    """The variables of a body, and of those around it."""

    def __init__(self, own: dict[str, Any], around: "_Scope | None" = None) -> None:
        self._own, self._around = own, around

    def make(self, name: str, value: Any) -> None:
        self._own[name] = value

    def get(self, name: str) -> Any:
        return self._home(name)._own[name]

    def change(self, name: str, value: Any) -> None:
        self._home(name)._own[name] = value

    def _home(self, name: str) -> "_Scope":
        scope: _Scope | None = self
        while scope is not None:
            if name in scope._own:
                return scope
            scope = scope._around
        raise NotExpanded(f"undefined variable {name!r}")


def _member(value: Any, name: str) -> Any:
    if isinstance(value, Sample):
        fields = {"Labels": value.labels, "Value": value.value}
        if name in fields:
            return fields[name]
    elif isinstance(value, Mapping) and (name in value or ABOUT.isdisjoint(value)):
        return value.get(name, "")
    raise NotExpanded(f"can't evaluate field {name}")


def _elements(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from sorted(value.items())
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from ((n, n) for n in range(min(value, MOST_STEPS)))
    elif value is not None:
        raise NotExpanded("range can't iterate over this value")
