"""The forms of every kind that is configured: the same few routes, each with its own page."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from access.schemas import Name
from access.scope import Right, Scope
from app.configuration import Key, Kind
from app.pages.admin import keeping
from app.pages.admin.keeping import Draft, drafted
from app.pages.frame import Frame, Framed
from app.pages.nested import Tree, grown, pressed, rearranged
from app.pages.sent import Sent

DONE = Query(pattern="^(made|saved)?$")
Show = Callable[..., Awaitable[Response]]
"""Asked with (frame, key, draft, done=…): no key, a new thing; no draft, as it stands, and with
`standing` the draft has only what could not be done with it."""


@dataclass(frozen=True)
class Desk:
    """How one kind is edited: what fields mean, what a thing looks like as fields, its page."""

    kind: Kind
    said: Callable[[Tree], dict[str, Any]]
    fields: Callable[[Mapping[str, Any]], dict[str, str]]
    show: Show
    begin: Mapping[str, str] = field(default_factory=dict)
    blank: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    preview: Callable[[Frame, Tree], Awaitable[str]] | None = None

    @property
    def base(self) -> str:
        """Where the list is."""
        return f"/admin/{self.kind.section}"

    def place(self, key: Key) -> str:
        """Return where a thing is."""
        return "/".join((self.base, *key))

    def form(self, row: Any, draft: Draft | None, scope: Scope, *, standing: bool) -> Draft:
        """Return the form of a thing: what was sent, else the thing as somebody may see it.

        `standing`: the draft only says what could not be done with the thing.
        """
        if row is None or (draft is not None and not standing):
            return draft or Draft()
        seen = self.kind.seen(self.kind.written(row), scope)
        found = Draft({**self.fields(seen), "version": str(row.version)})
        if draft is not None:
            found.errors, found.moves, found.status = draft.errors, draft.moves, draft.status
        return found


@dataclass(frozen=True)
class Editing:
    """What the template of a form is told, whatever the kind."""

    form: Draft
    section: str
    base: str
    action: str
    new: bool = False
    origin: str | None = None
    done: str = ""
    previewed: bool = False


def editing(
    desk: Desk, key: Key | None, draft: Draft, *, origin: str | None = None, done: str = ""
) -> Editing:
    """Return what the form of a thing needs; without a key the one for a new thing."""
    return Editing(
        form=draft,
        section=desk.kind.section,
        base=desk.base,
        action=desk.place(key) if key else f"{desk.base}/new",
        new=key is None,
        origin=origin,
        done=done,
        previewed=desk.preview is not None,
    )


def add_routes(router: APIRouter, desk: Desk) -> None:
    """Add the pages and forms of one kind: a new one, one that stands, and its end."""
    _making(router, desk)
    if desk.preview is not None:
        _previewing(router, desk.preview)
    _changing(router, desk)


def _making(router: APIRouter, desk: Desk) -> None:
    @router.get("/new", name=f"new_{desk.kind.one}")
    async def show_new(
        frame: Framed, client: Annotated[str, Query(max_length=63)] = ""
    ) -> Response:
        frame.caller.need(Right.ADMIN)
        return await desk.show(frame, None, Draft({**desk.begin, "client": client}))

    @router.post("/new", name=f"make_{desk.kind.one}")
    async def make(frame: Framed, sent: Sent) -> Response:
        frame.caller.need(Right.ADMIN)
        if pressed(sent):
            return await desk.show(frame, None, Draft(rearranged(sent, desk.blank)))
        draft = drafted(sent)
        key = await keeping.make(frame, desk.kind, desk.said(grown(sent)), draft)
        if key is None:
            return await desk.show(frame, None, draft)
        return RedirectResponse(f"{desk.place(key)}?done=made", 303)


def _previewing(router: APIRouter, preview: Callable[[Frame, Tree], Awaitable[str]]) -> None:
    @router.post("/preview")
    async def show_preview(frame: Framed, sent: Sent) -> Response:
        frame.caller.need(Right.ADMIN)
        return frame.fresh(await preview(frame, grown(sent)))


def _changing(router: APIRouter, desk: Desk) -> None:
    key = Depends(_key(desk.kind))

    @router.get(desk.kind.path, name=f"show_{desk.kind.one}")
    async def show(
        frame: Framed, named: Annotated[Key, key], done: Annotated[str, DONE] = ""
    ) -> Response:
        frame.caller.need(Right.ADMIN)
        return await desk.show(frame, named, None, done=done)

    @router.post(desk.kind.path, name=f"change_{desk.kind.one}")
    async def change(frame: Framed, named: Annotated[Key, key], sent: Sent) -> Response:
        frame.caller.need(Right.ADMIN)
        if pressed(sent):
            return await desk.show(frame, named, Draft(rearranged(sent, desk.blank)))
        draft = drafted(sent)
        said = desk.said(grown(sent)) | dict(zip(desk.kind.parts, named, strict=True))
        if not await keeping.change(frame, desk.kind, named, said, draft):
            return await desk.show(frame, named, draft)
        return RedirectResponse(f"{desk.place(named)}?done=saved", 303)

    @router.post(f"{desk.kind.path}/remove", name=f"remove_{desk.kind.one}")
    async def remove(frame: Framed, named: Annotated[Key, key], sent: Sent) -> Response:
        frame.caller.need(Right.ADMIN)
        draft = drafted(sent)
        if not await keeping.remove(frame, desk.kind, named, draft):
            return await desk.show(frame, named, draft, standing=True)
        gone = urlencode({"removed": "/".join(named)})
        return RedirectResponse(f"{desk.base}?{gone}", 303)


def _key(kind: Kind) -> Callable[..., Awaitable[Key]]:
    async def named(name: Name) -> Key:
        return (name,)

    async def of_client(client: Name, name: Name) -> Key:
        return (client, name)

    return named if len(kind.parts) == 1 else of_client


def words(value: object) -> list[str]:
    """Return the words of a field in which several of one name were sent."""
    return value.split() if isinstance(value, str) else []


def rows(value: object) -> list[dict[str, Any]]:
    """Return the rows of a list in a form."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def text(tree: Mapping[str, Any], name: str) -> str:
    """Return what a field holds, without spaces around it."""
    value = tree.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that were filled in."""
    return {name: value for name, value in fields.items() if value != ""}
