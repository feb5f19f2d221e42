"""Refusals: each has a name of its own, a page, and an answer as RFC 9457 wants it."""

import json
import re
from collections import Counter

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.orm.exc import StaleDataError

from app import problems
from incidents.lifecycle import MoveNotAllowed
from kit.clock import system_clock
from kit.errors import Invalid, Overloaded, Refusal, TooMany
from kit.pages import own_pages
from kit.settings import ROOT
from metrics.ports.http import MethodNotAllowed, SamplesRefused
from tests.support.refusals import KINDS

DOCUMENTS = ROOT / "docs" / "problems"
AT_A_DOOR: dict[type[Refusal], int] = {MethodNotAllowed: 405, SamplesRefused: 400}
"""What the ports for samples answer with another number than routes would."""


def made(kind: type[Refusal]) -> Refusal:
    if issubclass(kind, Overloaded | TooMany):
        return kind("not now", retry_after=7)
    refusal = kind.__new__(kind)
    Refusal.__init__(refusal, "because")
    return refusal


def example(kind: type[Refusal]) -> dict[str, object]:
    page = (DOCUMENTS / f"{kind.slug}.md").read_text("utf-8")
    found = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert found, f"{kind.slug}.md has no example"
    body: dict[str, object] = json.loads(found[1])
    return body


def small_program(refusal: Exception) -> httpx.AsyncClient:
    app = FastAPI()
    app.state.pages, app.state.clock = own_pages(), system_clock
    problems.install(app)

    @app.get("/thing")
    async def thing() -> None:
        raise refusal

    @app.get("/number/{n}")
    async def number(n: int) -> int:
        return n

    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://langyan.test")


def test_no_two_kinds_share_a_slug() -> None:
    assert [slug for slug, n in Counter(kind.slug for kind in KINDS).items() if n > 1] == []


def test_no_page_tells_of_a_kind_that_is_gone() -> None:
    assert {path.stem for path in DOCUMENTS.glob("*.md")} == {kind.slug for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_every_kind_has_a_page_with_an_example(kind: type[Refusal]) -> None:
    page = (DOCUMENTS / f"{kind.slug}.md").read_text("utf-8")
    status = AT_A_DOOR.get(kind, problems.status_of(made(kind)))
    body = example(kind)

    assert page.startswith(f"# {kind.title}\n\n`{kind.slug}`, HTTP {status}\n")
    assert "**What it means.**" in page
    assert "**What to do.**" in page
    assert (body["type"], body["title"]) == (f"/problems/{kind.slug}", kind.title)
    assert body["status"] == status
    assert {"detail", "instance"} <= body.keys()


@pytest.mark.parametrize("kind", problems.STATUS, ids=lambda kind: kind.slug)
async def test_every_kind_is_answered_as_rfc_9457_wants_it(kind: type[Refusal]) -> None:
    async with small_program(made(kind)) as visitor:
        answer = await visitor.get("/thing")

    assert answer.status_code == problems.STATUS[kind]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": problems.STATUS[kind],
        "detail": made(kind).detail,
        "instance": "/thing",
    }


@pytest.mark.parametrize("kind", problems.STATUS, ids=lambda kind: kind.slug)
async def test_who_may_come_again_and_how_stands_in_the_headers(kind: type[Refusal]) -> None:
    async with small_program(made(kind)) as visitor:
        headers = (await visitor.get("/thing")).headers

    assert headers.get("retry-after") == ("7" if problems.STATUS[kind] in (429, 503) else None)
    assert ("www-authenticate" in headers) == (problems.STATUS[kind] == 401)


async def test_a_fact_stands_beside_the_members_and_never_over_them() -> None:
    async with small_program(Invalid("no", field="name", status=1, title="x")) as visitor:
        body = (await visitor.get("/thing")).json()

    assert (body["field"], body["status"], body["title"]) == ("name", 422, Invalid.title)


async def test_an_invalid_request_names_its_field() -> None:
    async with small_program(StaleDataError()) as visitor:
        answer = await visitor.get("/number/seven")
        lost = await visitor.get("/thing")
        nothing = await visitor.get("/nothing")
        wrong = await visitor.post("/thing")

    assert answer.status_code == 422
    assert (answer.json()["type"], answer.json()["field"]) == ("/problems/invalid", "n")
    assert (lost.status_code, lost.json()["type"]) == (409, "/problems/changed-meanwhile")
    assert (nothing.status_code, nothing.json()["type"]) == (404, "/problems/not-found")
    assert (wrong.status_code, wrong.json()["type"]) == (405, "about:blank")


async def test_who_reads_pages_gets_a_page() -> None:
    async with small_program(made(Overloaded)) as visitor:
        answer = await visitor.get("/thing", headers={"Accept": "text/html"})

    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("asked", "title", "reason"),
    [
        pytest.param({}, "The request is not valid", "Input should be", id="silence: English"),
        pytest.param({"Accept-Language": "zh"}, "请求内容不正确", "须为整数", id="as asked for"),
        pytest.param(
            {"Accept-Language": "en", "Cookie": "langyan_locale=zh-CN"},
            "请求内容不正确",
            "须为整数",
            id="a person's own choice",
        ),
    ],
)
async def test_json_refuses_in_the_language_asked_for(
    asked: dict[str, str], title: str, reason: str
) -> None:
    async with small_program(Invalid("no")) as visitor:
        body = (await visitor.get("/number/seven", headers=asked)).json()

    assert body["title"] == title
    assert reason in body["detail"]
    assert body["detail"].endswith(body["errors"][0]["reason"])


async def test_a_page_refuses_in_its_reader_s_language() -> None:
    refusal = MoveNotAllowed(
        "cannot {move} an incident that is {stands}", move="reopen", stands="closed"
    )
    async with small_program(refusal) as visitor:
        asked = {"Accept": "text/html", "Accept-Language": "zh-CN"}
        answer = await visitor.get("/thing", headers=asked)

    assert "故障已关闭，不能重新打开" in answer.text
    assert answer.headers["content-language"] == "zh-CN"


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "This address does not take that"), ("zh", "这个地址不接受这种操作")],
)
async def test_what_http_alone_has_a_name_for_is_a_page_too(language: str, words: str) -> None:
    async with small_program(Invalid("no")) as visitor:
        asked = {"Accept": "text/html", "Accept-Language": language}
        answer = await visitor.post("/thing", headers=asked)

    assert answer.status_code == 405
    assert answer.headers["content-type"].startswith("text/html")
    assert words in answer.text
    assert "/problems/" not in answer.text


async def test_what_may_work_in_a_moment_can_be_tried_again_at_its_address() -> None:
    async with small_program(made(Overloaded)) as visitor:
        asked = {"Accept": "text/html", "Accept-Language": "en"}
        answer = await visitor.get("/thing?part=2", headers=asked)

    assert '<a class="button primary" href="/thing?part=2">Try again</a>' in answer.text
