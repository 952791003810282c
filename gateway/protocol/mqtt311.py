"""MQTT 3.1.1 packets for the session (OASIS, 2014; section numbers are its own): see `gateway.protocol.versions`.

The version has no properties and few reason codes. What it cannot express is left out: a session ends with the close,
a refused PUBLISH is acknowledged and dropped (3.3.5), and a new device gets its id and secret over HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mqtt5
from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import DisconnectReasonCode as Reason
from mqtt5 import PubAckReasonCode as PubAck
from mqtt5 import QoS
from mqtt5 import SubAckReasonCode as SubAck

from gateway.protocol import packets
from gateway.protocol.packets import DUP, publish_head, variable_length
from gateway.protocol.shared_payload import SharedPayload

_CONNACK_ACCEPTED = b"\x20\x02\x00\x00"
# Return codes of a CONNACK (3.2.2.3); all other reasons become "not authorized".
_UNACCEPTABLE_VERSION, _IDENTIFIER_REJECTED, _SERVER_UNAVAILABLE, _BAD_USER_OR_PASSWORD, _NOT_AUTHORIZED = range(1, 6)
_RETURN_CODES = {
    int(ConnAck.UNSUPPORTED_PROTOCOL_VERSION): _UNACCEPTABLE_VERSION,
    int(ConnAck.CLIENT_ID_NOT_VALID): _IDENTIFIER_REJECTED,
    int(ConnAck.BAD_USER_NAME_OR_PASSWORD): _BAD_USER_OR_PASSWORD,
    int(ConnAck.SERVER_UNAVAILABLE): _SERVER_UNAVAILABLE,
    int(ConnAck.SERVER_BUSY): _SERVER_UNAVAILABLE,
    int(ConnAck.QUOTA_EXCEEDED): _SERVER_UNAVAILABLE,
    int(ConnAck.CONNECTION_RATE_EXCEEDED): _SERVER_UNAVAILABLE,
}
_REFUSED_SUBSCRIPTION = 0x80
_NO_PACKET = b""

# Required flags of each packet type (2.2.2); those of a PUBLISH carry meaning.
_FLAGS = {
    packets.CONNECT: 0,
    packets.PUBACK: 0,
    packets.SUBSCRIBE: 2,
    packets.UNSUBSCRIBE: 2,
}
_CLEAN, _WILL, _PASSWORD, _USERNAME = 0x02, 0x04, 0x40, 0x80


class Version311:
    """MQTT 3.1.1."""

    announces_limits = False
    assigns_client_ids = False

    def decode(self, raw: bytes) -> mqtt5.Packet | Reason:
        """Decode a packet of a kind that devices send; return the reason to disconnect with if it is not acceptable."""
        kind, at = raw[0] >> 4, packets.variable_header_start(raw)
        if _FLAGS.get(kind, raw[0] & 0x0F) != raw[0] & 0x0F:
            return Reason.MALFORMED_PACKET
        try:
            return _READERS[kind](raw, at)
        except (ValueError, IndexError):
            return Reason.MALFORMED_PACKET

    def connack(self, client_id: str, secret: str | None, keep_alive: int | None) -> bytes:
        """Return the CONNACK that admits a device."""
        return _CONNACK_ACCEPTED

    def connack_refused(self, code: ConnAck, retry_after: int) -> bytes:
        """Return the CONNACK that refuses a device."""
        return bytes((0x20, 2, 0, _RETURN_CODES.get(int(code), _NOT_AUTHORIZED)))

    def message(self, packet_id: int, payload: bytes | SharedPayload, ms_left: int, dup: bool) -> bytes:
        """Return a QoS 1 PUBLISH to the inbox."""
        if isinstance(payload, SharedPayload):
            return payload.packet_without_properties(packet_id, dup)
        return packets.message_without_properties(packet_id, payload, dup)

    def answer(self, topic: str, body: bytes, correlation_data: bytes | None) -> bytes:
        """Return the QoS 0 PUBLISH that answers a request."""
        return b"%b%b" % (publish_head(0x30, topic.encode(), len(body)), body)

    def puback(self, packet_id: int, code: PubAck) -> bytes:
        """Return a PUBACK."""
        return b"\x40\x02" + packet_id.to_bytes(2, "big")

    def suback(self, packet_id: int, codes: Sequence[SubAck]) -> bytes:
        """Return a SUBACK."""
        granted = bytes(int(code) if int(code) < _REFUSED_SUBSCRIPTION else _REFUSED_SUBSCRIPTION for code in codes)
        return b"\x90%b%b%b" % (variable_length(2 + len(granted)), packet_id.to_bytes(2, "big"), granted)

    def unsuback(self, packet_id: int, count: int) -> bytes:
        """Return an UNSUBACK for `count` topic filters."""
        return b"\xb0\x02" + packet_id.to_bytes(2, "big")

    def disconnect(self, reason: Reason) -> bytes:
        """Return what is sent before the server closes; empty if nothing is."""
        return _NO_PACKET


def _text(raw: bytes, at: int) -> tuple[str, int]:
    end = packets.skip_text(raw, at)
    return raw[at + 2 : end].decode(), end


def _number(raw: bytes, at: int) -> int:
    if at + 2 > len(raw):
        raise ValueError("the packet ends within a number")
    return (raw[at] << 8) | raw[at + 1]


def _connect(raw: bytes, at: int) -> mqtt5.ConnectPacket:
    """Read a CONNECT (3.1). A will is skipped, as in MQTT 5: nobody could receive it."""
    flags = raw[at + 7]
    packets.check_connect_flags(flags)
    if flags & _PASSWORD and not flags & _USERNAME:
        raise ValueError("a password without a user name")  # 3.1.2.9
    keep_alive = _number(raw, at + 8)
    client_id, at = _text(raw, at + 10)
    username: str | None = None
    password: bytes | None = None
    if flags & _WILL:
        at = packets.skip_binary(raw, packets.skip_text(raw, at))
    if flags & _USERNAME:
        username, at = _text(raw, at)
    if flags & _PASSWORD:
        start, at = at + 2, packets.skip_binary(raw, at)
        password = raw[start:at]
    _check_end(raw, at)
    return mqtt5.ConnectPacket(
        client_id, username=username, password=password, clean_start=bool(flags & _CLEAN), keep_alive=keep_alive
    )


def _publish(raw: bytes, at: int) -> mqtt5.PublishPacket:
    qos = QoS((raw[0] >> 1) & 0x03)  # 3 is none: ValueError
    topic, at = _text(raw, at)
    packet_id = None
    if qos != QoS.AT_MOST_ONCE:
        packet_id, at = _number(raw, at), at + 2
    return mqtt5.PublishPacket(
        topic, raw[at:], qos=qos, retain=bool(raw[0] & 0x01), packet_id=packet_id, duplicate=bool(raw[0] & DUP)
    )


def _puback(raw: bytes, at: int) -> mqtt5.PubAckPacket:
    _check_end(raw, at + 2)
    return mqtt5.PubAckPacket(_number(raw, at))


def _subscribe(raw: bytes, at: int) -> mqtt5.SubscribePacket:
    packet_id, at = _number(raw, at), at + 2
    filters: list[mqtt5.TopicFilter] = []
    while at < len(raw):
        pattern, at = _text(raw, at)
        filters.append(mqtt5.TopicFilter(pattern, max_qos=QoS(raw[at])))
        at += 1
    return mqtt5.SubscribePacket(packet_id, filters)


def _unsubscribe(raw: bytes, at: int) -> mqtt5.UnsubscribePacket:
    packet_id, at = _number(raw, at), at + 2
    patterns: list[str] = []
    while at < len(raw):
        pattern, at = _text(raw, at)
        patterns.append(pattern)
    return mqtt5.UnsubscribePacket(packet_id, patterns)


def _check_end(raw: bytes, at: int) -> None:
    if at != len(raw):
        raise ValueError("the packet does not end where its parts do")


_READERS: dict[int, Callable[[bytes, int], mqtt5.Packet]] = {
    packets.CONNECT: _connect,
    packets.PUBLISH: _publish,
    packets.PUBACK: _puback,
    packets.SUBSCRIBE: _subscribe,
    packets.UNSUBSCRIBE: _unsubscribe,
}
VERSION_311 = Version311()
