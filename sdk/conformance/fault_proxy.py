"""A TCP proxy between an agent and the gateway that misbehaves as networks and servers do.

It knows where MQTT packets begin and end, so that a scenario can withhold one kind of packet.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

CONNECT, CONNACK, PUBLISH, PUBACK, DISCONNECT = 1, 2, 3, 4, 14
WAIT_SECONDS = 30.0


class Link:
    """One connection through the proxy: its two sockets, and the kinds of packets that passed, by direction."""

    def __init__(self, device: socket.socket, server: socket.socket) -> None:
        self.device = device
        self.server = server

    def close(self) -> None:
        """Close both sides at once, without a DISCONNECT."""
        for end in (self.device, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class FaultProxy:
    """Forward connections from a free port to the gateway. A context manager.

    Attributes:
        port: Where agents connect.
        attempts: How many connections were made to it, refused ones too.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.attempts = 0
        self._links: list[Link] = []
        self._changed = threading.Condition()
        self._refusing = False
        # Kinds of packets that are not forwarded: to the server, and to the device.
        self._swallowed_up: frozenset[int] = frozenset()
        self._held_down: frozenset[int] = frozenset()
        # Packets held on their way to the device, and how many packets of each kind went which way.
        self._held: list[tuple[Link, bytes]] = []
        # The answer to the next CONNECT, if the server does not give it.
        self._refusal: bytes | None = None
        self._counts: dict[tuple[str, int], int] = {}

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    @property
    def url(self) -> str:
        """The endpoint of an agent's configuration."""
        return f"mqtt://127.0.0.1:{self.port}"

    # -- faults -----------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Close all connections, as a network that is lost."""
        with self._changed:
            links, self._links = self._links, []
            self._held.clear()
        for link in links:
            link.close()

    def disappear(self) -> None:
        """Close all connections, and each new one at once, until `reappear`."""
        self._refusing = True
        self.cut()

    def reappear(self) -> None:
        """Forward connections again."""
        self._refusing = False

    def hold(self, kind: int) -> None:
        """Hold the server's packets of a kind back, until `let_go` or the end of the connection."""
        self._held_down |= {kind}

    def let_go(self) -> None:
        """Forward what is held, and hold nothing any more."""
        with self._changed:
            held, self._held = self._held, []
            self._held_down = frozenset()
        for link, packet in held:
            with contextlib.suppress(OSError):
                link.device.sendall(packet)

    def swallow(self, kind: int) -> None:
        """Drop the device's packets of a kind, until `forward_all`."""
        self._swallowed_up |= {kind}

    def forward_all(self) -> None:
        """Forward everything again."""
        self._swallowed_up = self._held_down = frozenset()

    def disconnect(self, code: int) -> None:
        """Send a DISCONNECT with a reason code to each device, and close."""
        with self._changed:
            links, self._links = self._links, []
        for link in links:
            with contextlib.suppress(OSError):
                link.device.sendall(bytes([DISCONNECT << 4, 2, code, 0]))
            link.close()

    def refuse_next(self, code: int) -> None:
        """Answer the next CONNECT with a reason code."""
        self._refusal = bytes([CONNACK << 4, 3, 0, code, 0])

    # -- what has happened ------------------------------------------------------------------------------------------

    def sent(self, kind: int) -> int:
        """Return how many packets of a kind devices have sent, dropped ones too."""
        return self._counts.get(("up", kind), 0)

    def received(self, kind: int) -> int:
        """Return how many packets of a kind the server has sent, held ones too."""
        return self._counts.get(("down", kind), 0)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition on what passed holds."""
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_SECONDS), f"waited in vain for {what}"

    # -- forwarding -------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # until the listener is closed
            while True:
                device, _ = self._listener.accept()
                with self._changed:
                    self.attempts += 1
                    self._changed.notify_all()
                if self._refusing:
                    device.close()
                    continue
                link = Link(device, socket.create_connection(("127.0.0.1", self._target_port)))
                with self._changed:
                    self._links.append(link)
                for up in (True, False):
                    threading.Thread(target=self._forward, args=(link, up), daemon=True).start()

    def _forward(self, link: Link, up: bool) -> None:
        source, sink, buffer = (link.device, link.server, b"") if up else (link.server, link.device, b"")
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                buffer += data
                while size := _packet_size(buffer):
                    packet, buffer = buffer[:size], buffer[size:]
                    if self._passes(link, packet, up):
                        sink.sendall(packet)
        link.close()

    def _passes(self, link: Link, packet: bytes, up: bool) -> bool:
        """Note a packet; tell whether it is to be forwarded now."""
        kind = packet[0] >> 4
        with self._changed:
            key = ("up" if up else "down", kind)
            self._counts[key] = self._counts.get(key, 0) + 1
            self._changed.notify_all()
            if not up and kind in self._held_down:
                self._held.append((link, packet))
                return False
        if up and kind == CONNECT and self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            link.device.sendall(refusal)
            link.close()
            return False
        return not (up and kind in self._swallowed_up)


def _packet_size(data: bytes) -> int:
    """Return the size of the packet that data begins with (MQTT 5, 2.1.4); 0 while it is not complete."""
    size, shift = 0, 0
    for position in range(1, min(5, len(data))):
        size |= (data[position] & 0x7F) << shift
        if not data[position] & 0x80:
            total = position + 1 + size
            return total if total <= len(data) else 0
        shift += 7
    return 0
