"""One HTTP request to a target, held to its limits."""

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from collectors.turns import TargetFacts
from kit.errors import Invalid
from kit.net import guard

ACCEPT = b"text/plain;version=0.0.4;q=1,*/*;q=0.1"
Unseal = Callable[[str], str]
UNREACHED = (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError)


@dataclass(frozen=True)
class Answer:
    """What came back, how long it took, and the reason if nothing did."""

    seconds: float
    status: int | None = None
    body: bytes = b""
    kind: str = ""
    """Its Content-Type."""
    why: str | None = None


def credential(target: TargetFacts, unseal: Unseal) -> dict[bytes, bytes]:
    """Return the header that a target wants to see, none for one without a secret.

    A seal that does not hold is refused.
    """
    if target.secret is None:
        return {}
    secret = unseal(target.secret)
    if target.user is None:
        return {b"Authorization": b"Bearer " + secret.encode()}
    pair = base64.b64encode(f"{target.user}:{secret}".encode())
    return {b"Authorization": b"Basic " + pair}


async def fetch(
    client: httpx.AsyncClient,
    url: str,
    *,
    timeout: float,
    most: int,
    allow: bool,
    shown: Mapping[bytes, bytes] | None = None,
) -> Answer:
    """Ask `url` once; at most `most` bytes are read and `timeout` seconds spent in all.

    `shown` are headers of the target's own.
    """
    headers = {b"Accept": ACCEPT, **(shown or {})}
    began = time.perf_counter()

    def spent() -> float:
        return time.perf_counter() - began

    try:
        async with asyncio.timeout(timeout):
            await guard(url, allow=allow)
            async with client.stream("GET", url, headers=headers) as answer:
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > most:
                        raise Invalid(f"the body is larger than {most} bytes")
                kind = answer.headers.get("content-type", "")
                return Answer(spent(), answer.status_code, bytes(body), kind)
    except UNREACHED as error:
        return Answer(spent(), why=str(error) or type(error).__name__)
