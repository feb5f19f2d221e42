"""Refusals as pages, and the page behind each problem's `type`."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import PlainTextResponse, Response

from access.queries import SignedIn
from access.web import ZONE, Reader, csrf_token
from app.pages.entries import menu
from app.pages.views import ProblemView, ShellView
from kit.errors import NotFound
from kit.i18n import Locale
from kit.settings import ROOT

router = APIRouter(tags=["problems"], include_in_schema=False)

DOCUMENTS = ROOT / "docs" / "problems"
AGAIN = (429, 500, 503)
"""Numbers after which the same address may well answer."""


def rendered(
    request: Request,
    body: dict[str, Any],
    locale: Locale,
    browser: SignedIn | None,
    *,
    part: bool = False,
) -> str:
    """Return a problem as a page in `locale`; who is signed in keeps the menu."""
    state, status = request.app.state, int(body["status"])
    here = _address(request)
    again = here if request.method == "GET" and status in AGAIN else None
    html: str = state.pages.render(
        "_problem.html" if part else "problem.html",
        locale.value,
        browser.timezone if browser else ZONE,
        now=state.clock(),
        view=_seen(body, retry="/signin" if status == HTTPStatus.UNAUTHORIZED else again),
        shell=ShellView(
            here="",
            path=here if request.method == "GET" else "/",
            csrf=csrf_token(state.signer, browser.digest, clock=state.clock) if browser else "",
            person=browser.identity.title if browser else None,
            menu=menu(browser.identity.rights) if browser else (),
        ),
    )
    return html


def _seen(body: dict[str, Any], *, retry: str | None) -> ProblemView:
    """Return what is told; what HTTP alone has a name for is told by its number."""
    bare = body["type"] == "about:blank"
    return ProblemView(
        status=int(body["status"]),
        slug="" if bare else str(body["type"]).rpartition("/")[2],
        title="" if bare else str(body["title"]),
        detail="" if bare else str(body["detail"]),
        retry=retry,
    )


def _address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


@router.get("/problems/{slug}")
async def explain(slug: Annotated[str, Path(max_length=100)], reader: Reader) -> Response:
    """Return what a kind of problem means and what to do about it."""
    path = DOCUMENTS / f"{slug}.md"
    if not slug.replace("-", "").isalnum() or not path.is_file():
        raise NotFound("no problem is called {slug!r}", slug=slug)
    return PlainTextResponse(path.read_text("utf-8"), media_type="text/markdown; charset=utf-8")
