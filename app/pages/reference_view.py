"""From an OpenAPI document to what the reference page shows. Pure: no clock, no database."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 6
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
    "array": "list",
}
FORMATS = {"date-time": "time", "date": "date", "uuid": "UUID"}
LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "pattern": "matches {}",
}
VALUES: dict[str, Any] = {
    "integer": 42,
    "number": 97.5,
    "boolean": True,
    "null": None,
    "object": {},
}
MISSING = object()
FORMATTED = {
    "date-time": "2026-11-08T19:32:05Z",
    "date": "2026-11-08",
    "uuid": "6f1c1f6e-6a55-4f0e-9f6b-0f3d9a1d7a11",
}

Json = Mapping[str, Any]


@dataclass(frozen=True)
class KindView:
    """What a value is, in a few words; `shape` is the object further down that it is made of."""

    text: str
    shape: str | None = None


@dataclass(frozen=True)
class FieldView:
    """A parameter, or a field of a body; `where` is path, query, header or body."""

    name: str
    kind: KindView
    needed: bool = False
    about: str = ""
    where: str = "body"


@dataclass(frozen=True)
class AnswerView:
    """What comes back under one number."""

    status: str
    about: str
    kind: KindView | None = None


@dataclass(frozen=True)
class RouteView:
    """One method of one path."""

    method: str
    path: str
    summary: str
    about: str = ""
    parameters: tuple[FieldView, ...] = ()
    body: tuple[FieldView, ...] = ()
    body_kind: str = ""
    answers: tuple[AnswerView, ...] = ()
    example: str = ""
    right: str | None = None

    @property
    def anchor(self) -> str:
        """The name of its place in the page."""
        return re.sub(r"\W+", "-", f"{self.method.lower()}{self.path}").strip("-")


@dataclass(frozen=True)
class GroupView:
    """The routes of one tag."""

    name: str
    routes: list[RouteView] = field(default_factory=list)


@dataclass(frozen=True)
class ShapeView:
    """An object that answers are made of; `name` is unique, `title` is what people read."""

    name: str
    title: str
    about: str
    fields: tuple[FieldView, ...]


class Document:
    """An OpenAPI document, read for people; `url` is where the program is reached.

    `rights` has what each method and path takes, because OpenAPI has no word for it.
    """

    def __init__(
        self, document: Json, url: str, rights: Mapping[tuple[str, str], str | None] | None = None
    ) -> None:
        self._rights = rights or {}
        self._paths: Json = document.get("paths", {})
        self._shapes: Json = document.get("components", {}).get("schemas", {})
        self._url = url

    def groups(self) -> list[GroupView]:
        """Return the routes by tag, in the order in which the program has them."""
        found: dict[str, GroupView] = {}
        for path, methods in self._paths.items():
            for method in METHODS:
                if method in methods:
                    route = self._route(path, method, methods[method])
                    tag = (methods[method].get("tags") or ["other"])[0]
                    found.setdefault(tag, GroupView(tag)).routes.append(route)
        return list(found.values())

    def shapes(self) -> list[ShapeView]:
        """Return the objects that bodies and answers are made of, by name."""
        return [
            ShapeView(name, _spoken(name), _plain(shape), tuple(self._fields(shape)))
            for name, shape in sorted(self._shapes.items())
            if "properties" in shape
        ]

    def _route(self, path: str, method: str, operation: Json) -> RouteView:
        media, schema = _content(operation.get("requestBody", {}))
        return RouteView(
            method=method.upper(),
            path=path,
            summary=_first(operation.get("description") or operation.get("summary", "")),
            about=_rest(operation.get("description", "")),
            parameters=tuple(self._parameter(one) for one in operation.get("parameters", ())),
            body=tuple(self._fields(self._resolved(schema))),
            body_kind=media,
            answers=tuple(
                self._answer(status, answer)
                for status, answer in operation.get("responses", {}).items()
            ),
            example=self._curl(path, method, operation),
            right=self._rights.get((method.upper(), path)),
        )

    def _parameter(self, given: Json) -> FieldView:
        schema = given.get("schema", {})
        about = " ".join(part for part in (given.get("description", ""), _limits(schema)) if part)
        kind, needed = self._kind(schema), bool(given.get("required"))
        return FieldView(given["name"], kind, needed, about, given["in"])

    def _fields(self, shape: Json) -> Iterator[FieldView]:
        needed = shape.get("required", ())
        for name, schema in shape.get("properties", {}).items():
            about = " ".join(part for part in (_plain(schema), _limits(schema)) if part)
            yield FieldView(name, self._kind(schema), name in needed, about)

    def _answer(self, status: str, given: Json) -> AnswerView:
        _, schema = _content(given)
        about = given.get("description", "")
        shown = "" if about == "Successful Response" else about
        return AnswerView(status, shown, self._kind(schema) if schema else None)

    def _resolved(self, schema: Json) -> Json:
        """Return what a reference points to; of a choice with null the other part."""
        if "$ref" in schema:
            found: Json = self._shapes.get(_name(schema), {})
            return found
        parts = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
        return self._resolved(parts[0]) if len(parts) == 1 else schema

    def _kind(self, schema: Json) -> KindView:
        if "$ref" in schema:
            shape = self._resolved(schema)
            named = "properties" in shape
            name = _name(schema)
            return KindView(_spoken(name), name) if named else self._kind(shape)
        if "anyOf" in schema or "allOf" in schema or "oneOf" in schema:
            parts = [self._kind(one) for key in _CHOICES for one in schema.get(key, ())]
            text = " or ".join(dict.fromkeys(part.text for part in parts))
            return KindView(text, next((part.shape for part in parts if part.shape), None))
        if "enum" in schema or "const" in schema:
            values = schema.get("enum") or [schema["const"]]
            return KindView(" | ".join(str(value) for value in values))
        return self._plain_kind(schema)

    def _plain_kind(self, schema: Json) -> KindView:
        if "properties" in schema and "title" in schema:
            return KindView(schema["title"])
        inner = schema.get("items") or schema.get("additionalProperties")
        if isinstance(inner, Mapping) and inner:
            of = self._kind(inner)
            word = "list of" if "items" in schema else "map of"
            return KindView(f"{word} {of.text}", of.shape)
        format_ = FORMATS.get(schema.get("format", ""))
        return KindView(format_ or WORDS.get(schema.get("type", ""), "anything"))

    def _example(self, schema: Json, depth: int = 0) -> Any:
        given = _given(schema)
        if given is not MISSING:
            return given
        inside = self._resolved(schema)
        if inside is not schema and depth < DEEPEST:
            return self._example(inside, depth + 1)
        if "properties" in schema and depth < DEEPEST:
            parts = schema["properties"]
            wanted = schema.get("required") or parts
            return {name: self._example(parts[name], depth + 1) for name in wanted}
        if schema.get("type") == "array":
            return [self._example(schema.get("items", {}), depth + 1)]
        return VALUES.get(schema.get("type", ""), FORMATTED.get(schema.get("format", ""), "text"))

    def _curl(self, path: str, method: str, operation: Json) -> str:
        asked = []
        for one in operation.get("parameters", ()):
            value = one.get("example", self._example(one.get("schema", {})))
            if one["in"] == "path":
                value = one["name"] if value == "text" else value
                path = path.replace(f"{{{one['name']}}}", quote(str(value)))
            elif one["in"] == "query" and (one.get("required") or "example" in one):
                asked.append((one["name"], str(value)))
        query = f"?{urlencode(asked)}" if asked else ""
        verb = "" if method == "get" else f" -X {method.upper()}"
        lines = [f"curl -s{verb} {_quoted(f'{self._url}{path}{query}')}"]
        if operation.get("security"):
            lines.append('-H "Authorization: Bearer $TOKEN"')
        media, schema = _content(operation.get("requestBody", {}))
        if media == "application/json":
            body = json.dumps(self._example(schema), ensure_ascii=False)
            lines += ["-H 'Content-Type: application/json'", f"-d {_quoted(body)}"]
        elif media:
            given = self._example(schema)
            lines += [f"--data-urlencode {_quoted(f'{k}={v}')}" for k, v in given.items()]
        return " \\\n  ".join(lines)


_CHOICES = ("anyOf", "oneOf", "allOf")


def _content(given: Json) -> tuple[str, Json]:
    for media, content in given.get("content", {}).items():
        return media, content.get("schema", {})
    return "", {}


def _given(schema: Json) -> Any:
    """Return the example that a schema brings along, or the one value that fits."""
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    return next((schema[key] for key in ("example", "const", "default") if key in schema), MISSING)


def _name(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _spoken(name: str) -> str:
    """Return a shape's name; of two that share one, with the room it is from."""
    room, _, own = name.partition("__")
    return f"{own.rpartition('__')[2]} ({room})" if own else name


def _plain(schema: Json) -> str:
    return " ".join(str(schema.get("description", "")).replace("`", "").split())


def _limits(schema: Json) -> str:
    parts = [schema, *schema.get("anyOf", ())]
    found = [say.format(part[key]) for part in parts for key, say in LIMITS.items() if key in part]
    if schema.get("default") not in (None, "", [], {}):
        found.append(f"default {schema['default']}")
    return f"({'; '.join(found)})" if found else ""


def _first(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].replace("`", "").split())


def _rest(text: str) -> str:
    return " ".join(text.partition("\n\n")[2].replace("`", "").split())


def _quoted(text: str) -> str:
    """Return `text` as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
