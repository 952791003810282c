"""A TCP proxy between an agent and the gateway that misbehaves as networks and servers do.

It knows where MQTT packets begin and end, so that a scenario can withhold one kind of packet.
"""

from __future__ import annotations

import contextlib
import socket

from tests.support.cutting_proxy import CuttingProxy, Link

CONNECT, CONNACK, PUBLISH, PUBACK, DISCONNECT = 1, 2, 3, 4, 14


class FaultProxy(CuttingProxy):
    """Forward MQTT connections over TCP, less what a scenario withholds. A context manager."""

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port)
        # Kinds of packets that are not forwarded: to the server, and to the device.
        self._swallowed_up: frozenset[int] = frozenset()
        self._held_down: frozenset[int] = frozenset()
        # Packets held on their way to the device, and what a side has sent of a packet that is not complete.
        self._held: list[tuple[Link, bytes]] = []
        self._partial: dict[socket.socket, bytes] = {}
        # How many packets of each kind went which way.
        self._sent: dict[int, int] = {}
        self._received: dict[int, int] = {}
        # The answer to the next CONNECT, if the server does not give it.
        self._refusal: bytes | None = None

    @property
    def url(self) -> str:
        """The endpoint of an agent's configuration."""
        return f"mqtt://127.0.0.1:{self.port}"

    # -- faults -----------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Close all connections, as a network that is lost; what is held is lost too."""
        with self._changed:
            self._held.clear()
        super().cut()

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
        """Forward everything again; what is held stays so until its connection ends."""
        self._swallowed_up = self._held_down = frozenset()

    def disconnect(self, code: int) -> None:
        """Send a DISCONNECT with a reason code to each device, and close."""
        for link in self._take_links():
            with contextlib.suppress(OSError):
                link.device.sendall(bytes([DISCONNECT << 4, 2, code, 0]))
            link.close()

    def refuse_next(self, code: int) -> None:
        """Answer the next CONNECT with a reason code."""
        self._refusal = bytes([CONNACK << 4, 3, 0, code, 0])

    # -- what has happened ------------------------------------------------------------------------------------------

    def sent(self, kind: int) -> int:
        """Return how many packets of a kind devices have sent, dropped ones too."""
        return self._sent.get(kind, 0)

    def received(self, kind: int) -> int:
        """Return how many packets of a kind the server has sent, held ones too."""
        return self._received.get(kind, 0)

    # -- forwarding -------------------------------------------------------------------------------------------------

    def _forward(self, link: Link, data: bytes, sink: socket.socket) -> None:
        buffer = self._partial.pop(sink, b"") + data
        while size := _packet_size(buffer):
            packet, buffer = buffer[:size], buffer[size:]
            if self._passes(link, packet, up=sink is link.server):
                sink.sendall(packet)
        if buffer:
            self._partial[sink] = buffer

    def _passes(self, link: Link, packet: bytes, *, up: bool) -> bool:
        """Count a packet; tell whether it is to be forwarded now."""
        kind, counts = packet[0] >> 4, self._sent if up else self._received
        with self._changed:
            counts[kind] = counts.get(kind, 0) + 1
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
