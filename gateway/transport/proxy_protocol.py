"""Read the PROXY protocol (haproxy.org, proxy-protocol.txt), by which a load balancer names the client's address.

Version 2 is binary; version 1, which nginx writes, is a line of text.

The header is read to the exact byte, for what follows belongs to the device or its TLS handshake.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED_BYTES = 16
# Addresses and all that balancers add to them (TLS details, a VPC's endpoint id); a longer header is refused.
MAX_HEADER_BYTES = 2_048
# "PROXY UNKNOWN" with CRLF has more than these; no byte beyond a header may be read.
_FIRST_BYTES = 12
_V1_MAX_BYTES = 107
_V1_START = b"PROXY "
_LOCAL, _PROXY = 0x20, 0x21
# Protocol and family, and where its addresses' bytes are: the source's size, and that of both with their ports.
_TCP4, _TCP6 = 0x11, 0x21
_SIZES = {_TCP4: (4, 12), _TCP6: (16, 36)}


class ProxyHeaderError(Exception):
    """The header is missing or unusable."""


def rest_bytes(fixed: bytes) -> int:
    """Return how many bytes follow the first sixteen of a version 2 header.

    Raises:
        ProxyHeaderError: It is no such header.
    """
    if len(fixed) != _FIXED_BYTES or not fixed.startswith(SIGNATURE) or fixed[12] not in (_LOCAL, _PROXY):
        raise ProxyHeaderError("no header of version 2")
    length = int.from_bytes(fixed[14:16], "big")
    if length > MAX_HEADER_BYTES:
        raise ProxyHeaderError("a header of more than 2 KiB")
    return length


def source_address(fixed: bytes, rest: bytes) -> str | None:
    """Return the client's address of a version 2 header; None where the balancer speaks for itself (LOCAL).

    Raises:
        ProxyHeaderError: The header is unusable.
    """
    if fixed[12] == _LOCAL:
        return None
    if fixed[13] not in _SIZES:
        raise ProxyHeaderError("neither TCP over IPv4 nor over IPv6")
    size, needed = _SIZES[fixed[13]]
    if len(rest) < needed:
        raise ProxyHeaderError("addresses are cut short")
    return str(ip_address(rest[:size]))  # what follows the addresses (TLVs) says nothing we need


def source_address_v1(line: bytes) -> str | None:
    """Return the client's address of a version 1 line; None where it is UNKNOWN.

    Raises:
        ProxyHeaderError: The header is unusable.
    """
    parts = line.removesuffix(b"\r\n").decode("ascii", "replace").split(" ")
    if parts[1:2] == ["UNKNOWN"]:
        return None
    if len(parts) != 6 or parts[1] not in ("TCP4", "TCP6"):
        raise ProxyHeaderError("no header of version 1")
    try:
        address = ip_address(parts[2])
    except ValueError:
        raise ProxyHeaderError("no address") from None
    if address.version != int(parts[1][-1]):
        raise ProxyHeaderError("an address of another family")
    return str(address)


async def read_address(connection: socket.socket, peer: str) -> str:
    """Read the header of a connection just accepted; return the client's address, `peer` where it names none.

    Raises:
        ProxyHeaderError: The header is missing or unusable.
        OSError: The connection broke.
    """
    first = await _exactly(connection, _FIRST_BYTES)
    if first.startswith(_V1_START):
        return source_address_v1(await _line(connection, first)) or peer
    if first != SIGNATURE:
        raise ProxyHeaderError("no header")
    fixed = first + await _exactly(connection, _FIXED_BYTES - _FIRST_BYTES)
    rest = await _exactly(connection, rest_bytes(fixed))
    return source_address(fixed, rest) or peer


async def _line(connection: socket.socket, line: bytes) -> bytes:
    while not line.endswith(b"\r\n"):
        if len(line) >= _V1_MAX_BYTES:
            raise ProxyHeaderError("a line without end")
        line += await _exactly(connection, 1)
    return line


async def _exactly(connection: socket.socket, count: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < count:
        more = await loop.sock_recv(connection, count - len(data))
        if not more:
            raise ProxyHeaderError("the connection ended within the header")
        data += more
    return data
