"""The form that lifts the muting of an installation, from the banner of every page."""

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from access.scope import Right
from app import muting
from app.pages.frame import Framed

router = APIRouter(prefix="/admin/muting", tags=["pages"], include_in_schema=False)


@router.post("/lift")
async def lift(frame: Framed) -> Response:
    """Tell people again."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.transaction() as tx:
        await muting.unmute(tx, by=frame.caller, now=frame.clock())
    await frame.request.app.state.house.reload()  # else the banner would still be there
    return RedirectResponse("/", 303)
