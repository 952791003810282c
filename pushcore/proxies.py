"""Whose address a request came from, where proxies stand in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from django.conf import settings

Networks = Sequence[IPv4Network | IPv6Network]


def address_of(meta: Mapping[str, Any]) -> str:
    """The client's address, from a WSGI environment (`HttpRequest.META`); empty where there is none."""
    peer, named = str(meta.get("REMOTE_ADDR") or ""), str(meta.get("HTTP_X_FORWARDED_FOR") or "")
    return client_address(peer, named, settings.TRUSTED_PROXIES)


def client_address(peer: str, forwarded_for: str, trusted: Networks) -> str:
    """The last address that no trusted proxy has: `peer` itself, or one of X-Forwarded-For, read from its end.

    What stands before that address may have been written by anybody. Not an address: the proxy's own is returned.
    """
    address = peer
    for named in reversed(forwarded_for.split(",")):
        if not _is_in(address, trusted) or not _is_address(named.strip()):
            return address
        address = named.strip()
    return address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(address: str, networks: Networks) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)
