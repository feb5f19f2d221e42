"""HTML from templates: strict about what is missing, escaped always, in a language and a zone."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from kit import charts, wording
from kit.clock import milliseconds
from kit.i18n import t, told
from kit.settings import ROOT
from kit.slices import sliced


@cache
def own_pages() -> "Pages":
    """Return the pages that come with the program, compiled once in a process."""
    return Pages()


class Pages:
    """The templates, ready to render."""

    def __init__(self, root: Path = ROOT) -> None:
        self._static = root / "static"
        self._versions: dict[str, str] = {}
        self.environment = Environment(
            loader=FileSystemLoader(root / "templates"),
            autoescape=_escaped,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.environment.globals |= {
            "t": _spoken(t),
            "moment": _moment,
            "clock_time": _clock_time,
            "exact": _exact,
            "day": _day,
            "ago": _ago,
            "duration": _spoken(wording.duration),
            "availability": _spoken(wording.availability),
            "percent_of": "{:.2%}".format,
            "countdown": wording.countdown,
            "epoch": milliseconds,
            "chart": charts.line,
            "static": self.static,
            "icons": self.icons,
        }
        self.environment.filters["told"] = _told

    def render(self, name: str, locale: str, zone: str, *, now: datetime, **context: Any) -> str:
        """Return the template `name` filled in; `now` is what every "ago" is measured from."""
        template = self.environment.get_template(name)
        return template.render(locale=locale, zone=zone, now=now, **context)

    async def render_in_slices(
        self, name: str, locale: str, zone: str, *, now: datetime, **context: Any
    ) -> str:
        """Return the same as `render`, letting the event loop go in between: for long pages."""
        template = self.environment.get_template(name)
        pieces = template.generate(locale=locale, zone=zone, now=now, **context)
        return "".join([piece async for piece in sliced(pieces)])

    def warm(self) -> None:
        """Compile every template, for a thread: who comes first would otherwise wait for it."""
        for name in self.environment.list_templates():
            self.environment.get_template(name)

    def static(self, path: str) -> str:
        """Return the address of a file under `static/`; it changes when the file does."""
        if path not in self._versions:
            digest = hashlib.sha256((self._static / path).read_bytes()).hexdigest()
            self._versions[path] = digest[:12]
        return f"/static/{path}?v={self._versions[path]}"

    def icons(self) -> Markup:
        """Return the sprite of all icons, to stand once in a page."""
        return self._icons

    @cached_property
    def _icons(self) -> Markup:
        return Markup((self._static / "icons.svg").read_text("utf-8"))


def _escaped(name: str | None) -> bool:
    return not (name or "").endswith(".txt")


def _spoken(say: Callable[..., str]) -> Callable[..., str]:
    @pass_context
    def spoken(context: Context, what: Any, /, **facts: Any) -> str:
        return say(what, context["locale"], **facts)

    return spoken


@pass_context
def _told(context: Context, text: str) -> str:
    return told(text, context["locale"])


@pass_context
def _moment(context: Context, at: datetime, *, dated: bool = False) -> str:
    return wording.moment(at, context["locale"], context["zone"], now=context["now"], dated=dated)


@pass_context
def _clock_time(context: Context, at: datetime) -> str:
    return wording.moment(at, context["locale"], context["zone"], now=context["now"], seconds=False)


@pass_context
def _exact(context: Context, at: datetime) -> str:
    return wording.exact(at, context["zone"])


@pass_context
def _day(context: Context, at: datetime, *, weekday: bool = False) -> str:
    return wording.day(at, context["locale"], context["zone"], now=context["now"], weekday=weekday)


@pass_context
def _ago(context: Context, at: datetime) -> str:
    return wording.ago(at, context["locale"], now=context["now"])
