"""The versions of MQTT that a session may speak: what differs between them in the packets, and nothing else.

The session thinks in MQTT 5 (`mqtt5`'s packets and reason codes). A `Version` reads a device's packets into these and
writes the server's in its own form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import mqtt5
from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import DisconnectReasonCode as Reason
from mqtt5 import PubAckReasonCode as PubAck
from mqtt5 import QoS
from mqtt5 import SubAckReasonCode as SubAck

from gateway.protocol import packets
from gateway.protocol.packets import INBOX_HEADS, MAX_PACKET_BYTES, packet_id_bytes
from gateway.protocol.shared_payload import SharedPayload

# Of a message to the inbox: their length, UTF-8 payload, and Message Expiry Interval, whose four bytes follow.
_INBOX_PROPERTIES = b"\x07\x01\x01\x02"
_INBOX_PROPERTIES_BYTES = 8
# Requests a device may have open at once (its Receive Maximum towards us).
MAX_OPEN_REQUESTS = 16


class Version(Protocol):
    """Packets in one version's form."""

    # Whether a CONNACK says how much a device may publish, and how.
    tells_limits: bool
    # Whether a CONNECT without client id can be answered with the id and secret made for the device.
    assigns_client_ids: bool

    def decode(self, raw: bytes) -> mqtt5.Packet | Reason:
        """Read a packet of a kind that devices send; what it ends the connection with where it cannot be taken."""

    def accepted(self, client_id: str, secret: str | None, keep_alive: int | None) -> bytes:
        """The CONNACK; `secret`: of the device just registered; `keep_alive`: the server's, if not the asked one."""

    def refused(self, code: ConnAck) -> bytes: ...

    def message(self, packet_id: int, payload: bytes | SharedPayload, ms_left: int, dup: bool) -> bytes:
        """A QoS 1 PUBLISH to the inbox, of a message that expires in so many milliseconds."""

    def answer(self, topic: str, body: bytes, correlation_data: bytes | None) -> bytes:
        """A QoS 0 PUBLISH."""

    def puback(self, packet_id: int, code: PubAck) -> bytes: ...

    def suback(self, packet_id: int, codes: Sequence[SubAck]) -> bytes: ...

    def unsuback(self, packet_id: int, count: int) -> bytes: ...

    def disconnect(self, reason: Reason) -> bytes:
        """What is written before the server closes; empty where the version has nothing for it."""


class Version5:
    """MQTT 5.0."""

    tells_limits = True
    assigns_client_ids = True

    def decode(self, raw: bytes) -> mqtt5.Packet | Reason:
        return packets.decode(raw)

    def accepted(self, client_id: str, secret: str | None, keep_alive: int | None) -> bytes:
        return mqtt5.ConnAckPacket(
            session_expiry_interval=0,
            assigned_client_id=client_id if secret else None,
            server_keep_alive=keep_alive,
            receive_max=MAX_OPEN_REQUESTS,
            max_qos=QoS.AT_LEAST_ONCE,
            retain_available=False,
            max_packet_size=MAX_PACKET_BYTES,
            wildcard_subscription_available=False,
            subscription_id_available=False,
            shared_subscription_available=False,
            user_properties=[("secret", secret)] if secret else None,
        ).write()

    def refused(self, code: ConnAck) -> bytes:
        return mqtt5.ConnAckPacket(reason_code=code).write()

    def message(self, packet_id: int, payload: bytes | SharedPayload, ms_left: int, dup: bool) -> bytes:
        seconds_left = -(-ms_left // 1000)
        if isinstance(payload, SharedPayload):
            return payload.packet(packet_id, seconds_left, dup)
        # 3.3; a third of the codec's time.
        return b"".join(
            (
                INBOX_HEADS[dup][len(payload) + _INBOX_PROPERTIES_BYTES],
                packet_id_bytes(packet_id),
                _INBOX_PROPERTIES,
                seconds_left.to_bytes(4, "big"),
                payload,
            )
        )

    def answer(self, topic: str, body: bytes, correlation_data: bytes | None) -> bytes:
        return mqtt5.PublishPacket(topic, body, payload_format_indicator=1, correlation_data=correlation_data).write()

    def puback(self, packet_id: int, code: PubAck) -> bytes:
        return mqtt5.PubAckPacket(packet_id, reason_code=code).write()

    def suback(self, packet_id: int, codes: Sequence[SubAck]) -> bytes:
        return mqtt5.SubAckPacket(packet_id, list(codes)).write()

    def unsuback(self, packet_id: int, count: int) -> bytes:
        return mqtt5.UnsubAckPacket(packet_id, [mqtt5.UnsubAckReasonCode.SUCCESS] * count).write()

    def disconnect(self, reason: Reason) -> bytes:
        return mqtt5.DisconnectPacket(reason_code=reason).write()


VERSION_5 = Version5()
