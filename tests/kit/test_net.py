"""Requests do not leave for addresses that could read the cloud's own secrets."""

import asyncio
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from kit.net import AddressNotAllowed, guard, guarded
from tests.support.phone import Phone

BAD = [
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://100.100.100.200/",
    "http://0.0.0.0/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "http:///nothing",
    "http://[half/li",
    "http://host:99999/li",
    "http://a..b/li",
    f"http://{'a' * 70}.com/li",
]


@pytest.mark.parametrize("url", BAD)
async def test_link_local_metadata_and_odd_schemes_are_refused(url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        await guard(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9911/li", "https://10.1.2.3/", "http://[::1]/"])
async def test_loopback_and_private_addresses_are_where_clients_live(url: str) -> None:
    await guard(url)


async def test_a_client_dials_no_address_that_is_not_allowed_even_unasked() -> None:
    async with guarded(httpx.Limits()) as client:
        with pytest.raises(AddressNotAllowed):
            await client.get("http://169.254.169.254/latest/meta-data")


async def test_the_address_that_was_looked_at_is_the_one_that_is_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with Phone() as phone, guarded(httpx.Limits()) as client:
        port = urlsplit(phone.url()).port
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
        answer = await client.post(f"http://two-faced.test:{port}/li", json={})

        assert answer.is_success
        assert phone.calls[0].headers["host"] == f"two-faced.test:{port}"
        assert asked == ["two-faced.test"]


async def test_a_name_with_one_bad_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.1", "169.254.169.254")
        ]

    async with guarded(httpx.Limits()) as client:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        with pytest.raises(AddressNotAllowed):
            await client.get("http://two-faced.test/")
