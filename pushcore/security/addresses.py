"""Decide which IP addresses the service may call.

A block whose "Globally Reachable" is not "True" in IANA's registries of special-purpose addresses is not called:
https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, of July 2026. Python's own
`is_global` follows them as of the interpreter's age, and calls site-local, IPv4-compatible and translated addresses
global.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

# What wraps an IPv4 address that is the one called: RFC 4291, 2.5.5.2 (the kernel connects to it), and the well-known
# prefix of NAT64 (RFC 6052).
_WRAPPING = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
# All of IPv6 that is global unicast (IANA's IPv6 address space): what else there is, is local, multicast, translated
# (RFC 2765, RFC 8215), compatible (RFC 4291, 2.5.5.1) or site-local (RFC 3879).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_REACHABLE = tuple(
    map(
        ip_network,
        (
            "192.0.0.9/32", "192.0.0.10/32",
            "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32", "2001:4:112::/48", "2001:20::/28",
            "2001:30::/28",
        ),
    )
)  # fmt: skip
_UNREACHABLE = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "240.0.0.0/4",
            # 2001::/23 holds Teredo, benchmarking and what was ORCHID; 2002::/16 is 6to4, whose relays are given up.
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
            # Multicast (RFC 5771).
            "224.0.0.0/4",
            # Azure's own services of a machine, under a public address; all other clouds' are in blocks above.
            # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
            "168.63.129.16/32",
        ),
    )
)  # fmt: skip


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public Internet.

    Args:
        address: An IPv4 or IPv6 address, with or without a zone. An IPv4 address wrapped in an IPv6 one is unwrapped.
    """
    parsed: IPv4Address | IPv6Address = ip_address(address.split("%", 1)[0])
    if any(parsed in wrapping for wrapping in _WRAPPING):
        parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
    if any(parsed in block for block in _REACHABLE):
        return True
    if isinstance(parsed, IPv6Address) and parsed not in _GLOBAL_UNICAST:
        return False
    return not any(parsed in block for block in _UNREACHABLE)
