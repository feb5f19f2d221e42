"""One HTTP request to a target, held to its limits."""

import asyncio
import time
from dataclasses import dataclass

import httpx

from kit.errors import Invalid
from kit.net import guard

ACCEPT = "text/plain;version=0.0.4;q=1,*/*;q=0.1"
UNREACHED = (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError)


@dataclass(frozen=True)
class Answer:
    """What came back, how long it took, and the reason if nothing did."""

    seconds: float
    status: int | None = None
    body: bytes = b""
    why: str | None = None


async def fetch(
    client: httpx.AsyncClient, url: str, *, timeout: float, most: int, allow: bool
) -> Answer:
    """Ask `url` once; at most `most` bytes are read and `timeout` seconds spent in all."""
    began = time.perf_counter()

    def spent() -> float:
        return time.perf_counter() - began

    try:
        async with asyncio.timeout(timeout):
            await guard(url, allow=allow)
            async with client.stream("GET", url, headers={"Accept": ACCEPT}) as answer:
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > most:
                        raise Invalid(f"the body is larger than {most} bytes")
                return Answer(spent(), answer.status_code, bytes(body))
    except UNREACHED as error:
        return Answer(spent(), why=str(error) or type(error).__name__)
