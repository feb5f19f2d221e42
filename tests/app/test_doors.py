"""Bodies at the outermost door: they end in time, and have neither too many bytes nor values."""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message

from app import doors
from app.doors import BODY_MOST, VALUES_MOST, Body


def sent(*parts: bytes, more: bool = False) -> list[Message]:
    last = len(parts) - 1
    return [
        {"type": "http.request", "body": part, "more_body": more or n < last}
        for n, part in enumerate(parts)
    ]


async def read(*messages: Message, separator: bytes = b",") -> bytes:
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0)

    body, whole = Body(receive, separator=separator), bytearray()
    while True:
        message = await body()
        whole += message["body"]
        if not message["more_body"]:
            return bytes(whole)


async def test_a_body_is_handed_on_as_it_came() -> None:
    assert await read(*sent(b"[1,", b"2]")) == b"[1,2]"


@pytest.mark.parametrize(
    "parts",
    [(b"x" * BODY_MOST, b"x"), (b"," * (VALUES_MOST // 2), b"," * (VALUES_MOST // 2))],
    ids=["bytes", "values"],
)
async def test_a_body_that_goes_on_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(HTTPException) as refused:
        await read(*sent(*parts))
    assert refused.value.status_code == 413


async def test_a_body_that_does_not_come_ends_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "BODY_WITHIN", 0.01)

    async def never() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(HTTPException) as refused:
        await Body(never, separator=b",")()
    assert refused.value.status_code == 408
    assert refused.value.headers == {"Connection": "close"}
