"""The email channel against a real SMTP server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from kit.errors import Invalid
from notifications.channels.email import Email, Server, message_id, server
from notifications.lifecycle import Kind, Outcome
from notifications.schemas import ContactFacts, Message
from tests.support.clock import NOON

SENDER = "Langyan <langyan@example.com>"
MESSAGE = Message("[P1] 磁盘\r\n已满", "磁盘已满", "<p>磁盘已满</p>", {}, locale="zh-CN")


class Mailbox:
    """Answers recipients and mails from a script, and keeps what it took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[str] = []
        self.recipient_answer = "250 OK"
        self.mail_answer = "250 taken"
        self.signed_in: list[bytes] = []
        self.port = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.SMTP)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.to += envelope.rcpt_tos
        return self.mail_answer

    def sign_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object
    ) -> AuthResult:
        password: bytes = getattr(given, "password", b"")
        self.signed_in.append(password)
        return AuthResult(success=password == b"p@ss", handled=False)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()

    def line() -> SMTP:
        return SMTP(
            box,
            hostname="mail.example.com",
            authenticator=box.sign_in,
            auth_require_tls=False,
            enable_SMTPUTF8=True,
        )

    listening = await asyncio.get_running_loop().create_server(line, "127.0.0.1", 0)
    box.port = listening.sockets[0].getsockname()[1]
    yield box
    listening.close()
    await listening.wait_closed()


async def sent(box: Mailbox, *, key: str = "k", credentials: str = "") -> Outcome:
    channel = Email(f"smtp://{credentials}127.0.0.1:{box.port}", sender=SENDER)
    return await channel.send(MESSAGE, ContactFacts("email", "li@example.com"), key=key, now=NOON)


async def test_a_mail_has_both_bodies_and_arrives(mailbox: Mailbox) -> None:
    outcome = await sent(mailbox)

    assert (outcome.kind, outcome.code) == (Kind.SENT, 250)
    (mail,) = mailbox.mails
    assert mailbox.to == ["li@example.com"]
    assert (mail["Subject"], mail["From"]) == ("[P1] 磁盘 已满", SENDER)
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().strip() == "磁盘已满"
    assert html.get_content().strip() == "<p>磁盘已满</p>"


async def test_a_repeat_carries_the_same_message_id(mailbox: Mailbox) -> None:
    for key in ("k", "k", "other"):
        await sent(mailbox, key=key)

    first, repeat, other = (mail["Message-ID"] for mail in mailbox.mails)
    assert first == repeat == message_id("k", SENDER)
    assert first != other
    assert first.endswith("@example.com>")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("550 no such mailbox", Kind.REFUSED, 550),
        ("450 mailbox busy", Kind.TRY_AGAIN, 450),
    ],
)
async def test_the_answer_to_the_recipient_decides(
    mailbox: Mailbox, answer: str, kind: Kind, code: int
) -> None:
    mailbox.recipient_answer = answer

    outcome = await sent(mailbox)

    assert (outcome.kind, outcome.code, outcome.detail) == (kind, code, answer[4:])
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("answer", "kind"), [("554 spam", Kind.REFUSED), ("451 greylisted", Kind.TRY_AGAIN)]
)
async def test_the_answer_to_the_mail_decides(mailbox: Mailbox, answer: str, kind: Kind) -> None:
    mailbox.mail_answer = answer

    assert (await sent(mailbox)).kind is kind


async def test_the_url_carries_user_and_password(mailbox: Mailbox) -> None:
    assert (await sent(mailbox, credentials="li:p%40ss@")).kind is Kind.SENT
    assert mailbox.signed_in == [b"p@ss"]


async def test_a_wrong_password_is_ours_to_mend_and_tried_again(mailbox: Mailbox) -> None:
    outcome = await sent(mailbox, credentials="li:wrong@")

    assert (outcome.kind, outcome.code) == (Kind.TRY_AGAIN, 535)


async def test_a_server_that_is_away_is_tried_again() -> None:
    channel = Email("smtp://127.0.0.1:1", sender=SENDER)

    outcome = await channel.send(MESSAGE, ContactFacts("email", "li@e.org"), key="k", now=NOON)

    assert outcome.kind is Kind.TRY_AGAIN


async def test_an_address_that_would_add_a_header_is_refused(mailbox: Mailbox) -> None:
    channel = Email(f"smtp://127.0.0.1:{mailbox.port}", sender=SENDER)
    contact = ContactFacts("email", "li@example.com\r\nBcc: all@example.com")

    outcome = await channel.send(MESSAGE, contact, key="k", now=NOON)

    assert outcome.kind is Kind.REFUSED
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail", Server("mail", 25)),
        ("smtp://u:p%2Fw@mail:2525", Server("mail", 2525, "u", "p/w")),
        ("smtps://mail", Server("mail", 465, tls=True, start_tls=False)),
        ("smtp+starttls://mail", Server("mail", 587, start_tls=True)),
    ],
)
def test_an_smtp_url_is_read(url: str, expected: Server) -> None:
    assert server(url) == expected


@pytest.mark.parametrize("url", ["http://mail", "smtp://", "mail:25"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        server(url)
