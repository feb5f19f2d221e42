"""Everything that YAML configures, over REST: for each kind the same few routes.

A change takes the version it was decided on, in the body or (to remove) in the query.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries
from access.api.paging import ByName, listed
from access.commands import Hand, once
from access.schemas import Name
from access.scope import Right, Scope
from access.web import Caller
from app import configuration
from app.api.contacts import AppSealer
from app.api.shapes import Shapes
from app.configuration import KINDS, Key, Kind, Part
from kit.errors import Invalid
from kit.plain import BIGGEST
from kit.web import AppClock, Db, IdempotencyKey

VERSION = Query(ge=0, le=BIGGEST, description="the version it was decided on; without: any")


def add_routes(router: APIRouter, kind: Kind) -> None:
    """Add the routes by which one kind is read, made, changed and removed."""
    shapes = Shapes.of(kind)
    _reading(router, kind, shapes)
    _making(router, kind, shapes)
    _changing(router, kind, shapes)
    _removing(router, kind)


def _reading(router: APIRouter, kind: Kind, shapes: Shapes) -> None:
    part, key = Depends(_part(kind)), Depends(_key(kind))

    @router.get(
        f"/{kind.section}",
        name=f"list_{kind.section}",
        description=f"Return the {kind.section} that the caller reaches, by name.",
        response_model=shapes.listed,
    )
    async def read_all(
        caller: Caller, db: Db, page: ByName, wanted: Annotated[Part, part]
    ) -> dict[str, Any]:
        caller.need(Right.READ)
        async with db.snapshot() as session:
            await _refuse_stranger(session, caller.scope, wanted.client)
            rows = await kind.rows(session, caller.scope, wanted)
        return listed(
            rows,
            page,
            lambda row: shapes.show(kind, row, caller.scope),
            lambda row: "/".join(kind.key(row)),
        )

    @router.get(
        f"/{kind.section}{kind.path}",
        name=f"get_{kind.one}",
        description=f"Return {kind.a}.",
        response_model=shapes.shown,
    )
    async def read(caller: Caller, db: Db, named: Annotated[Key, key]) -> BaseModel:
        caller.need(Right.READ)
        async with db.snapshot() as session:
            return shapes.show(kind, await kind.row(session, caller.scope, *named), caller.scope)


def _making(router: APIRouter, kind: Kind, shapes: Shapes) -> None:
    @router.post(
        f"/{kind.section}",
        name=f"post_{kind.one}",
        description=f"Make {kind.a}; it holds within a second.",
        status_code=201,
        response_model=shapes.shown,
    )
    async def post(
        caller: Caller,
        db: Db,
        clock: AppClock,
        sealer: AppSealer,
        given: Annotated[Any, _body(shapes.given)],
        idempotency_key: IdempotencyKey = None,
    ) -> dict[str, Any]:
        caller.need(Right.ADMIN)
        now = clock()
        async with db.transaction() as tx:

            async def work() -> dict[str, Any]:
                row = await configuration.make(tx, kind, given, Hand(caller, now, seal=sealer.seal))
                return shapes.show(kind, row, caller.scope).model_dump(mode="json", by_alias=True)

            request = {kind.section: given.model_dump(mode="json", by_alias=True)}
            return await once(
                tx, idempotency_key, who=caller.name, request=request, now=now, work=work
            )


def _changing(router: APIRouter, kind: Kind, shapes: Shapes) -> None:
    key = Depends(_key(kind))

    @router.put(
        f"/{kind.section}{kind.path}",
        name=f"put_{kind.one}",
        description=f"Replace {kind.a} as a whole; what is left out has its default.",
        response_model=shapes.shown,
    )
    async def put(
        caller: Caller,
        db: Db,
        clock: AppClock,
        sealer: AppSealer,
        named: Annotated[Key, key],
        given: Annotated[Any, _body(shapes.whole)],
    ) -> BaseModel:
        caller.need(Right.ADMIN)
        for part, name in zip(kind.parts, named, strict=True):
            if getattr(given, part) != name:
                raise Invalid("the path says {name}; a name does not change", field=part, name=name)
        async with db.transaction() as tx:
            hand = Hand(caller, clock(), given.version, sealer.seal)
            row = await configuration.change(tx, kind, given, hand)
            return shapes.show(kind, row, caller.scope)

    @router.patch(
        f"/{kind.section}{kind.path}",
        name=f"patch_{kind.one}",
        description=f"Change what is named of {kind.a}; a field is replaced as a whole.",
        response_model=shapes.shown,
    )
    async def patch(
        caller: Caller,
        db: Db,
        clock: AppClock,
        sealer: AppSealer,
        named: Annotated[Key, key],
        given: Annotated[Any, _body(shapes.patch)],
    ) -> BaseModel:
        caller.need(Right.ADMIN)
        changes = _named(given)
        async with db.transaction() as tx:
            hand = Hand(caller, clock(), given.version, sealer.seal)
            wanted = await configuration.patched(tx, kind, named, changes, hand)
            row = await configuration.change(tx, kind, wanted, hand)
            return shapes.show(kind, row, caller.scope)


def _removing(router: APIRouter, kind: Kind) -> None:
    key = Depends(_key(kind))

    @router.delete(
        f"/{kind.section}{kind.path}",
        name=f"delete_{kind.one}",
        description=f"Remove {kind.a} that nothing else names.",
        status_code=204,
    )
    async def delete(
        caller: Caller,
        db: Db,
        clock: AppClock,
        named: Annotated[Key, key],
        version: Annotated[int | None, VERSION] = None,
    ) -> None:
        caller.need(Right.ADMIN)
        async with db.transaction() as tx:
            await configuration.remove(tx, kind, named, Hand(caller, clock(), version))


def _named(given: BaseModel) -> dict[str, Any]:
    """Return what a change names, its secret in plain words."""
    changes = given.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"version"})
    for name, value in given:
        if isinstance(value, SecretStr) and name in changes:
            changes[name] = value.get_secret_value()
    return changes


def _body(shape: type[BaseModel]) -> Any:
    """Return what reads a request's body as `shape`."""

    async def read(given: BaseModel) -> BaseModel:
        return given

    read.__annotations__["given"] = shape  # FastAPI reads it from here, and so does OpenAPI
    return Depends(read)


def _key(kind: Kind) -> Callable[..., Awaitable[Key]]:
    async def named(name: Name) -> Key:
        return (name,)

    async def of_client(client: Name, name: Name) -> Key:
        return (client, name)

    return named if len(kind.parts) == 1 else of_client


def _part(kind: Kind) -> Callable[..., Awaitable[Part]]:
    async def named(page: ByName) -> Part:
        return Part((page.after,), page.limit + 1)

    async def of_client(page: ByName, client: Name | None = None) -> Part:
        of, _, name = page.after.partition("/")
        return Part((of, name), page.limit + 1, client)

    return named if len(kind.parts) == 1 else of_client


async def _refuse_stranger(session: AsyncSession, scope: Scope, client: str | None) -> None:
    """Refuse a list of a client's that does not exist for the caller."""
    if client is not None:
        await queries.client(session, scope, client)


router = APIRouter(prefix="/api/v1", tags=["configuration"])
for _kind in KINDS.values():
    add_routes(router, _kind)
