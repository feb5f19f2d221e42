"""The frame of every page: who looks, in which language and zone, and how a page is shown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import Depends, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from access.scope import Right
from access.web import Csrf, PageCaller, Reader
from app.pages.entries import menu
from app.pages.views import ShellView
from kit import live
from kit.clock import milliseconds
from kit.notices import Subscription
from kit.web import AppClock, Db, on_the_loop

AGAIN_AFTER = 15.0
"""An open stream says something after so many seconds, changed or not."""
ANEW_AFTER = 60.0
"""After so many seconds a page is shown again whatever happened: "3 min ago" grows old."""
STILL = 10.0
"""For so many seconds a page need not be shown again by its stream if nothing has happened."""
AT_MOST = 300.0
"""After so many seconds a stream ends; the page asks again, and who it is is looked at anew."""
BREATH, LONGEST_BREATH = 0.25, 5.0
"""A storm of changes is shown at most so often: the longer it takes, the less."""
REST = 4
"""A stream rests so many times as long as it took to show the page."""

Render = Callable[[], Awaitable[str]]
Version = Callable[[], object]
"""Tells cheaply whether what a page shows beside its topics has changed: compared with ==."""


def of_topics_alone() -> object:
    """Be the version of a page that shows nothing beside its topics."""
    return None


@dataclass(frozen=True)
class Frame:
    """What a page is made with."""

    request: Request
    caller: PageCaller
    reader: Reader
    csrf: Csrf
    db: Db
    clock: AppClock

    def render(self, template: str, view: Any, *, here: str = "", **more: Any) -> str:
        """Return the HTML of a template around `view`."""
        names = self.reader.locale, self.reader.zone
        html: str = self.request.app.state.pages.render(
            template, *names, **self._context(view, here), **more
        )
        return html

    async def render_in_slices(
        self, template: str, view: Any, *, here: str = "", **more: Any
    ) -> str:
        """Return the same, letting others have their turn in between: for long pages."""
        names = self.reader.locale, self.reader.zone
        html: str = await self.request.app.state.pages.render_in_slices(
            template, *names, **self._context(view, here), **more
        )
        return html

    async def render_for_all(self, template: str, view: Any) -> Markup:
        """Return the HTML of a part that has nothing of who looks: no name, no token, no menu."""
        names, pages = (self.reader.locale, self.reader.zone), self.request.app.state.pages
        return Markup(await pages.render_in_slices(template, *names, now=self.clock(), view=view))

    def since(self, version: Version = of_topics_alone) -> str:
        """Return as of when a page is that is read from now on: its stream is asked with it."""
        return f"{milliseconds(self.clock())}-{self._state(version())}"

    def _state(self, shown: object) -> str:
        """Return what is another as soon as anything is announced, or `shown` is another."""
        facts = self.request.app.state.notices.mark(live.CHANNEL), shown
        return blake2b(repr(facts).encode(), digest_size=12).hexdigest()

    def _stands(self, shown: object) -> bool:
        """Tell whether the page that asks was read a moment ago, and nothing has happened since."""
        at, _, state = self.request.query_params.get("since", "").partition("-")
        if not at.isascii() or not at.isdecimal() or len(at) > 15:
            return False
        age = milliseconds(self.clock()) - int(at)
        return 0 <= age <= STILL * 1000 and state == self._state(shown)

    def _context(self, view: Any, here: str) -> dict[str, Any]:
        asked = self.request.url
        muted = self.request.app.state.house.muted
        shell = ShellView(
            here=here,
            path=asked.path + (f"?{asked.query}" if asked.query else ""),
            csrf=self.csrf,
            person=self.caller.title,
            menu=menu(self.caller.rights),
            muted=muted.why if muted else "",
            may_lift=Right.ADMIN in self.caller.rights and self.caller.scope.clients is None,
        )
        return {"now": self.clock(), "view": view, "shell": shell}

    def show(self, template: str, view: Any, *, here: str = "", **more: Any) -> HTMLResponse:
        """Answer with a whole page; it is about now, so nobody keeps it."""
        return self.fresh(self.render(template, view, here=here, **more))

    def fresh(self, html: str) -> HTMLResponse:
        """Answer with HTML that nobody keeps."""
        return HTMLResponse(html, headers={"Cache-Control": "no-store"})

    async def answered(self, path: str, fragment: Render) -> Response:
        """Answer a form: htmx gets the changed part, a browser without scripts the page again."""
        if "hx-request" in self.request.headers:
            return HTMLResponse(await fragment(), headers={"Cache-Control": "no-store"})
        return RedirectResponse(path, 303)

    def stream(
        self, topics: Collection[str], fragment: Render, *, version: Version | None = None
    ) -> StreamingResponse:
        """Answer with a stream that shows the part at once, and again whenever a topic changes.

        Every `AGAIN_AFTER` it does so too; with a `version` only if that is another one. It does
        not at once if the address has the page's `since`, and nothing has happened since then.
        """
        return StreamingResponse(
            self._events(topics, fragment, version),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(
        self, topics: Collection[str], fragment: Render, version: Version | None
    ) -> AsyncIterator[bytes]:
        state, clock = self.request.app.state, asyncio.get_running_loop().time
        async with state.notices.subscribe(live.CHANNEL) as heard:
            until, first = clock() + AT_MOST, True
            while not state.closing.is_set() and clock() < until:
                heard.clear()
                began, shown = clock(), version() if version else None
                if first and self._stands(shown):
                    yield _tick(milliseconds(self.clock()))
                else:
                    yield _event(await fragment())
                first = False
                await asyncio.sleep(min(max(BREATH, REST * (clock() - began)), LONGEST_BREATH))
                while not await _one_of(topics, heard):
                    old = clock() >= min(began + ANEW_AFTER, until)
                    if old or version is None or version() != shown:
                        break
                    yield _tick(milliseconds(self.clock()))


async def _one_of(topics: Collection[str], heard: Subscription) -> bool:
    """Wait until one of the topics has changed, or a while; an empty word means: look yourself."""
    clock = asyncio.get_running_loop().time
    until = clock() + AGAIN_AFTER
    topic: str | None = "another"
    while topic and topic not in topics:
        topic = await heard.get(max(0.0, until - clock()))
    return topic is not None


def _tick(now_ms: int) -> bytes:
    """Say that nothing has changed: the page knows by it that it is live."""
    return f"event: tick\ndata: {now_ms}\n\n".encode()


def _event(html: str) -> bytes:
    lines = "\n".join(f"data: {line}" for line in html.splitlines())
    return f"{lines}\n\n".encode()


Framed = Annotated[Frame, Depends(on_the_loop(Frame))]
