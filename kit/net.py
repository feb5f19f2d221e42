"""Where outgoing requests may not go: link-local addresses, and with them metadata services."""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpcore
import httpx

from kit.errors import Forbidden

METADATA = frozenset({ip_address("100.100.100.200"), ip_address("fd00:ec2::254")})


class AddressNotAllowed(Forbidden):
    """The address lies where a request could read the cloud's own secrets."""

    slug, title = "address-not-allowed", "Requests to this address are not allowed"


def whole(url: str) -> bool:
    """Tell whether `url` is an http or https address that a request can be sent to."""
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        return False
    plain = url.isprintable() and " " not in url
    return plain and parts.scheme in ("http", "https") and bool(named)


def refuse(address: str) -> None:
    """Refuse an address that is link-local or a known metadata service."""
    ip = ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_link_local or ip in METADATA or ip.is_unspecified or ip.is_multicast:
        raise AddressNotAllowed("{address} is link-local or a metadata service", address=address)


async def guard(url: str, *, allow: bool = False) -> None:
    """Refuse `url` if any address that its host resolves to is not allowed."""
    if not whole(url):
        raise AddressNotAllowed("{address!r} is not an http or https address", address=url)
    if allow:
        return
    parts = urlsplit(url)
    await _allowed(parts.hostname or "", parts.port or 0)


async def _allowed(host: str, port: int) -> list[str]:
    """Return the addresses of a host; refuse it if any of them is not allowed."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))
    for address in addresses:
        refuse(address)
    return addresses


class _Checked(httpcore.AnyIOBackend):
    """Dials the very address that was looked at: asked twice, a name may give two answers."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; TLS still asks for its name."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await _allowed(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} was not found in time") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failed: httpcore.NetworkError | httpcore.TimeoutException
        failed = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


@cache
def _tls() -> ssl.SSLContext:
    """Return what every client of ours trusts, read once: there are 140 certificates."""
    return httpx.create_ssl_context(trust_env=False)


def guarded(
    limits: httpx.Limits, *, allow: bool = False, timeout: float = 5.0
) -> httpx.AsyncClient:
    """Return a client that connects to no address that is not allowed; the caller closes it."""
    transport = httpx.AsyncHTTPTransport(verify=_tls(), limits=limits, trust_env=False)
    if not allow:
        transport._pool = httpcore.AsyncConnectionPool(  # httpx has no other way to say how to dial
            ssl_context=_tls(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Checked(),
        )
    return httpx.AsyncClient(
        transport=transport, timeout=timeout, follow_redirects=False, trust_env=False
    )
