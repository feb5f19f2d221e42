"""Reads a Go template: pieces to a tree; unknown words and functions are refused. Pure."""

from collections.abc import Container

from alerting.templates.lexer import Action, Token, pieces, unquoted
from alerting.templates.refusals import NotRead
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

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}
DEEPEST = 50


def parse(text: str, functions: Container[str]) -> tuple[Body, dict[str, Body]]:
    """Return the body of a template, and those that it defines, by name."""
    parser = _Parser(text, functions)
    body, end = parser.body(0, {"$", "$labels", "$externalLabels", "$externalURL", "$value"})
    if end is not None:
        raise NotRead(f"unexpected {{{{{end.source}}}}}")
    for name in parser.included:
        if name not in parser.defined:
            raise NotRead(f"template {name!r} is not defined")
    return body, parser.defined


class _Parser:
    def __init__(self, text: str, functions: Container[str]) -> None:
        self.defined: dict[str, Body] = {}
        self.included: list[str] = []
        self._pieces = list(pieces(text))
        self._at = 0
        self._functions = functions
        self._loops = 0

    def body(self, depth: int, known: set[str]) -> tuple[Body, Action | None]:
        """Return nodes up to an `end` or `else`, and which it was (None: the text's end)."""
        if depth > DEEPEST:
            raise NotRead("nested too deep")
        known, nodes = set(known), list[Node]()
        while self._at < len(self._pieces):
            piece = self._pieces[self._at]
            self._at += 1
            if isinstance(piece, str):
                nodes.append(piece)
                continue
            if not piece.tokens:
                raise NotRead("missing value for command")
            first = piece.tokens[0]
            if first.kind == "word" and first.text in ("end", "else"):
                return tuple(nodes), piece
            node = self._node(piece, depth, known)
            if node is not None:
                nodes.append(node)
        return tuple(nodes), None

    def _node(self, action: Action, depth: int, known: set[str]) -> Node | None:
        word = action.tokens[0]
        match word.text if word.kind == "word" else "":
            case "if" | "with":
                return self._branch(action.tokens[1:], word.text, depth, known)
            case "range":
                return self._range(action, depth, known)
            case "define":
                self._define(action, depth)
                return None
            case "template":
                return self._include(action, known)
            case "block":
                raise NotRead("block is not supported; write define and template")
            case "break" | "continue":
                return self._leave(action)
            case _:
                return self._pipeline_of(action, known)

    def _pipeline_of(self, action: Action, known: set[str]) -> Output | Assign:
        names, sign, pipe = self._declared(action, known)
        if not names:
            return Output(pipe)
        if len(names) > 1:
            raise NotRead("too many declarations in command")
        if sign == "=" and names[0] not in known:
            raise NotRead(f"undefined variable {names[0]!r}")
        known.add(names[0])
        return Assign(names[0], pipe, sign == ":=")

    def _leave(self, action: Action) -> Leave:
        word = action.tokens[0].text
        if not self._loops or len(action.tokens) > 1:
            raise NotRead(f"{{{{{word}}}}} outside {{{{range}}}}")
        return Leave(word)

    def _branch(self, tokens: tuple[Token, ...], word: str, depth: int, known: set[str]) -> If:
        inside = set(known)
        names, _, pipe = self._declared(Action(tokens, word), inside)
        inside.update(names)
        body, end = self.body(depth + 1, inside)
        other = self._otherwise(end, word, depth, inside)
        name = names[0] if names else None
        return If(pipe, body, other, dot=word == "with", name=name)

    def _otherwise(self, end: Action | None, word: str, depth: int, known: set[str]) -> Body:
        if end is None:
            raise NotRead(f"unexpected end of the text; {{{{{word}}}}} has no end")
        if end.tokens[0].text == "end":
            return ()
        rest = end.tokens[1:]
        if rest and rest[0].text in ("if", "with"):
            return (self._branch(rest[1:], rest[0].text, depth + 1, known),)
        if rest:
            raise NotRead(f"unexpected {rest[0].text!r} after else")
        other, last = self.body(depth + 1, known)
        if last is None or last.tokens[0].text != "end":
            raise NotRead(f"expected end of {{{{{word}}}}}")
        return other

    def _range(self, action: Action, depth: int, known: set[str]) -> Range:
        inside = set(known)
        names, _, pipe = self._declared(Action(action.tokens[1:], "range"), inside)
        inside.update(names)
        self._loops += 1
        body, end = self.body(depth + 1, inside)
        self._loops -= 1
        return Range(pipe, body, self._otherwise(end, "range", depth, known), tuple(names))

    def _define(self, action: Action, depth: int) -> None:
        if depth or len(action.tokens) != 2 or action.tokens[1].kind != "string":
            raise NotRead(f"unexpected {{{{{action.source}}}}}")
        name = unquoted(action.tokens[1].text)
        body, end = self.body(depth + 1, {"$"})
        if end is None or end.tokens[0].text != "end":
            raise NotRead(f"the definition of {name!r} has no end")
        if name in self.defined:
            raise NotRead(f"the template {name!r} is defined twice")
        self.defined[name] = body

    def _include(self, action: Action, known: set[str]) -> Include:
        tokens = action.tokens[1:]
        if not tokens or tokens[0].kind != "string":
            raise NotRead("a template is named by a string")
        name = unquoted(tokens[0].text)
        self.included.append(name)
        rest = tokens[1:]
        return Include(name, self._pipeline(rest, known) if rest else None)

    def _declared(self, action: Action, known: set[str]) -> tuple[list[str], str, Pipe]:
        """Return variables, the sign behind them, and the pipeline."""
        tokens, names, at = action.tokens, [], 0
        while at < len(tokens) and tokens[at].kind == "variable":
            names.append(tokens[at].text)
            at += 1
            if at < len(tokens) and tokens[at].text == ",":
                at += 1
                continue
            break
        if names and at < len(tokens) and tokens[at].text in (":=", "="):
            return names, tokens[at].text, self._pipeline(tokens[at + 1 :], known)
        return [], "", self._pipeline(tokens, known)

    def _pipeline(self, tokens: tuple[Token, ...], known: set[str]) -> Pipe:
        return _Pipeline(tokens, known, self._functions).whole()


