"""Where outgoing requests may not go: link-local addresses, and with them metadata services."""

import asyncio
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

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
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    found = await loop.getaddrinfo(parts.hostname, parts.port or 0, type=socket.SOCK_STREAM)
    for _, _, _, _, address in found:
        refuse(str(address[0]))
