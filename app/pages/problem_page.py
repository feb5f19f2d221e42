"""Refusals as pages, and the page behind each problem's `type`."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import PlainTextResponse, Response

from access.web import Reader
from app.pages.views import ProblemView, ShellView
from kit.clock import Clock
from kit.errors import NotFound
from kit.i18n import Locale
from kit.pages import Pages
from kit.settings import ROOT

router = APIRouter(tags=["problems"], include_in_schema=False)

DOCUMENTS = ROOT / "docs" / "problems"


def rendered(
    pages: Pages,
    request: Request,
    body: dict[str, Any],
    locale: Locale,
    clock: Clock,
    *,
    part: bool = False,
) -> str:
    """Return a problem as a page in `locale`."""
    status = int(body["status"])
    view = ProblemView(
        status=status,
        slug=str(body["type"]).rpartition("/")[2],
        title=str(body["title"]),
        detail=str(body["detail"]),
        retry="/signin" if status == 401 else None,
    )
    return pages.render(
        "_problem.html" if part else "problem.html",
        locale.value,
        "Asia/Shanghai",
        now=clock(),
        view=view,
        shell=ShellView(here="", path=request.url.path, csrf="", person=None),
    )


@router.get("/problems/{slug}")
async def explain(slug: Annotated[str, Path(max_length=100)], reader: Reader) -> Response:
    """Return what a kind of problem means and what to do about it."""
    path = DOCUMENTS / f"{slug}.md"
    if not slug.replace("-", "").isalnum() or not path.is_file():
        raise NotFound("no problem is called {slug!r}", slug=slug)
    return PlainTextResponse(path.read_text("utf-8"), media_type="text/markdown; charset=utf-8")
