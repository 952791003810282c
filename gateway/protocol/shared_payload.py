"""Encode the payload of a broadcast once for many sessions."""

from __future__ import annotations

from mqtt5 import PublishPacket, QoS

from gateway.protocol.packets import DUP, INBOX, packet_id_bytes, plain_message


class SharedPayload:
    """Builds QoS 1 PUBLISH packets to the inbox from one payload.

    Packet ids are few (`gateway.protocol.outbound.MAX_PACKET_ID`). While the payload is sent to all sessions, packets
    are cached by packet id; `given` ends that, so the cache is bounded by the broadcasts of the moment.
    """

    __slots__ = ("_head", "_kept", "_kept_plain", "_seconds_left", "_tail", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._seconds_left = -1
        self._head = b""
        self._tail = b""
        self._kept: dict[int, bytes] | None = {}
        self._kept_plain: dict[int, bytes] | None = {}

    def given(self) -> None:
        """Drop the cache: all sessions got the payload, and later ones are few at a time."""
        self._kept = self._kept_plain = None

    def packet(self, packet_id: int, seconds_left: int, dup: bool) -> bytes:
        """Return the MQTT 5 packet (3.3); `seconds_left` is the Message Expiry Interval."""
        if seconds_left != self._seconds_left:
            self._encode(seconds_left)
        kept = self._kept
        if kept is None or dup:
            head = bytes((self._head[0] | DUP,)) + self._head[1:] if dup else self._head
            return b"".join((head, packet_id_bytes(packet_id), self._tail))
        packet = kept.get(packet_id)
        if packet is None:
            packet = kept[packet_id] = b"".join((self._head, packet_id_bytes(packet_id), self._tail))
        return packet

    def plain_packet(self, packet_id: int, dup: bool) -> bytes:
        """Return the MQTT 3.1.1 packet, which has no properties."""
        kept = self._kept_plain
        if kept is None or dup:
            return plain_message(packet_id, self.payload, dup)
        packet = kept.get(packet_id)
        if packet is None:
            packet = kept[packet_id] = plain_message(packet_id, self.payload, dup)
        return packet

    def _encode(self, seconds_left: int) -> None:
        whole = PublishPacket(
            INBOX,
            self.payload,
            qos=QoS.AT_LEAST_ONCE,
            packet_id=1,
            payload_format_indicator=1,
            message_expiry_interval=seconds_left,
        ).write()
        # The packet id follows the topic (3.3.2.2): type, length of one to four bytes, topic.
        start = 1
        while whole[start] & 0x80:
            start += 1
        place = start + 1 + 2 + len(INBOX)
        self._head, self._tail, self._seconds_left = whole[:place], whole[place + 2 :], seconds_left
        if self._kept is not None:
            self._kept = {}
