"""Encode the payload of a broadcast once for many sessions."""

from __future__ import annotations

from mqtt5 import PublishPacket, QoS

from gateway.protocol.packets import DUP, INBOX_TOPIC, message_without_properties, packet_id_bytes


class SharedPayload:
    """Builds QoS 1 PUBLISH packets to the inbox from one payload, of which only the packet id differs."""

    __slots__ = ("_head", "_seconds_left", "_tail", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._seconds_left = -1
        self._head = b""
        self._tail = b""

    def packet(self, packet_id: int, seconds_left: int, dup: bool) -> bytes:
        """Return the MQTT 5 packet (3.3); `seconds_left` is the Message Expiry Interval."""
        if seconds_left != self._seconds_left:
            self._encode(seconds_left)
        head = bytes((self._head[0] | DUP,)) + self._head[1:] if dup else self._head
        return b"".join((head, packet_id_bytes(packet_id), self._tail))

    def packet_without_properties(self, packet_id: int, dup: bool) -> bytes:
        """Return the MQTT 3.1.1 packet, which has no properties."""
        return message_without_properties(packet_id, self.payload, dup)

    def _encode(self, seconds_left: int) -> None:
        encoded = PublishPacket(
            INBOX_TOPIC,
            self.payload,
            qos=QoS.AT_LEAST_ONCE,
            packet_id=1,
            payload_format_indicator=1,
            message_expiry_interval=seconds_left,
        ).write()
        # The packet id follows the topic (3.3.2.2): type, length of one to four bytes, topic.
        start = 1
        while encoded[start] & 0x80:
            start += 1
        packet_id_at = start + 1 + 2 + len(INBOX_TOPIC)
        self._head, self._tail, self._seconds_left = encoded[:packet_id_at], encoded[packet_id_at + 2 :], seconds_left
