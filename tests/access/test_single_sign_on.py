"""Single sign-on against a provider on loopback: who comes in, as whom, and what is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from access.scope import Role
from access.sso.provider import Provider
from access.tables import AuditEntry, Person, Subject
from access.web import COOKIE
from app.pages import sign_on
from kit.db import Database
from kit.settings import Settings
from tests.support.access import URL, Doors
from tests.support.clock import FakeClock
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider

Comes = AsyncIterator[tuple[Doors, OidcProvider]]


@asynccontextmanager
async def meeting(db: Database, clock: FakeClock, **more: Any) -> Comes:
    """The doors and a provider that they know."""
    async with OidcProvider(clock()) as provider, httpx.AsyncClient(trust_env=False) as http:
        doors = Doors(db, clock)
        settings = Settings(
            public_url=URL,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=SecretStr(CLIENT_SECRET),
            **more,
        )
        doors.app.state.settings = settings
        doors.app.state.sso = Provider(settings, http, clock)
        doors.app.include_router(sign_on.router)
        yield doors, provider


@pytest.fixture
async def met(db: Database, clock: FakeClock) -> Comes:
    async with meeting(db, clock) as found:
        yield found


async def leaves(browser: httpx.AsyncClient) -> str:
    """Begin to sign in; return where the provider sends the browser back to."""
    out = await browser.get("/signin/sso?next=/board")
    assert out.status_code == 303
    async with httpx.AsyncClient(trust_env=False) as http:
        back = await http.get(out.headers["location"])
    return back.headers["location"]


async def comes(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(await leaves(browser))


async def people(db: Database) -> list[Person]:
    async with db.snapshot() as session:
        return list(await session.scalars(select(Person).order_by(Person.name)))


async def why(db: Database) -> list[str]:
    async with db.snapshot() as session:
        refused = select(AuditEntry.facts).where(AuditEntry.did == "person.sign_on_refused")
        return [facts["why"] for facts in await session.scalars(refused)]


async def test_somebody_new_comes_in_as_a_reader_of_nothing(
    met: tuple[Doors, OidcProvider], db: Database
) -> None:
    doors, _ = met
    async with doors.visitor() as browser:
        answer = await comes(browser)
        assert (answer.status_code, answer.headers["location"]) == (303, "/board")
        assert (await browser.get("/board")).json()["who"] == "li.lei"
    [who] = await people(db)
    assert (who.title, who.role, who.mail, who.clients) == (
        "李雷",
        Role.CLIENT,
        "li@example.com",
        None,
    )


async def test_the_second_time_it_is_the_same_person_whatever_their_address(
    met: tuple[Doors, OidcProvider], db: Database
) -> None:
    doors, provider = met
    for claims in ({}, {"email": "other@example.com", "preferred_username": "renamed"}):
        provider.claims = claims
        async with doors.visitor() as browser:
            await comes(browser)
            assert (await browser.get("/board")).json()["who"] == "li.lei"
    assert len(await people(db)) == 1


@pytest.mark.parametrize(("verified", "who"), [(True, "li"), (False, "li.lei"), (None, "li.lei")])
async def test_only_a_verified_address_means_a_person_who_is_there(
    met: tuple[Doors, OidcProvider], db: Database, verified: bool | None, who: str
) -> None:
    doors, provider = met
    await doors.employs("li")
    async with db.transaction() as tx:
        await tx.execute(update(Person).values(mail="li@example.com"))
    provider.claims = {"email_verified": verified}
    async with doors.visitor() as browser:
        await comes(browser)
        assert (await browser.get("/board")).json()["who"] == who


async def test_a_second_subject_with_the_same_address_is_not_the_same_person(
    met: tuple[Doors, OidcProvider], db: Database
) -> None:
    doors, provider = met
    async with doors.visitor() as browser, doors.visitor() as other:
        await comes(browser)
        provider.claims = {"sub": "u-2"}
        assert (await comes(other)).headers["location"] == "/signin?done=sso_refused"
    assert await why(db) == ["this address is somebody else's at the provider"]


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"nonce": "of another browser"}, "another browser"),
        ({"nonce": None}, "another browser"),
        ({"aud": "another"}, "another program"),
        ({"aud": ["langyan", "another"]}, "given to another program"),
        ({"azp": "another"}, "given to another program"),
        ({"iss": "https://evil.test"}, "another issuer's"),
        ({"exp": 1_000_000}, "has ended"),
        ({"exp": None}, "when it ends"),
        ({"exp": "tomorrow"}, "not a number"),
        ({"iat": 9_999_999_999, "exp": 9_999_999_999}, "not valid yet"),
        ({"nbf": 9_999_999_999}, "not valid yet"),
        ({"iat": 1_000_000}, "too old"),
        ({"sub": ""}, "whom it means"),
        ({"sub": 7}, "whom it means"),
    ],
)
async def test_a_token_that_is_not_for_us_and_now_lets_nobody_in(
    met: tuple[Doors, OidcProvider], db: Database, claims: dict[str, Any], words: str
) -> None:
    doors, provider = met
    provider.claims = claims
    async with doors.visitor() as browser:
        answer = await comes(browser)
        assert answer.headers["location"] == "/signin?done=sso_refused"
        assert COOKIE not in browser.cookies
    [said] = await why(db)
    assert words in said
    assert await people(db) == []


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_a_token_without_the_providers_own_signature_lets_nobody_in(
    met: tuple[Doors, OidcProvider], db: Database, algorithm: str
) -> None:
    doors, provider = met
    provider.algorithm = algorithm
    async with doors.visitor() as browser:
        assert (await comes(browser)).headers["location"] == "/signin?done=sso_refused"
    assert await why(db) == ["the token is not signed by the provider"]


async def test_keys_that_the_provider_changes_are_followed(
    met: tuple[Doors, OidcProvider], clock: FakeClock
) -> None:
    doors, provider = met
    async with doors.visitor() as browser:
        await comes(browser)
    provider.rotate()
    clock.advance(seconds=11)
    provider.now = clock()
    async with doors.visitor() as browser:
        assert (await comes(browser)).headers["location"] == "/board"


async def test_a_key_that_nobody_published_is_asked_for_at_most_every_ten_seconds(
    met: tuple[Doors, OidcProvider],
) -> None:
    doors, provider = met
    published = provider.published
    provider.rotate()
    provider.published = published
    for _ in range(3):
        async with doors.visitor() as browser:
            assert (await comes(browser)).headers["location"] == "/signin?done=sso_refused"
    assert sum(path.endswith("/keys") for path in provider.asked) == 1


async def test_a_code_is_good_once(met: tuple[Doors, OidcProvider], db: Database) -> None:
    doors, _ = met
    async with doors.visitor() as browser:
        back = await leaves(browser)
        ticket = browser.cookies[sign_on.TICKET_COOKIE]
        assert (await browser.get(back)).headers["location"] == "/board"
        browser.cookies.set(sign_on.TICKET_COOKIE, ticket)
        assert (await browser.get(back)).headers["location"] == "/signin?done=sso_refused"
    assert await why(db) == ["the provider did not accept the code"]


async def test_what_another_browser_began_ends_there(met: tuple[Doors, OidcProvider]) -> None:
    doors, _ = met
    async with doors.visitor() as browser, doors.visitor() as other:
        back = await leaves(browser)
        assert (await other.get(back)).headers["location"] == "/signin?done=sso_expired"
        await leaves(other)
        assert (await other.get(back)).headers["location"] == "/signin?done=sso_expired"
        assert COOKIE not in other.cookies


async def test_a_sign_in_that_took_too_long_is_begun_again(
    met: tuple[Doors, OidcProvider], clock: FakeClock
) -> None:
    doors, _ = met
    async with doors.visitor() as browser:
        back = await leaves(browser)
        clock.advance(seconds=timedelta(minutes=11).total_seconds())
        assert (await browser.get(back)).headers["location"] == "/signin?done=sso_expired"


async def test_who_is_disabled_stays_out(met: tuple[Doors, OidcProvider], db: Database) -> None:
    doors, _ = met
    async with doors.visitor() as browser:
        await comes(browser)
    async with db.transaction() as tx:
        await tx.execute(update(Person).values(disabled=True))
    async with doors.visitor() as browser:
        assert (await comes(browser)).headers["location"] == "/signin?done=sso_refused"
    assert await why(db) == ["an administrator has disabled you here"]


async def test_nobody_new_comes_in_where_people_may_not_come_by_themselves(
    db: Database, clock: FakeClock
) -> None:
    async with meeting(db, clock, oidc_provision=False) as (doors, _), doors.visitor() as browser:
        assert (await comes(browser)).headers["location"] == "/signin?done=sso_refused"
    assert await people(db) == []


async def test_the_role_follows_the_groups_but_an_admin_stays(
    db: Database, clock: FakeClock
) -> None:
    roles = {"ops-admins": "admin", "ops": "engineer"}
    more = {"oidc_roles": roles, "oidc_role_claim": "realm_access.roles"}
    found = []
    async with meeting(db, clock, **more) as (doors, provider):
        for groups in (["ops", "x"], ["ops", "ops-admins"], ["ops"], ["nothing"]):
            provider.claims = {"realm_access": {"roles": groups}}
            async with doors.visitor() as browser:
                entered = await comes(browser)
            found.append((entered.headers["location"], (await people(db))[0].role))
    refused = "/signin?done=sso_refused"
    assert found == [
        ("/board", Role.ENGINEER),
        ("/board", Role.ADMIN),
        ("/board", Role.ADMIN),  # nobody else administers
        (refused, Role.ADMIN),
    ]


async def test_a_provider_that_is_away_is_told_at_the_door(
    met: tuple[Doors, OidcProvider], db: Database
) -> None:
    doors, provider = met
    await provider.__aexit__()
    async with doors.visitor() as browser:
        answer = await browser.get("/signin/sso")
        assert answer.headers["location"] == "/signin?done=sso_away"
        assert (
            "Single sign-on cannot be reached"
            in (await browser.get("/signin?done=sso_away", headers={"accept-language": "en"})).text
        )
    async with db.snapshot() as session:
        assert (await session.scalars(select(Subject))).all() == []
