"""Tokens over REST; what one is made of is shown once."""

from fastapi import APIRouter

from access import queries
from access.api.paging import ByName, listed
from access.commands import make_token, revoke_token
from access.schemas import Name, TokenIn, TokenList, TokenOut
from access.scope import Right
from access.web import Caller
from kit.web import AppClock, Db

router = APIRouter(prefix="/api/v1", tags=["access"])


@router.get("/tokens")
async def list_tokens(caller: Caller, db: Db, page: ByName) -> TokenList:
    """Return the tokens by name; what they are made of is not kept."""
    caller.need(Right.ADMIN)
    async with db.snapshot() as session:
        rows = await queries.tokens(session, caller.scope, after=page.after, limit=page.limit + 1)
    return TokenList(**listed(rows, page, TokenOut.of, lambda row: row.name))


@router.post("/tokens", status_code=201)
async def post_token(wanted: TokenIn, caller: Caller, db: Db, clock: AppClock) -> TokenOut:
    """Make a token; `token` in the answer is shown this once.

    There is no Idempotency-Key here: to answer again, we would have to keep the token itself.
    """
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        raw = await make_token(
            tx,
            name=wanted.name,
            client=wanted.client,
            rights=wanted.rights,
            expires_at=wanted.expires_at,
            by=caller,
            now=clock(),
        )
        row = await queries.token(tx, caller.scope, wanted.name)
    return TokenOut.of(row, raw=raw)


@router.delete("/tokens/{name}", status_code=204)
async def delete_token(name: Name, caller: Caller, db: Db, clock: AppClock) -> None:
    """Revoke a token; it is refused from now on."""
    caller.need(Right.ADMIN)
    async with db.transaction() as tx:
        await revoke_token(tx, name, by=caller, now=clock())
