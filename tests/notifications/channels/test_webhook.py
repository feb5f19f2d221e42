"""The webhook channel against real sockets."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from kit.sealing import Sealer
from notifications.channels.webhook import Webhook, open_client, retry_after
from notifications.lifecycle import Kind, Outcome
from notifications.schemas import ContactFacts, Message
from tests.support.clock import NOON
from tests.support.phone import Answer, Phone

MESSAGE = Message("磁盘已满", "text", "<p>", {"event": "triggered", "title": "磁盘已满"})
SEALER = Sealer("a key")


@dataclass
class Line:
    phone: Phone
    webhook: Webhook

    async def sends(self, *, secret: str | None = None, url: str | None = None) -> Outcome:
        sealed = SEALER.seal(secret) if secret else None
        contact = ContactFacts("webhook", url or self.phone.url("li"), sealed)
        return await self.webhook.send(MESSAGE, contact, key="k:1", now=NOON)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with Phone() as phone, open_client(timedelta(seconds=0.5)) as client:
        yield Line(phone, Webhook(client, unseal=SEALER.unseal))


async def test_the_body_is_signed_exactly_as_it_is_sent(line: Line) -> None:
    assert (await line.sends(secret="s3cret")).kind is Kind.SENT

    (call,) = line.phone.calls
    timestamp = call.headers["x-langyan-timestamp"]
    signed = f"{timestamp}.".encode() + call.body
    expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert call.headers["x-langyan-signature"] == f"v1={expected}"
    assert int(timestamp) == NOON.timestamp()
    assert call.json == {"event": "triggered", "title": "磁盘已满"}
    assert (call.method, call.headers["content-type"]) == ("POST", "application/json")
    assert call.key == "k:1"


async def test_without_a_secret_nothing_is_signed(line: Line) -> None:
    await line.sends()

    assert "x-langyan-signature" not in line.phone.calls[0].headers


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.SENT),
        (204, Kind.SENT),
        (302, Kind.REFUSED),
        (400, Kind.REFUSED),
        (404, Kind.REFUSED),
        (410, Kind.REFUSED),
        (408, Kind.TRY_AGAIN),
        (425, Kind.TRY_AGAIN),
        (429, Kind.TRY_AGAIN),
        (500, Kind.TRY_AGAIN),
        (503, Kind.TRY_AGAIN),
    ],
)
async def test_an_answer_is_a_receipt_or_not_now_or_never(
    line: Line, status: int, kind: Kind
) -> None:
    line.phone.answers(Answer(status, body=b"" if status == 204 else b"{}"))

    outcome = await line.sends()

    assert (outcome.kind, outcome.code) == (kind, status)


async def test_a_redirect_is_not_followed(line: Line) -> None:
    line.phone.answers(Answer(307, headers={"Location": line.phone.url("elsewhere")}))

    assert (await line.sends()).kind is Kind.REFUSED
    assert line.phone.rang == ["li"]


async def test_a_long_answer_is_kept_short(line: Line) -> None:
    line.phone.answers(Answer(400, body="错".encode() * 100_000))

    assert (await line.sends()).detail == "错" * 300


@pytest.mark.parametrize("answer", [Answer(drop=True), Answer(hang=True)])
async def test_a_line_that_is_cut_or_silent_is_tried_again(line: Line, answer: Answer) -> None:
    line.phone.answers(answer)

    outcome = await line.sends()

    assert outcome.kind is Kind.TRY_AGAIN
    assert outcome.detail


async def test_a_port_where_nobody_listens_is_tried_again(line: Line) -> None:
    url = line.phone.url("li")
    await line.phone.hangs_up()

    assert (await line.sends(url=url)).kind is Kind.TRY_AGAIN


async def test_a_name_that_does_not_resolve_is_tried_again(line: Line) -> None:
    assert (await line.sends(url="http://nowhere.invalid/")).kind is Kind.TRY_AGAIN


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://[fe80::1]/", "ftp://example.com", "http://"]
)
async def test_metadata_addresses_and_other_schemes_are_refused(line: Line, url: str) -> None:
    assert (await line.sends(url=url)).kind is Kind.REFUSED


async def test_a_secret_sealed_with_another_key_sends_nothing(line: Line) -> None:
    contact = ContactFacts("webhook", line.phone.url(), Sealer("another").seal("s3cret"))

    outcome = await line.webhook.send(MESSAGE, contact, key="k", now=NOON)

    assert outcome.kind is Kind.REFUSED
    assert line.phone.calls == []


async def test_a_receiver_says_when_to_come_again(line: Line) -> None:
    line.phone.answers(Answer(503, headers={"Retry-After": "7"}))

    assert (await line.sends()).retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("12", timedelta(seconds=12)),
        ("Mon, 02 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Mon, 02 Nov 2026 11:00:00 GMT", timedelta()),
        ("99999999999999999999", timedelta(days=1)),
        ("soon", None),
        ("²", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, length: timedelta | None) -> None:
    assert retry_after(text, now=NOON) == length


async def test_many_sends_share_their_connections(line: Line) -> None:
    outcomes = await asyncio.gather(*(line.sends() for _ in range(20)))

    assert {outcome.kind for outcome in outcomes} == {Kind.SENT}
