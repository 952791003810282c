"""A publisher of a plain MQTT broker, in the event loop of the devices that it publishes to."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
from collections.abc import Iterable, Iterator

from bench.devices.packets import PacketEncoder


class Publisher:
    """Publish with QoS 1, a limited number of messages unacknowledged."""

    def __init__(self, poll: select.epoll, port: int, encoder: PacketEncoder) -> None:
        self._encoder = encoder
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(encoder.connect("publisher", "u", "p"))
        if self._socket.recv(1024)[3]:
            raise SystemExit("the publisher was refused")
        self._socket.setblocking(False)
        poll.register(self._socket.fileno(), select.EPOLLIN)
        self._poll = poll
        self._packets: Iterator[bytes] = iter(())
        self._room = 0
        self._unsent = b""
        self._partial = b""

    def start(self, what: Iterable[tuple[str, bytes]], window: int) -> None:
        """Publish these (topic, payload) pairs, at most `window` of them unacknowledged."""
        self._packets = (
            self._encoder.publish(topic, payload, number % 65_000 + 1) for number, (topic, payload) in enumerate(what)
        )
        self._room = window
        self.advance()

    def advance(self) -> None:
        """Read acknowledgements, and write as many packets as they make room for."""
        try:
            data = self._partial + self._socket.recv(1 << 16)
        except BlockingIOError:
            data = self._partial
        at = 0
        while len(data) - at >= 2 and len(data) - at >= 2 + data[at + 1]:
            self._room += data[at] == 0x40
            at += 2 + data[at + 1]
        self._partial = data[at:]
        ready = list(itertools.islice(self._packets, self._room))
        self._room -= len(ready)
        self._unsent += b"".join(ready)
        if self._unsent:
            with contextlib.suppress(BlockingIOError):
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            waits = select.EPOLLIN | (select.EPOLLOUT if self._unsent else 0)
            self._poll.modify(self._socket.fileno(), waits)
