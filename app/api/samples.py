"""What is done with samples besides writing and asking: taken away, for good."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from access.schemas import Name
from access.scope import Right
from access.web import Caller
from kit.errors import NotFound
from kit.web import AppClock

router = APIRouter(prefix="/api/v1/clients/{client}/samples", tags=["samples"])


class DeletedOut(BaseModel):
    """How many series were taken away."""

    series: int


@router.delete("")
async def delete_samples(
    client: Annotated[Name, Path(description="whose samples")],
    caller: Caller,
    request: Request,
    clock: AppClock,
) -> DeletedOut:
    """Take away every sample of a client that came until now, for good; on record."""
    caller.need(Right.ADMIN)
    if not caller.scope.allows(client):
        raise NotFound("no client is called {client!r}", client=client)
    store = request.app.state.store
    return DeletedOut(series=await store.delete(client, by=caller.name, now=clock()))
