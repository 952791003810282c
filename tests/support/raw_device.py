"""A device that does as it is told: raw MQTT 5 packets on a TCP socket."""

from __future__ import annotations

import socket
from types import TracebackType

import mqtt5


class RawDevice:
    """Sends bytes or packets, reads packets. `recv` returns None when the peer has closed."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15)
        self._buffer = b""

    def send(self, data: bytes | mqtt5.Packet) -> None:
        self.socket.sendall(data if isinstance(data, bytes) else data.write())

    def recv(self) -> mqtt5.Packet | None:
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
            return packet

    def connect(self, client_id: str, username: str, password: str, **options: object) -> mqtt5.ConnAckPacket:
        """CONNECT and the answer to it."""
        self.send(
            mqtt5.ConnectPacket(client_id, username=username, password=password.encode(), **options)  # type: ignore[arg-type]
        )
        answer = self.recv()
        assert isinstance(answer, mqtt5.ConnAckPacket), answer
        return answer

    def next_publish(self) -> mqtt5.PublishPacket:
        packet = self.recv()
        assert isinstance(packet, mqtt5.PublishPacket), packet
        return packet

    def __enter__(self) -> RawDevice:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.socket.close()
