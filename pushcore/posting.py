"""Posting to URLs customers give: many at once, bounded in time and size, never into our own network.

The address is checked when the socket is opened, so a redirect or a name that changes its address between attempts
cannot reach a private one either (server-side request forgery).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import certifi
import pycurl

CONNECT_TIMEOUT_MS = 5_000
TIMEOUT_MS = 10_000
MAX_REDIRECTS = 3
MAX_CONNECTIONS_PER_HOST = 16
MAX_ANSWER_BYTES = 65_536

_PRIVATE = "the address is private, loopback or link-local"


@dataclass(frozen=True, slots=True)
class Posting:
    """A JSON body to POST."""

    url: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PostResult:
    """What came back: an HTTP status, or an error; and how long it took."""

    status: int | None
    error: str
    duration_ms: int

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and not self.error


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public Internet, also when it is wrapped in an IPv6 one."""
    parsed: IPv4Address | IPv6Address = ip_address(address.split("%", 1)[0])
    if isinstance(parsed, IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is not None:
            parsed = inner
        elif parsed in _NAT64:
            parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.is_global and not parsed.is_multicast


class _Nat64:
    """The well-known prefix 64:ff9b::/96 (RFC 6052), which stands for an IPv4 address."""

    _prefix = int(IPv6Address("64:ff9b::")) >> 32

    def __contains__(self, address: IPv6Address) -> bool:
        return int(address) >> 32 == self._prefix


_NAT64 = _Nat64()


def post_all(postings: Sequence[Posting], *, allow_private: bool) -> list[PostResult]:
    """POST all side by side; the results stand in the order of the postings. Raises nothing for a bad URL or host."""
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, MAX_CONNECTIONS_PER_HOST)
    transfers = [_Transfer(posting, allow_private=allow_private) for posting in postings]
    for transfer in transfers:
        multi.add_handle(transfer.handle)
    by_handle = {transfer.handle: transfer for transfer in transfers}
    running = len(transfers)
    while running:
        _, running = multi.perform()
        _collect(multi, by_handle)
        if running:
            multi.select(1.0)
    _collect(multi, by_handle)
    for transfer in transfers:
        multi.remove_handle(transfer.handle)
        transfer.close()
    multi.close()
    return [transfer.result for transfer in transfers]


def _collect(multi: Any, by_handle: dict[Any, _Transfer]) -> None:
    more = 1
    while more:
        more, done, failed = multi.info_read()
        for handle in done:
            by_handle[handle].finish("")
        for handle, _code, message in failed:
            by_handle[handle].finish(message)


class _Transfer:
    """One POST on its own curl handle."""

    def __init__(self, posting: Posting, *, allow_private: bool) -> None:
        self.result = PostResult(None, "not finished", 0)
        self._refused = False
        self._received = 0
        # libcurl works on a duplicate of each socket; ours are closed with the transfer.
        self._opened: list[socket.socket] = []
        self.handle = handle = pycurl.Curl()
        handle.setopt(pycurl.URL, posting.url)
        handle.setopt(pycurl.POST, 1)
        handle.setopt(pycurl.POSTFIELDS, posting.body)
        handle.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json; charset=utf-8", "Expect:"])
        handle.setopt(pycurl.USERAGENT, "message-push-service")
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.CAINFO, certifi.where())
        handle.setopt(pycurl.FOLLOWLOCATION, 1)
        handle.setopt(pycurl.MAXREDIRS, MAX_REDIRECTS)
        handle.setopt(pycurl.POSTREDIR, pycurl.REDIR_POST_ALL)
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS)
        handle.setopt(pycurl.TIMEOUT_MS, TIMEOUT_MS)
        handle.setopt(pycurl.WRITEFUNCTION, self._swallow)
        handle.setopt(pycurl.OPENSOCKETFUNCTION, self._opener(allow_private))

    def _swallow(self, chunk: bytes) -> int:
        """The answer's body does not matter; an endless one is cut off."""
        self._received += len(chunk)
        return len(chunk) if self._received <= MAX_ANSWER_BYTES else -1

    def _opener(self, allow_private: bool) -> Callable[[int, tuple[Any, ...]], Any]:
        def open_socket(_purpose: int, endpoint: tuple[Any, ...]) -> Any:
            family, kind, protocol, address = endpoint
            if family not in (socket.AF_INET, socket.AF_INET6) or not (allow_private or is_public(_host(address))):
                self._refused = True
                return pycurl.SOCKET_BAD
            self._opened.append(socket.socket(family, kind, protocol))
            return self._opened[-1]

        return open_socket

    def finish(self, error: str) -> None:
        status = self.handle.getinfo(pycurl.RESPONSE_CODE) or None
        self.result = PostResult(
            status,
            _PRIVATE if self._refused and error else error,
            int(self.handle.getinfo(pycurl.TOTAL_TIME) * 1000),
        )

    def close(self) -> None:
        self.handle.close()
        for opened in self._opened:
            opened.close()


def _host(address: tuple[Any, ...]) -> str:
    host = address[0]
    return host.decode() if isinstance(host, bytes) else str(host)
