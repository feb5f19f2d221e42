"""Signing in: guesses, races, old hashes and the built-in admin."""

import asyncio
from collections import Counter

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from access import queries
from access.commands import WrongPassword, ensure_built_ins, set_password, sign_out_everywhere
from access.commands.people import ADDRESS_MOST, NAME_MOST, TRIES_MOST
from access.door import sign_in
from access.passwords import Passwords
from access.scope import RIGHTS, SYSTEM, Identity, Right, RightMissing, Role, Scope
from access.tables import BrowserSession, Person, SignInAttempt, Token
from kit.db import Database
from kit.errors import Invalid, TooMany, Unauthorized
from tests.support.access import PASSWORD, Doors
from tests.support.clock import FakeClock


@pytest.fixture
async def doors(db: Database, clock: FakeClock) -> Doors:
    doors = Doors(db, clock)
    await doors.employs("li")
    return doors


async def tries(
    doors: Doors,
    name: str = "li",
    password: str = PASSWORD,
    address: str = "10.0.0.1",
    known: str | None = None,
) -> str:
    return await sign_in(
        doors.db,
        doors.clock,
        doors.passwords,
        name=name,
        password=password,
        address=address,
        known=known,
    )


async def outcome(doors: Doors, **how: str) -> type[object]:
    try:
        return type(await tries(doors, **how))
    except (WrongPassword, TooMany) as refusal:
        return type(refusal)


async def who(doors: Doors, secret: str) -> str:
    async with doors.db.snapshot() as session:
        found = await queries.identity_of_session(session, secret, doors.clock())
    return found.identity.name


async def test_the_right_password_opens_a_session(doors: Doors) -> None:
    assert await who(doors, await tries(doors)) == "li"


async def test_a_wrong_password_an_unknown_name_and_a_disabled_person_look_the_same(
    doors: Doors,
) -> None:
    await doors.employs("han")
    async with doors.db.transaction() as tx:
        await tx.execute(update(Person).where(Person.name == "han").values(disabled=True))
    answers = []
    for name, password in (("li", "wrong"), ("nobody", PASSWORD), ("han", PASSWORD)):
        with pytest.raises(WrongPassword) as refused:
            await tries(doors, name, password)
        answers.append(refused.value.detail)
    assert len(set(answers)) == 1


async def test_an_unknown_name_is_verified_like_a_known_one(doors: Doors) -> None:
    before = doors.passwords.verified
    for name in ("li", "nobody", "admin"):
        await outcome(doors, name=name, password="wrong")
    assert doors.passwords.verified - before == 3


async def test_of_twelve_wrong_guesses_at_once_ten_are_looked_at(doors: Doors) -> None:
    before = doors.passwords.verified
    results = Counter(
        await asyncio.gather(*(outcome(doors, password=f"guess {n}") for n in range(12)))
    )
    assert results == {WrongPassword: TRIES_MOST, TooMany: 2}
    assert doors.passwords.verified - before == TRIES_MOST


async def test_ten_browsers_of_one_person_may_sign_in_at_once(doors: Doors) -> None:
    secrets = await asyncio.gather(*(tries(doors) for _ in range(10)))
    assert len(set(secrets)) == 10


async def test_after_ten_failures_even_the_right_password_waits_a_quarter_of_an_hour(
    doors: Doors,
) -> None:
    for _ in range(TRIES_MOST):
        await outcome(doors, password="wrong")
    doors.clock.advance(minutes=14)
    with pytest.raises(TooMany) as refused:
        await tries(doors)
    assert refused.value.retry_after == 61
    doors.clock.advance(minutes=1)
    assert await tries(doors)


async def test_ten_failures_shut_out_the_place_they_came_from_and_no_other(doors: Doors) -> None:
    for _ in range(TRIES_MOST):
        await outcome(doors, password="wrong", address="10.6.6.6")
    assert await outcome(doors, address="10.6.6.6") is TooMany
    assert await outcome(doors) is str


async def test_guesses_from_everywhere_are_slowed_down_and_a_known_browser_is_not(
    doors: Doors,
) -> None:
    for n in range(NAME_MOST):
        assert await outcome(doors, password="wrong", address=f"10.0.6.{n}") is WrongPassword
    assert await outcome(doors) is TooMany
    assert await outcome(doors, known="the mark of this browser") is str

    for _ in range(TRIES_MOST):
        await outcome(doors, password="wrong", known="the mark of this browser")
    assert await outcome(doors, known="the mark of this browser") is TooMany


async def test_nobody_keeps_out_whoever_holds_the_admin_token(doors: Doors) -> None:
    held = "ly_a-token-that-nobody-can-guess-0123456789"
    async with doors.db.transaction() as tx:
        await ensure_built_ins(tx, admin_token=held, now=doors.clock())
    for n in range(NAME_MOST):
        await outcome(doors, name="admin", password="wrong", address=f"10.0.6.{n % 10}")
    assert await outcome(doors, name="admin", password="wrong") is TooMany
    assert await outcome(doors, name="admin", password=held, address="10.0.6.1") is str


