"""What load clients send: MQTT packets, WebSocket frames, and payloads that carry the time."""

from __future__ import annotations

import time


class PacketEncoder:
    """Encode packets for a version of MQTT: 5, or 4 (3.1.1)."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._no_properties = b"\0" if version == 5 else b""

    def connect(self, client_id: str, username: str, password: str) -> bytes:
        """Encode a CONNECT for a clean session with a keep alive of 1,200 s."""
        head = _text("MQTT") + bytes((self._version, 0xC2)) + (1200).to_bytes(2, "big") + self._no_properties
        return _packet(0x10, head + _text(client_id) + _text(username) + _text(password))

    def subscribe(self, topics: list[str]) -> bytes:
        """Encode a SUBSCRIBE to these topics with QoS 1."""
        return _packet(0x82, b"\0\1" + self._no_properties + b"".join(_text(topic) + b"\1" for topic in topics))

    def publish(self, topic: str, payload: bytes, packet_id: int) -> bytes:
        """Encode a PUBLISH with QoS 1."""
        return _packet(0x32, _text(topic) + packet_id.to_bytes(2, "big") + self._no_properties + payload)


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _packet(first: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((first, *length, rest)) + body


def timed_payload(size: int) -> bytes:
    """Return a payload of `size` bytes that contains the current monotonic time."""
    return f'{{"t":"{time.monotonic():016.6f}","b":"'.encode().ljust(size - 2, b"x") + b'"}'


def websocket_frame(payload: bytes) -> bytes:
    """Wrap a payload in a client's binary frame, masked with zeros so that it stays as it is."""
    if len(payload) < 126:
        return b"\x82" + bytes([0x80 | len(payload)]) + b"\0\0\0\0" + payload
    return b"\x82\xfe" + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload
