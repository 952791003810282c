"""The client's address behind proxies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from pushcore.security.proxies import client_address

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # who is no proxy may write what he likes
        ("10.0.0.2", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.2", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.2", "203.0.113.9, 10.0.0.3", "203.0.113.9"),
        ("::1", "2001:db8::5", "2001:db8::5"),
        ("::ffff:10.0.0.2", "203.0.113.9", "203.0.113.9"),  # as a socket for both families names it
        ("10.0.0.2", "203.0.113.9, ::ffff:10.0.0.3", "203.0.113.9"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "unknown", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.3", "10.0.0.3"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_last_address_that_is_no_proxys_is_the_clients(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, TRUSTED) == address
    assert client_address(peer, forwarded, []) == peer
