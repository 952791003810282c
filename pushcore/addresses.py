"""IP addresses: which of them the service may call."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

# The well-known prefix 64:ff9b::/96 (RFC 6052), which stands for an IPv4 address.
_NAT64 = int(IPv6Address("64:ff9b::")) >> 32


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public Internet, also when it is wrapped in an IPv6 one."""
    parsed: IPv4Address | IPv6Address = ip_address(address.split("%", 1)[0])
    if isinstance(parsed, IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is not None:
            parsed = inner
        elif int(parsed) >> 32 == _NAT64:
            parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.is_global and not parsed.is_multicast
