"""Find the client's address of a request that came through proxies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings

Networks = Sequence[IPv4Network | IPv6Network]

# A customer of an IPv6 provider has at least so much to itself (RFC 6177): it counts as one address.
_IPV6_PREFIX = 64


def address_of(meta: Mapping[str, Any]) -> str:
    """Return the client's address from a WSGI environment (`HttpRequest.META`); empty if there is none."""
    peer, forwarded_for = str(meta.get("REMOTE_ADDR") or ""), str(meta.get("HTTP_X_FORWARDED_FOR") or "")
    return client_address(peer, forwarded_for, settings.TRUSTED_PROXIES)


def client_address(peer: str, forwarded_for: str, trusted: Networks) -> str:
    """Return the last address that is not a trusted proxy's: `peer`, or one of X-Forwarded-For read from its end.

    Anything before that address may have been written by anybody. If an entry is no address, the address of the proxy
    that wrote it is returned.
    """
    address = peer
    for named in reversed(forwarded_for.split(",")):
        if not is_in(address, trusted) or plain_address(named.strip()) is None:
            return address
        address = named.strip()
    return address


def plain_address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address, None if it is none; an IPv4-mapped IPv6 address (RFC 4291) becomes the IPv4 one."""
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def is_in(address: str, networks: Networks) -> bool:
    """Tell whether the text is an address in one of the networks."""
    parsed = plain_address(address)
    return parsed is not None and any(parsed in network for network in networks)


def source_network(address: str) -> str:
    """Return what limits count as one address: an IPv4 address, or the IPv6 network that one customer has."""
    if ":" not in address:
        return address
    plain = plain_address(address)
    if not isinstance(plain, IPv6Address):
        return address if plain is None else str(plain)
    return str(IPv6Network((plain, _IPV6_PREFIX), strict=False))
