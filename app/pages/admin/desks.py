"""The forms of every kind that is configured: the same few routes, each with its own page."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from access.schemas import Name
from access.scope import Right
from app.configuration import Key, Kind
from app.pages.admin import keeping
from app.pages.admin.keeping import Draft, drafted
from app.pages.frame import Frame, Framed
from app.pages.nested import Tree, grown, pressed, rearranged
from app.pages.sent import Sent

DONE = Query(pattern="^(made|saved)?$")
Removed = Annotated[str, Query(max_length=200)]
"""What a list says was removed from it a moment ago."""


@dataclass(frozen=True)
class Asked:
    """Which thing of a kind somebody wants to see: no key, a new one; no draft, as it stands.

    `standing`: the draft has only what could not be done with it; `done`: what was done.
    """

    frame: Frame
    key: Key | None = None
    draft: Draft | None = None
    done: str = ""
    standing: bool = False

    def answer(self, template: str, view: "Formed", **more: Any) -> Response:
        """Answer with the page of the thing; its number is that of its form."""
        page = self.frame.show(template, view, here="admin", **more)
        page.status_code = view.edit.form.status
        return page


Show = Callable[[Asked], Awaitable[Response]]


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

    def edit(self, asked: Asked, row: Any) -> "Editing":
        """Return what the template of a form is told; `row` is None for a new thing."""
        return Editing(
            form=self._form(asked, row),
            section=self.kind.section,
            base=self.base,
            action=self.place(asked.key) if asked.key else f"{self.base}/new",
            new=asked.key is None,
            origin=None if row is None else row.origin,
            done=asked.done,
            previewed=self.preview is not None,
        )

    def _form(self, asked: Asked, row: Any) -> Draft:
        """Return what was sent, else the thing as somebody may see it."""
        draft = asked.draft
        if row is None or (draft is not None and not asked.standing):
            return draft or Draft()
        seen = self.kind.seen(self.kind.written(row), asked.frame.caller.scope)
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


class Formed(Protocol):
    """The view of a page with a form on it."""

    @property
    def edit(self) -> Editing:
        """What the form is told."""
        ...


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
        return await desk.show(Asked(frame, draft=Draft({**desk.begin, "client": client})))

    @router.post("/new", name=f"make_{desk.kind.one}")
    async def make(frame: Framed, sent: Sent) -> Response:
        frame.caller.need(Right.ADMIN)
        if pressed(sent):
            return await desk.show(Asked(frame, draft=Draft(rearranged(sent, desk.blank))))
        draft = drafted(sent)
        key = await keeping.make(frame, desk.kind, desk.said(grown(sent)), draft)
        if key is None:
            return await desk.show(Asked(frame, draft=draft))
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
        return await desk.show(Asked(frame, named, done=done))

    @router.post(desk.kind.path, name=f"change_{desk.kind.one}")
    async def change(frame: Framed, named: Annotated[Key, key], sent: Sent) -> Response:
        frame.caller.need(Right.ADMIN)
        if pressed(sent):
            return await desk.show(Asked(frame, named, Draft(rearranged(sent, desk.blank))))
        draft = drafted(sent)
        said = desk.said(grown(sent)) | dict(zip(desk.kind.parts, named, strict=True))
        if not await keeping.change(frame, desk.kind, named, said, draft):
            return await desk.show(Asked(frame, named, draft))
        return RedirectResponse(f"{desk.place(named)}?done=saved", 303)

    @router.post(f"{desk.kind.path}/remove", name=f"remove_{desk.kind.one}")
    async def remove(frame: Framed, named: Annotated[Key, key], sent: Sent) -> Response:
        frame.caller.need(Right.ADMIN)
        draft = drafted(sent)
        if not await keeping.remove(frame, desk.kind, named, draft):
            return await desk.show(Asked(frame, named, draft, standing=True))
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
