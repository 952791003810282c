"""A cheap HTTP load client: one thread, one epoll, keep-alive connections, requests prepared before the run."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# The run fails if no answer comes for so long.
SILENCE_SECONDS = 30.0
_RECEIVE_BYTES = 65536


class LoadError(Exception):
    """The service closed a connection, hung, or did not answer with HTTP. The message is one line."""


@dataclass(slots=True)
class Load:
    """What a run measured.

    Attributes:
        seconds: From the first request to the last answer.
        cpu_seconds: CPU time of the client.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    accepted: int = 0
    other: int = 0
    first_other: bytes = b""

    @property
    def per_second(self) -> float:
        """Return the accepted requests a second."""
        return self.accepted / self.seconds


class _Connection:
    """A keep-alive connection with at most one unanswered request."""

    __slots__ = ("received", "sent_at", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=SILENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Read what has arrived; returns the whole answer, or None while a part is missing."""
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            raise LoadError(f"a connection was closed after {self.received[:200]!r}")
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        return self.received if found and len(body) >= _content_length(head) else None


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    if not found:
        raise LoadError(f"an answer without a length: {head[:200]!r}")
    return int(rest.split(b"\r\n", 1)[0])


def run(
    address: tuple[str, int], requests: Sequence[bytes], *, connections: int, seconds: float, success: bytes
) -> Load:
    """Send each of `requests` once over `connections`, for `seconds` or until they are used up.

    An answer that contains `success` counts as accepted.

    Raises:
        LoadError: The service closed a connection, hung, or did not answer with HTTP.
        OSError: No connection can be opened.
    """
    opened = {one.socket.fileno(): one for one in (_Connection(address) for _ in range(connections))}
    poll = select.epoll()
    for descriptor in opened:
        poll.register(descriptor, select.EPOLLIN)
    load = Load()
    try:
        _exchange(opened, poll, iter(requests), seconds, success, load)
    finally:
        poll.close()
        for one in opened.values():
            one.socket.close()
    return load


def _exchange(
    opened: dict[int, _Connection],
    poll: select.epoll,
    requests: Iterator[bytes],
    seconds: float,
    success: bytes,
    load: Load,
) -> None:
    """Send the next request on each connection that was answered; after `seconds`, wait for the last answers."""
    cpu, started = time.process_time(), time.perf_counter()
    waiting = 0
    for one in opened.values():
        one.send(next(requests))
        waiting += 1
    while waiting:
        events = poll.poll(SILENCE_SECONDS)
        if not events:
            raise LoadError(f"no answer within {SILENCE_SECONDS:.0f} s")
        for descriptor, _ in events:
            one = opened[descriptor]
            answer = one.receive()
            if answer is None:
                continue
            now = time.perf_counter()
            _note(load, answer, (now - one.sent_at) * 1000, success)
            request = next(requests, None) if now - started < seconds else None
            if request is None:
                waiting -= 1
            else:
                one.send(request)
    load.seconds = time.perf_counter() - started
    load.cpu_seconds = time.process_time() - cpu


def _note(load: Load, answer: bytes, milliseconds: float, success: bytes) -> None:
    load.milliseconds.append(milliseconds)
    if success in answer:
        load.accepted += 1
    else:
        load.other += 1
        load.first_other = load.first_other or answer
