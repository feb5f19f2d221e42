"""What the product says: one keyed catalogue for pages, mail and messages, in two languages."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from string import Formatter
from typing import NamedTuple

from kit.errors import Said
from kit.settings import ROOT

PLACE = re.compile(r"\{(\w+)(!r|:word)?\}")
"""Where a translation of what was said has a fact; `:word` has the fact translated, too."""


class Locale(StrEnum):
    """A language we speak."""

    ZH = "zh-CN"
    EN = "en"

    @property
    def babel(self) -> str:
        """The name by which Babel knows it; also the name of its catalogue."""
        return {Locale.ZH: "zh_CN", Locale.EN: "en"}[self]


def t(key: str, locale: str, /, **facts: object) -> str:
    """Return the text of `key`; "one|many" is chosen by the fact `n`. An unknown key raises."""
    text = _texts(locale)[key]
    if "n" in facts and "|" in text:
        one, _, many = text.partition("|")
        text = one if facts["n"] == 1 else many
    return text.format_map(facts) if facts else text


@cache
def _texts(locale: str) -> Mapping[str, str]:
    """Every word of a page asks: to look the language up would take longer than the word."""
    return catalogue(Locale(locale))


class Sayings(NamedTuple):
    """What a language other than English says instead."""

    titles: Mapping[str, str]  # by the slug of a refusal
    said: Mapping[str, str]  # by the English pattern, or pydantic's name of a mistake
    words: Mapping[str, str]  # what `{fact:word}` in a translation stands for


def told(text: str, locale: str) -> str:
    """Return what was said, in `locale`; what has no translation stays English."""
    said = text if isinstance(text, Said) else Said(text)
    ours = sayings(Locale(locale))
    pattern = ours.said.get(said.pattern)
    if pattern is None:
        return str(text)

    def fact(place: re.Match[str]) -> str:
        name, form = place.groups()
        value = said.facts[name]
        if form == "!r":
            return f"“{value}”"
        found = told(value, locale) if isinstance(value, Said) else str(value)
        return ours.words.get(found, found) if form else found

    return PLACE.sub(fact, pattern)


def title(slug: str, english: str, locale: str) -> str:
    """Return the title of a kind of refusal in `locale`."""
    return sayings(Locale(locale)).titles.get(slug, english)


@cache
def sayings(locale: Locale) -> Sayings:
    """Return what `locale` says instead of English."""
    path = ROOT / "locales" / "said" / f"{locale.babel}.toml"
    if locale is Locale.EN:
        return Sayings({}, {}, {})
    read = tomllib.loads(path.read_text("utf-8"))
    return Sayings(read["titles"], read["said"] | read["unfit"], read["words"])


@cache
def catalogue(locale: Locale) -> Mapping[str, str]:
    """Return every text of `locale` by its dotted key; no two files may have the same."""
    texts: dict[str, str] = {}
    for path in sorted((ROOT / "locales" / locale.babel).glob("*.toml")):
        for key, text in _flat(tomllib.loads(path.read_text("utf-8"))):
            if key in texts:
                raise ValueError(f"{path}: {key} stands in another file, too")
            texts[key] = text
    return texts


def placeholders(text: str) -> set[str]:
    """Return the names that `text` wants filled in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def negotiate(accept_language: str | None, preferred: str | None = None) -> Locale:
    """Return the language to answer in: the person's own, else the best of Accept-Language."""
    if preferred in set(Locale):
        return Locale(preferred)
    if not accept_language:
        return Locale.ZH
    for tag in sorted(_wanted(accept_language), key=lambda pair: -pair[0]):
        for locale in Locale:
            if tag[1].lower().split("-")[0] == locale.value.split("-")[0]:
                return locale
    return Locale.EN


def _wanted(header: str) -> Iterator[tuple[float, str]]:
    for part in header.split(","):
        tag, _, weight = part.strip().partition(";")
        found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight)
        quality = float(found[1]) if found else 1.0
        if tag and quality > 0:
            yield quality, tag.strip()


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
