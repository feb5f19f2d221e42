"""The door of the pages: cookies, forged forms, and where one is sent."""

import httpx
import pytest

from access.scope import Right
from access.web import COOKIE, safe_next
from kit.db import Database
from tests.support.access import URL, Doors, sign_in
from tests.support.clock import FakeClock


@pytest.fixture
async def doors(db: Database, clock: FakeClock) -> Doors:
    doors = Doors(db, clock)
    await doors.employs("li")
    return doors


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


FORGED = (403, "/problems/forged-request")


async def test_a_stranger_is_sent_to_the_door_and_then_where_they_wanted(doors: Doors) -> None:
    async with doors.visitor() as browser:
        sent = await browser.get("/board?client=acme")
        assert (sent.status_code, sent.headers["location"]) == (
            303,
            "/signin?next=%2Fboard%3Fclient%3Dacme",
        )
        page = await browser.get(sent.headers["location"])
        assert 'value="/board?client=acme"' in page.text
        entered = await sign_in(browser, "li", back="/board?client=acme")
        assert (entered.status_code, entered.headers["location"]) == (303, "/board?client=acme")
        assert (await browser.get("/board")).json()["who"] == "li"
        assert (await browser.get("/signin?next=/x")).headers["location"] == "/x"
        assert (await browser.get("/signin?next=/signin")).headers["location"] == "/"


async def test_a_part_of_a_page_that_htmx_asks_for_moves_the_whole_page(doors: Doors) -> None:
    async with doors.visitor() as browser:
        answer = await browser.get("/board", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/signin?next=%2Fboard"


@pytest.mark.parametrize(("url", "secure"), [(URL, False), ("https://langyan.test", True)])
async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    db: Database, clock: FakeClock, url: str, secure: bool
) -> None:
    doors = Doors(db, clock, url=url)
    await doors.employs("li")
    async with doors.visitor() as browser:
        page = await browser.get("/signin")
        cookie = page.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert ("secure" in cookie) is secure


async def test_a_wrong_password_shows_the_page_again_with_the_name(doors: Doors) -> None:
    async with doors.visitor() as browser:
        answer = await sign_in(browser, "li", "wrong")
        assert COOKIE not in browser.cookies
    assert answer.status_code == 401
    assert 'value="li"' in answer.text
    assert 'role="alert"' in answer.text


async def test_eleven_wrong_passwords_shut_the_door(doors: Doors) -> None:
    async with doors.visitor() as browser:
        answers = [(await sign_in(browser, "li", "wrong")).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]


async def test_a_browser_that_is_known_is_not_shut_out_by_guesses_from_elsewhere(
    doors: Doors,
) -> None:
    async with doors.visitor() as own, doors.visitor() as stranger:
        await sign_in(own, "li")
        own.cookies.delete(COOKIE)
        for _ in range(11):
            guessed = await sign_in(stranger, "li", "wrong")  # from the same address
        assert guessed.status_code == 429
        assert (await sign_in(own, "li")).status_code == 303


async def test_a_mark_of_another_name_or_of_nobodys_making_helps_nobody(doors: Doors) -> None:
    await doors.employs("han")
    async with doors.visitor() as own:
        await sign_in(own, "li")
        own.cookies.delete(COOKIE)
        answers = [(await sign_in(own, "han", "wrong")).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]


async def test_a_form_to_sign_in_that_we_did_not_show_signs_nobody_in(doors: Doors) -> None:
    async with doors.visitor() as browser, doors.visitor() as other:
        answer = await browser.post("/signin", data={"name": "li", "password": "x"})
        assert answer.status_code == 403
        await browser.get("/signin")
        entered = await sign_in(other, "li")
        assert entered.status_code == 303
        assert COOKIE not in browser.cookies


async def test_a_signed_in_browser_changes_things_only_with_our_token(doors: Doors) -> None:
    async with doors.visitor() as browser, doors.visitor() as other:
        for each in (browser, other):
            await sign_in(each, "li")
        csrf = (await browser.get("/board")).json()["csrf"]
        theirs = (await other.get("/board")).json()["csrf"]

        assert problem(await browser.post("/work")) == FORGED
        assert problem(await browser.post("/work", data={"csrf": theirs})) == FORGED
        assert problem(await browser.post("/work", headers={"X-CSRF": "forged"})) == FORGED
        assert (await browser.post("/work", data={"csrf": csrf})).json() == "li"
        assert (await browser.post("/work", headers={"X-CSRF": csrf})).json() == "li"


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({"Origin": URL}, True),
        ({"Origin": "null"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Origin": "https://evil.test"}, False),
        ({"Origin": f"{URL}.evil.test"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
    ],
)
async def test_another_sites_request_is_refused_even_with_our_token(
    doors: Doors, headers: dict[str, str], good: bool
) -> None:
    async with doors.visitor() as browser:
        await sign_in(browser, "li")
        csrf = (await browser.get("/board")).json()["csrf"]
        answer = await browser.post("/work", headers={"X-CSRF": csrf, **headers})
    assert answer.status_code == (200 if good else 403)


async def test_a_program_with_a_token_needs_no_form_token(doors: Doors) -> None:
    raw = await doors.gives("bot", [Right.WORK])
    async with doors.visitor(authorization=f"Bearer {raw}") as program:
        assert (await program.post("/work")).json() == "token:bot"


async def test_signing_out_ends_the_session_for_good(doors: Doors) -> None:
    async with doors.visitor() as browser:
        await sign_in(browser, "li")
        secret = browser.cookies[COOKIE]
        assert problem(await browser.post("/signout")) == FORGED
        csrf = (await browser.get("/board")).json()["csrf"]
        await browser.post("/signout", data={"csrf": csrf})
        browser.cookies.set(COOKIE, secret)
        assert (await browser.get("/board")).status_code == 303


async def test_a_browser_in_use_stays_signed_in_beyond_a_week(doors: Doors) -> None:
    async with doors.visitor() as browser:
        await sign_in(browser, "li")
        for _ in range(3):
            doors.clock.advance(days=6)
            assert (await browser.get("/board")).status_code == 200
        doors.clock.advance(days=15)
        assert (await browser.get("/board")).status_code == 303


async def test_a_chosen_language_is_kept(doors: Doors) -> None:
    async with doors.visitor(**{"accept-language": "zh-CN"}) as browser:
        assert '<html lang="zh-CN">' in (await browser.get("/signin")).text
        chosen = await browser.get("/language/en?back=/signin")
        assert '<html lang="en">' in (await browser.get(chosen.headers["location"])).text
        assert (await browser.get("/language/xx")).status_code == 422


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/incidents/7?x=1#y", "/incidents/7?x=1#y"),
        ("", "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.test", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
    ],
)
def test_only_a_path_of_ours_is_where_one_goes_next(wanted: str, path: str) -> None:
    assert safe_next(wanted) == path


@pytest.mark.parametrize("name", ["\0", "a" * 65, "李雷", "' OR 1=1 --"])
async def test_any_text_may_be_tried_as_a_name(doors: Doors, name: str) -> None:
    async with doors.visitor() as browser:
        assert (await sign_in(browser, name, "x")).status_code in (401, 422)
