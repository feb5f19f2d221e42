"""Requests do not leave for addresses that could read the cloud's own secrets."""

import pytest

from kit.net import AddressNotAllowed, guard

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
