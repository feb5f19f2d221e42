"""Tokens: what they allow, how they are made and revoked, how long they are remembered."""

import asyncio
import base64
from itertools import product

import pytest
from sqlalchemy import text, update

from access.authorizer import Authorizer
from access.commands import make_token, revoke_token
from access.commands.tokens import NameTaken
from access.scope import RIGHTS, SYSTEM, Identity, Right, RightMissing, Role, Scope
from access.tables import Token
from kit.db import Database
from kit.errors import NotFound, Overloaded, Unauthorized
from kit.notices import Notices
from tests.support.access import Doors
from tests.support.clock import FakeClock
from tests.support.trouble import Line


@pytest.fixture
async def doors(db: Database, clock: FakeClock) -> Doors:
    doors = Doors(db, clock)
    await doors.knows("acme", "bolt")
    return doors


def asked(**headers: str) -> dict[str, object]:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": pairs}


@pytest.mark.parametrize(("role", "right"), list(product(Role, Right)))
def test_every_role_has_the_rights_of_the_table_and_no_other(role: Role, right: Right) -> None:
    who = Identity("li", "Li", role, rights=RIGHTS[role])
    if right in RIGHTS[role]:
        who.need(right)
    else:
        with pytest.raises(RightMissing):
            who.need(right)


@pytest.mark.parametrize(("held", "needed"), list(product(Right, Right)))
async def test_a_token_opens_what_it_is_for_and_admin_opens_all(
    doors: Doors, held: Right, needed: Right
) -> None:
    raw = await doors.gives("t", [held])
    if needed is held or held is Right.ADMIN:
        assert (await doors.authorizer.admit(raw, needed)).name == "token:t"
    else:
        with pytest.raises(RightMissing):
            await doors.authorizer.admit(raw, needed)


async def test_a_token_is_43_characters_and_only_its_digest_is_kept(doors: Doors) -> None:
    raw = await doors.gives("agent", [Right.INGEST], "acme")
    async with doors.db.snapshot() as session:
        row = await session.get(Token, "agent")
    assert (raw[:3], len(raw)) == ("ly_", 43)
    assert row is not None
    assert raw not in str(vars(row))


async def test_it_is_taken_as_bearer_and_as_the_password_of_basic(doors: Doors) -> None:
    raw = await doors.gives("agent", [Right.INGEST], "acme")
    basic = base64.b64encode(f"whoever:{raw}".encode()).decode()
    for header in (f"Bearer {raw}", f"bearer  {raw}", f"Basic {basic}", f"Token {raw}"):
        identity = await doors.authorizer(asked(authorization=header), Right.INGEST)
        assert identity.scope == Scope(frozenset({"acme"}))


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer nobody",
        "Basic !!!",
        "Basic /////w==",
        "Digest x",
        "",
        "Basic bm9jb2xvbg==",
    ],
)
async def test_whatever_is_no_token_is_refused(doors: Doors, header: str) -> None:
    with pytest.raises(Unauthorized):
        await doors.authorizer(asked(authorization=header), Right.INGEST)


async def test_without_a_header_nobody_is_asking(doors: Doors) -> None:
    with pytest.raises(Unauthorized, match="send a token"):
        await doors.authorizer(asked(), Right.READ)


async def test_a_hot_port_asks_the_database_once_in_thirty_seconds(doors: Doors) -> None:
    raw = await doors.gives("agent", [Right.INGEST])
    await doors.authorizer.admit(raw, Right.INGEST)
    await quietly_revoke(doors, "agent")

    doors.clock.advance(seconds=29)
    await doors.authorizer.admit(raw, Right.INGEST)
    doors.clock.advance(seconds=1)
    with pytest.raises(Unauthorized):
        await doors.authorizer.admit(raw, Right.INGEST)


async def quietly_revoke(doors: Doors, name: str) -> None:
    async with doors.db.transaction() as tx:
        revoked = update(Token).where(Token.name == name).values(revoked_at=doors.clock())
        await tx.execute(revoked)


async def test_an_expired_token_is_not_remembered_beyond_its_end(doors: Doors) -> None:
    raw = await doors.gives("agent", [Right.INGEST])
    async with doors.db.transaction() as tx:
        ends = doors.clock.now.replace(second=10)
        await tx.execute(update(Token).values(expires_at=ends))
    await doors.authorizer.admit(raw, Right.INGEST)
    doors.clock.advance(seconds=11)
    with pytest.raises(Unauthorized):
        await doors.authorizer.admit(raw, Right.INGEST)


async def test_a_revocation_elsewhere_is_heard_at_once(doors: Doors) -> None:
    raw = await doors.gives("agent", [Right.INGEST])
    notices = Notices(doors.db)
    await notices.start()
    watching = asyncio.create_task(doors.authorizer.watch(notices))
    try:
        await doors.authorizer.admit(raw, Right.INGEST)
        async with doors.db.transaction() as tx:
            await revoke_token(tx, "agent", by=SYSTEM, now=doors.clock())
        async with asyncio.timeout(5):
            while True:
                try:
                    await doors.authorizer.admit(raw, Right.INGEST)
                except Unauthorized:
                    break
                await asyncio.sleep(0.01)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await notices.close()


async def test_what_is_remembered_is_bounded(doors: Doors) -> None:
    authorizer = Authorizer(doors.db, doors.clock, most=3)
    for guess in range(5):
        with pytest.raises(Unauthorized):
            await authorizer.admit(f"guess {guess}", Right.READ)
    assert len(authorizer._refused) == 3


async def test_a_revoked_name_may_be_used_again_a_living_one_not(doors: Doors) -> None:
    first = await doors.gives("agent", [Right.INGEST])
    with pytest.raises(NameTaken):
        await doors.gives("agent", [Right.INGEST])
    async with doors.db.transaction() as tx:
        await revoke_token(tx, "agent", by=SYSTEM, now=doors.clock())
    second = await doors.gives("agent", [Right.READ])
    doors.authorizer.clear()
    with pytest.raises(Unauthorized):
        await doors.authorizer.identity(first)
    assert (await doors.authorizer.identity(second)).rights == {Right.READ}


async def test_of_twelve_who_make_the_same_token_one_gets_it(doors: Doors) -> None:
    made = await asyncio.gather(
        *(doors.gives("agent", [Right.INGEST]) for _ in range(12)), return_exceptions=True
    )
    assert sum(isinstance(one, str) for one in made) == 1
    assert sum(isinstance(one, NameTaken) for one in made) == 11


async def test_nobody_makes_a_token_that_reaches_further_than_they_do(doors: Doors) -> None:
    admin = Identity("wu", "Wu", Role.ADMIN, Scope(frozenset({"acme"})), frozenset({Right.ADMIN}))

    async def make(client: str | None) -> None:
        async with doors.db.transaction() as tx:
            await make_token(
                tx, name="t", client=client, rights=[Right.READ], by=admin, now=doors.clock()
            )

    with pytest.raises(RightMissing):
        await make(None)
    with pytest.raises(NotFound):
        await make("bolt")
    await make("acme")


async def test_a_known_token_is_trusted_for_an_hour_while_the_database_is_away(
    database_url: str, doors: Doors, clock: FakeClock
) -> None:
    raw, unknown = await doors.gives("agent", [Right.INGEST], "acme"), "ly_nobody"
    async with Line(database_url) as line:
        far = Database(line.url)
        authorizer = Authorizer(far, clock)
        await authorizer.identity(raw)
        await line.cut()
        for _ in range(59):
            clock.advance(minutes=1)
            assert (await authorizer.identity(raw)).name == "token:agent"
        for wanted in (unknown, raw):
            with pytest.raises(Overloaded):
                await authorizer.identity(wanted)
            clock.advance(minutes=1)
        await line.mend()
        assert (await authorizer.identity(raw)).name == "token:agent"
        await far.close()


async def test_a_slow_database_is_waited_for_where_nobody_is_known(
    db: Database, doors: Doors, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.authorizer.LOOKED_UP_WITHIN", 0.05)
    known, unknown = [await doors.gives(name, [Right.INGEST]) for name in ("agent", "other")]
    await doors.authorizer.identity(known)
    clock.advance(minutes=1)
    async with db.transaction() as tx:
        await tx.execute(text(f"LOCK TABLE {Token.__tablename__}"))
        waiting = asyncio.create_task(doors.authorizer.identity(unknown))
        assert (await doors.authorizer.identity(known)).name == "token:agent"
        assert not waiting.done()
    assert (await waiting).name == "token:other"


async def test_the_name_of_another_clients_revoked_token_stays_taken(doors: Doors) -> None:
    await doors.gives("theirs", [Right.READ], "bolt")
    narrow = Identity("wang", "Wang", Role.ADMIN, Scope(frozenset({"acme"})), frozenset(Right))
    async with doors.db.transaction() as tx:
        await revoke_token(tx, "theirs", by=SYSTEM, now=doors.clock())
    with pytest.raises(NameTaken):
        async with doors.db.transaction() as tx:
            await make_token(
                tx,
                name="theirs",
                client="acme",
                rights=[Right.READ],
                by=narrow,
                now=doors.clock(),
            )
