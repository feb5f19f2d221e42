"""The page /more: what the bar of a phone has no room for."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from access.scope import Right
from app.pages.frame import Framed

router = APIRouter(tags=["pages"], include_in_schema=False)


@dataclass(frozen=True)
class MoreView:
    """The page /more shows what the shell's menu has, with a line about each."""


@router.get("/more")
async def show_more(frame: Framed) -> Response:
    """Show everything that the bar of a phone has no room for."""
    frame.caller.need(Right.READ)
    return frame.show("more.html", MoreView(), here="more")
