"""Encode the payload of a broadcast once for many sessions."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from mqtt5 import PublishPacket, QoS

from gateway.protocol.packets import DUP, INBOX_TOPIC, message_without_properties


class SharedPayload:
    """Builds QoS 1 PUBLISH packets to the inbox from one payload, of which only the packet id differs."""

    __slots__ = ("_form", "_form_without_properties", "_seconds_left", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._seconds_left = -1
        self._form = self._form_without_properties = _form_of(message_without_properties(1, payload, dup=False))

    def packet(self, packet_id: int, seconds_left: int, dup: bool) -> bytes:
        """Return the MQTT 5 packet (3.3); `seconds_left` is the Message Expiry Interval."""
        if seconds_left != self._seconds_left:
            self._encode(seconds_left)
        pack, head, tail = self._form
        packet = pack(head, packet_id, tail)
        return _as_duplicate(packet) if dup else packet

    def packet_without_properties(self, packet_id: int, dup: bool) -> bytes:
        """Return the MQTT 3.1.1 packet, which has no properties."""
        pack, head, tail = self._form_without_properties
        packet = pack(head, packet_id, tail)
        return _as_duplicate(packet) if dup else packet

    def _encode(self, seconds_left: int) -> None:
        self._seconds_left = seconds_left
        self._form = _form_of(
            PublishPacket(
                INBOX_TOPIC,
                self.payload,
                qos=QoS.AT_LEAST_ONCE,
                packet_id=1,
                payload_format_indicator=1,
                message_expiry_interval=seconds_left,
            ).write()
        )


def _form_of(packet: bytes) -> tuple[Callable[..., bytes], bytes, bytes]:
    """Return the parts of a packet before and after its packet id, and what packs them with another one."""
    # The packet id follows the topic (3.3.2.2): type, length of one to four bytes, topic.
    start = 1
    while packet[start] & 0x80:
        start += 1
    packet_id_at = start + 1 + 2 + len(INBOX_TOPIC)
    head, tail = packet[:packet_id_at], packet[packet_id_at + 2 :]
    return Struct(f">{len(head)}sH{len(tail)}s").pack, head, tail  # half the time of joining them


def _as_duplicate(packet: bytes) -> bytes:
    return bytes((packet[0] | DUP,)) + packet[1:]
