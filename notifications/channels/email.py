"""The email channel: plain text and HTML through one SMTP server."""

import hashlib
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from kit.errors import Invalid
from notifications.lifecycle import Kind, Outcome
from notifications.schemas import ContactFacts, Message

DETAIL_MOST = 300
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True)
class Server:
    """Where mail is handed over; `start_tls` None: encrypt when the server offers it."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: bool = False
    start_tls: bool | None = None


def server(url: str) -> Server:
    """Read smtp://user:password@host:port, smtp+starttls:// (must encrypt) or smtps://."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise Invalid("write smtp://, smtp+starttls:// or smtps:// and a host", field="smtp_url")
    return Server(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "smtps",
        start_tls={"smtp+starttls": True, "smtps": False}.get(parts.scheme),
    )


def message_id(key: str, sender: str) -> str:
    """Return the Message-ID that every repeat of `key` carries."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def letter(message: Message, *, sender: str, to: str, key: str, now: datetime) -> EmailMessage:
    """Return the mail with both bodies."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = " ".join(message.subject.split())
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(key, sender)
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.locale
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    return mail


class Email:
    """Hands each message to the server of an SMTP URL; one connection for each."""

    def __init__(
        self,
        url: str,
        *,
        sender: str,
        timeout: timedelta = timedelta(seconds=9),
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server(url)
        self._sender = sender
        self._timeout = timeout
        self._tls_context = tls_context

    async def send(
        self, message: Message, contact: ContactFacts, *, key: str, now: datetime
    ) -> Outcome:
        """Hand the mail over; the server's answer to this recipient decides."""
        try:
            mail = letter(message, sender=self._sender, to=contact.address, key=key, now=now)
        except ValueError as error:
            return Outcome(Kind.REFUSED, detail=f"cannot be written as mail: {error}")
        to = self._server
        try:
            _, said = await aiosmtplib.send(
                mail,
                hostname=to.host,
                port=to.port,
                username=to.user,
                password=to.password,
                use_tls=to.tls,
                start_tls=to.start_tls,
                timeout=self._timeout.total_seconds(),
                tls_context=self._tls_context,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _answer(error.recipients[0].code, error.recipients[0].message)
        except aiosmtplib.SMTPAuthenticationError as error:
            # our password, not this recipient: an operator can mend it
            return Outcome(Kind.TRY_AGAIN, error.code, error.message[:DETAIL_MOST])
        except aiosmtplib.SMTPResponseException as error:
            return _answer(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            detail = f"{type(error).__name__}: {error}"
            return Outcome(Kind.TRY_AGAIN, detail=detail[:DETAIL_MOST])
        return Outcome(Kind.SENT, 250, said[:DETAIL_MOST], reference=mail["Message-ID"])


def _answer(code: int, said: str) -> Outcome:
    """RFC 5321 §4.2.1: 5xx is final, 4xx may pass."""
    kind = Kind.REFUSED if 500 <= code <= 599 else Kind.TRY_AGAIN
    return Outcome(kind, code, said[:DETAIL_MOST])
