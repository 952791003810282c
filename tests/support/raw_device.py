"""A device that sends raw MQTT 5 packets over a TCP socket."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

import mqtt5

from tests.support import device_schemas


class RawDevice:
    """A device that sends any bytes and reads packets. A context manager."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15)
        self._buffer = b""

    def send(self, data: bytes | mqtt5.Packet) -> None:
        self.socket.sendall(data if isinstance(data, bytes) else data.write())

    def recv(self) -> mqtt5.Packet | None:
        """Return the next packet, or None if the peer closed the connection."""
        while True:
            try:
                packet, size = mqtt5.read(memoryview(self._buffer))
            except IndexError:
                try:
                    data = self.socket.recv(65536)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self._buffer += data
                continue
            self._buffer = self._buffer[size:]
            if isinstance(packet, mqtt5.PublishPacket):
                device_schemas.check_received(packet.topic, packet.payload)
            return packet

    def connect(self, client_id: str, username: str, password: str, **options: object) -> mqtt5.ConnAckPacket:
        """Send CONNECT; returns the answer."""
        self.send(
            mqtt5.ConnectPacket(client_id, username=username, password=password.encode(), **options)  # type: ignore[arg-type]
        )
        answer = self.recv()
        assert isinstance(answer, mqtt5.ConnAckPacket), answer
        return answer

    def next_publish(self) -> mqtt5.PublishPacket:
        """Return the next packet, which must be a PUBLISH."""
        packet = self.recv()
        assert isinstance(packet, mqtt5.PublishPacket), packet
        return packet

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.socket.close()


def open_websocket(connection: socket.socket, connect: mqtt5.ConnectPacket, headers: bytes = b"") -> None:
    """Upgrade a connection to the gateway and send the CONNECT in one masked frame (RFC 6455, 5.2)."""
    connection.sendall(
        b"GET /gateway/mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\n" + headers + b"\r\n"
    )
    assert connection.recv(4096).startswith(b"HTTP/1.1 101")
    packet = connect.write()
    assert len(packet) > 125
    connection.sendall(b"\x82\xfe" + len(packet).to_bytes(2, "big") + bytes(4) + packet)
