"""MQTT 3.1.1 packets as a device writes them, byte by byte from the standard."""

from __future__ import annotations


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(2, "big") + raw


def packet(first: int, body: bytes) -> bytes:
    length = bytes((len(body),)) if len(body) < 128 else bytes((len(body) & 0x7F | 0x80, len(body) >> 7))
    return bytes((first,)) + length + body


def connect(
    client_id: str | bytes = "ad-token",
    username: str | None = "u",
    password: bytes | None = b"p",
    *,
    keep_alive: int = 60,
    flags: int = 0x02,
    will: bytes = b"",
    level: int = 4,
) -> bytes:
    flags |= (0x80 if username is not None else 0) | (0x40 if password is not None else 0)
    body = text("MQTT") + bytes((level, flags)) + keep_alive.to_bytes(2, "big") + text(client_id) + will
    return packet(0x10, body + b"".join(text(part) for part in (username, password) if part is not None))


def publish(topic: str | bytes, payload: bytes, *, packet_id: int | None = 3, flags: int | None = None) -> bytes:
    first = 0x30 | ((0 if packet_id is None else 2) if flags is None else flags)
    number = b"" if packet_id is None else packet_id.to_bytes(2, "big")
    return packet(first, text(topic) + number + payload)


def puback(packet_id: int) -> bytes:
    return packet(0x40, packet_id.to_bytes(2, "big"))


def subscribe(packet_id: int, *filters: tuple[str | bytes, int]) -> bytes:
    body = b"".join(text(pattern) + bytes((qos,)) for pattern, qos in filters)
    return packet(0x82, packet_id.to_bytes(2, "big") + body)


def unsubscribe(packet_id: int, *patterns: str | bytes) -> bytes:
    return packet(0xA2, packet_id.to_bytes(2, "big") + b"".join(map(text, patterns)))