async def test_an_address_that_tries_many_names_is_shut_out_and_others_are_not(
    doors: Doors,
) -> None:
    for n in range(ADDRESS_MOST):
        await outcome(doors, name=f"person{n}", password="wrong")
    assert await outcome(doors) is TooMany
    assert await outcome(doors, address="10.9.9.9") is str


async def test_success_forgets_the_failures_before_it(doors: Doors) -> None:
    for _ in range(TRIES_MOST - 1):
        await outcome(doors, password="wrong")
    await tries(doors)
    async with doors.db.snapshot() as session:
        assert await session.scalar(select(func.count()).select_from(SignInAttempt)) == 0


async def test_a_hash_of_weaker_parameters_is_renewed_by_signing_in(doors: Doors) -> None:
    doors.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    await tries(doors)
    async with doors.db.snapshot() as session:
        known = await session.scalar(select(Person.password_hash))
    assert known is not None
    assert not doors.passwords.outdated(known)
    assert await tries(doors)


async def test_a_session_ends_when_it_is_idle_old_or_its_person_disabled(doors: Doors) -> None:
    secret = await tries(doors)
    doors.clock.advance(days=7)
    with pytest.raises(Unauthorized):
        await who(doors, secret)

    secret = await tries(doors)
    async with doors.db.transaction() as tx:
        await tx.execute(update(Person).values(disabled=True))
    with pytest.raises(Unauthorized):
        await who(doors, secret)


async def test_a_new_password_ends_every_session(doors: Doors) -> None:
    secret = await tries(doors)
    known = await doors.passwords.hash("another password")
    async with doors.db.transaction() as tx:
        await set_password(tx, "li", known, by=SYSTEM, now=doors.clock())
    with pytest.raises(Unauthorized):
        await who(doors, secret)
    assert await tries(doors, password="another password")


async def test_one_ends_ones_own_sessions_and_only_an_admin_another_persons(doors: Doors) -> None:
    await tries(doors)
    colleague = Identity("han", "Han", Role.ENGINEER, rights=RIGHTS[Role.ENGINEER])
    own = Identity("li", "Li", Role.CLIENT, Scope(frozenset()), frozenset({Right.READ}))
    async with doors.db.transaction() as tx:
        with pytest.raises(RightMissing):
            await sign_out_everywhere(tx, "li", by=colleague, now=doors.clock())
        assert await sign_out_everywhere(tx, "li", by=own, now=doors.clock()) == 1
        assert (await tx.scalars(select(BrowserSession))).all() == []


async def test_a_password_has_ten_characters(doors: Doors) -> None:
    with pytest.raises(Invalid):
        await doors.passwords.hash("too short")


async def test_the_admin_signs_in_with_the_token_that_is_printed_once(doors: Doors) -> None:
    for first in (True, False):
        async with doors.db.transaction() as tx:
            made = await ensure_built_ins(tx, admin_token=None, now=doors.clock())
        if first:
            token = made.admin_token
    assert made.admin_token is None
    assert token is not None
    assert await who(doors, await tries(doors, "admin", token)) == "admin"
    assert (await doors.authorizer.admit(token, Right.INGEST)).role is Role.ADMIN
    assert await outcome(doors, name="li", password=token) is WrongPassword


async def test_a_token_from_the_settings_replaces_the_one_before(doors: Doors) -> None:
    for raw in ("first", "second"):
        async with doors.db.transaction() as tx:
            made = await ensure_built_ins(tx, admin_token=raw, now=doors.clock())
        assert made.admin_token is None
        doors.authorizer.clear()
    with pytest.raises(Unauthorized):
        await doors.authorizer.identity("first")
    assert (await doors.authorizer.identity("second")).name == "token:admin"


async def test_two_programs_that_start_at_once_make_one_token(doors: Doors) -> None:
    async def start() -> str | None:
        async with doors.db.transaction() as tx:
            return (await ensure_built_ins(tx, admin_token=None, now=doors.clock())).admin_token

    made = await asyncio.gather(*(start() for _ in range(4)))
    assert sum(token is not None for token in made) == 1


async def test_a_narrow_token_of_the_admins_name_is_no_password(doors: Doors) -> None:
    async with doors.db.transaction() as tx:
        await ensure_built_ins(tx, admin_token="ly_built-in", now=doors.clock())
    await doors.knows("acme")
    async with doors.db.transaction() as tx:
        await tx.execute(update(Token).values(client="acme", rights=[Right.ADMIN.value]))

    assert await outcome(doors, name="admin", password="ly_built-in") is WrongPassword
