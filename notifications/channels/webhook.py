"""The webhook channel: signed JSON by POST, as it stands in docs/webhooks."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import orjson

from kit.errors import Refusal
from kit.net import guard, guarded
from notifications.lifecycle import Kind, Outcome
from notifications.schemas import ContactFacts, Message

AGAIN = frozenset({408, 425, 429})
DETAIL_MOST = 300
READ_MOST = 65_536

Unseal = Callable[[str], str]


def open_client(
    timeout: timedelta = timedelta(seconds=10), *, allow_link_local: bool = False
) -> httpx.AsyncClient:
    """Return the connections that all webhooks share; the caller closes them."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
    return guarded(limits, allow=allow_link_local, timeout=timeout.total_seconds())


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of X-Langyan-Signature: v1 and the HMAC-SHA256 of `timestamp.body`."""
    signed = f"{timestamp}.".encode() + body
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Webhook:
    """Posts to the address of a contact; redirects are not followed."""

    def __init__(
        self, client: httpx.AsyncClient, *, allow_link_local: bool = False, unseal: Unseal = str
    ) -> None:
        self._client = client
        self._allow = allow_link_local
        self._unseal = unseal

    async def send(
        self, message: Message, contact: ContactFacts, *, key: str, now: datetime
    ) -> Outcome:
        """Post the payload; any 2xx is a receipt."""
        body = orjson.dumps(message.payload)
        try:
            headers = self._headers(contact, body, key=key, now=now)
            await guard(contact.address, allow=self._allow)
            posting = self._client.stream(
                "POST", contact.address, content=body, headers=headers, follow_redirects=False
            )
            async with posting as answer:
                said = await _start_of(answer)
        except (Refusal, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            return Outcome(Kind.REFUSED, detail=str(error)[:DETAIL_MOST])
        except (httpx.TransportError, OSError) as error:
            detail = f"{type(error).__name__}: {error}"
            return Outcome(Kind.TRY_AGAIN, detail=detail[:DETAIL_MOST])
        return read(answer, said, now=now)

    def _headers(
        self, contact: ContactFacts, body: bytes, *, key: str, now: datetime
    ) -> dict[str, str]:
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Langyan",
            "Idempotency-Key": key,
            "X-Langyan-Timestamp": timestamp,
        }
        if contact.secret:
            secret = self._unseal(contact.secret)
            headers["X-Langyan-Signature"] = signature(secret, timestamp, body)
        return headers


async def _start_of(answer: httpx.Response) -> str:
    said = b""
    async for chunk in answer.aiter_bytes():
        said += chunk
        if len(said) >= READ_MOST:
            break
    return said[: DETAIL_MOST * 4].decode("utf-8", "replace")[:DETAIL_MOST]


def read(answer: httpx.Response, said: str, *, now: datetime) -> Outcome:
    """Tell what an answer means: a receipt, not now, or never."""
    code = answer.status_code
    if answer.is_success:
        reference = answer.headers.get("X-Request-Id")
        return Outcome(Kind.SENT, code, said, reference=reference and reference[:100])
    if code in AGAIN or code >= 500:
        after = retry_after(answer.headers.get("Retry-After"), now=now)
        return Outcome(Kind.TRY_AGAIN, code, said, retry_after=after)
    return Outcome(Kind.REFUSED, code, said)


def retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds or a date; None when it says neither."""
    if not text:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return timedelta(seconds=min(int(text), 86_400))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(aware - now, timedelta())
