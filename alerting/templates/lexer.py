"""Cuts a Go template into text and actions, and an action into tokens. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from alerting.templates.refusals import NotRead

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    |(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
    |(?P<char>'(?:\\.|[^'\\\n])+')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))
    |(?P<variable>\$\w*)
    |(?P<field>\.\w+)
    |(?P<dot>\.)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>:=|[()|,=])
    """,
    re.VERBOSE,
)
_OPEN, _CLOSE = "{{", "}}"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an action; `after_space` parts `.a .b` from `.a.b`."""

    kind: str
    text: str
    after_space: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """What stands between two pairs of braces."""

    tokens: tuple[Token, ...]
    source: str


def pieces(text: str) -> Iterator[str | Action]:
    """Yield the text and the actions of a template in their order, white space trimmed."""
    at, trims = 0, False
    while True:
        start = text.find(_OPEN, at)
        before = text[at:] if start < 0 else text[at:start]
        before = before.lstrip(" \t\r\n") if trims else before
        if start < 0:
            if before:
                yield before
            return
        inner = start + len(_OPEN)
        if text[inner : inner + 1] == "-" and text[inner + 1 : inner + 2] in " \t\r\n":
            before, inner = before.rstrip(" \t\r\n"), inner + 1
        if before:
            yield before
        action, at, trims = _action(text, inner)
        if action is not None:
            yield action


def _action(text: str, start: int) -> tuple[Action | None, int, bool]:
    """Return an action (None for a comment), where the text goes on, and whether it is trimmed."""
    while text[start : start + 1].isspace():
        start += 1
    if text.startswith("/*", start):
        return _comment(text, start)
    tokens: list[Token] = []
    at, spaced = start, False
    while True:
        if text.startswith(_CLOSE, at):
            return Action(tuple(tokens), text[start:at].strip()), at + len(_CLOSE), False
        if spaced and text.startswith("-" + _CLOSE, at):
            return Action(tuple(tokens), text[start:at].strip()), at + 1 + len(_CLOSE), True
        found = _TOKEN.match(text, at)
        if not found:
            raise NotRead(_unreadable(text, at))
        kind = found.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, found[0], spaced))
        spaced, at = kind == "space", found.end()


def _comment(text: str, start: int) -> tuple[None, int, bool]:
    end = text.find("*/", start)
    if end < 0:
        raise NotRead("unclosed comment")
    closing = re.compile(r"(\s+-)?\}\}").match(text, end + 2)
    if not closing:
        raise NotRead("comment ends before closing delimiter")
    return None, closing.end(), closing[1] is not None


def _unreadable(text: str, at: int) -> str:
    if at >= len(text):
        return "unclosed action"
    if text[at] in "\"'`":
        return "unterminated quoted string"
    return f"unexpected {text[at]!r} in an action"


def unquoted(token: str) -> str:
    """Return what a string stands for."""
    if token[0] == "`":
        return token[1:-1]
    return _ESCAPE.sub(_escaped, token[1:-1])


def _escaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "xuU":
        return chr(int(code[1:], 16))
    if code.isdigit():
        return chr(int(code, 8))
    if code in _ESCAPES:
        return _ESCAPES[code]
    if code not in "\\\"'":
        raise NotRead(f"unknown escape \\{code}")
    return code