class _Pipeline:
    """One pipeline on its way from left to right."""

    def __init__(
        self, tokens: tuple[Token, ...], known: set[str], functions: Container[str]
    ) -> None:
        self._tokens, self._known, self._functions = tokens, known, functions
        self._at = self._depth = 0

    def whole(self) -> Pipe:
        """Return all of it."""
        pipe = self._pipe()
        if self._at < len(self._tokens):
            raise NotRead(f"unexpected {self._tokens[self._at].text!r}")
        return pipe

    def _next(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _pipe(self) -> Pipe:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotRead("nested too deep")
        commands = [self._command(first=True)]
        while (token := self._next()) is not None and token.text == "|":
            self._at += 1
            commands.append(self._command(first=False))
        self._depth -= 1
        return Pipe(tuple(commands))

    def _command(self, *, first: bool) -> Operand:
        token = self._next()
        if token is None or token.text in ("|", ")"):
            raise NotRead("missing value for command")
        if token.kind == "word" and token.text not in _WORDS:
            if token.text not in self._functions:
                raise NotRead(f"function {token.text!r} not defined")
            self._at += 1
            args = []
            while (token_ := self._next()) is not None and token_.text not in ("|", ")"):
                args.append(self._operand())
            return Call(token.text, tuple(args))
        found = self._operand()
        after = self._next()
        if not first or (after is not None and after.text not in ("|", ")")):
            raise NotRead("a value can be given to a function only")
        return found

    def _operand(self) -> Operand:
        token = self._next()
        assert token is not None  # who asks has looked
        self._at += 1
        return self._members(self._first(token))

    def _first(self, token: Token) -> Operand:
        match token.kind:
            case "string" | "char" | "number":
                return _literal(token)
            case "dot":
                return Dot()
            case "field":
                return Member(Dot(), token.text[1:])
            case "variable" if token.text in self._known:
                return Variable(token.text)
            case "variable":
                raise NotRead(f"undefined variable {token.text!r}")
            case "word":
                return self._word(token.text)
        if token.text == "(":
            return self._in_parentheses()
        raise NotRead(f"unexpected {token.text!r}")

    def _word(self, word: str) -> Operand:
        if word in _WORDS:
            return Literal(_WORDS[word])
        if word not in self._functions:
            raise NotRead(f"function {word!r} not defined")
        return Call(word)

    def _in_parentheses(self) -> Operand:
        found = self._pipe()
        closing = self._next()
        if closing is None or closing.text != ")":
            raise NotRead("unclosed left parenthesis")
        self._at += 1
        return found

    def _members(self, found: Operand) -> Operand:
        while (token := self._next()) is not None:
            if token.kind != "field" or token.after_space:
                break
            self._at += 1
            found = Member(found, token.text[1:])
        return found


def _literal(token: Token) -> Literal:
    match token.kind:
        case "string":
            return Literal(unquoted(token.text))
        case "char":
            return Literal(ord(unquoted(token.text)))
        case _:
            return Literal(_number(token.text))


def _number(text: str) -> float | int:
    plain = text.replace("_", "")
    try:
        return int(plain, 0) if not plain.lstrip("+-").startswith("0") else _of_zero(plain)
    except ValueError:
        return float(plain)


def _of_zero(text: str) -> float | int:
    if text.lower().lstrip("+-").startswith("0x"):
        return int(text, 16)
    digits = text.lstrip("+-")
    return int(text, 8) if digits.isdigit() else float(text)
