"""The versions of MQTT: what differs between them in the packets.

The session works with MQTT 5's packets and reason codes (`mqtt5`). A `Version` decodes a device's packets into these
and encodes the server's in its own form.
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

# Properties of a message to the inbox: their length, UTF-8 payload, and Message Expiry Interval (four bytes follow).
_INBOX_PROPERTIES = b"\x07\x01\x01\x02"
_INBOX_PROPERTIES_BYTES = 8
# Requests a device may have open at once (its Receive Maximum towards us).
MAX_OPEN_REQUESTS = 16


class Version(Protocol):
    """Encodes and decodes packets of one version."""

    # Whether a CONNACK announces limits of what a device may publish.
    announces_limits: bool
    # Whether a CONNACK can assign a client id and secret to a device without one.
    assigns_client_ids: bool

    def decode(self, raw: bytes) -> mqtt5.Packet | Reason:
        """Decode a packet of a kind that devices send; return the reason to disconnect with if it is not acceptable."""

    def connack(self, client_id: str, secret: str | None, keep_alive: int | None) -> bytes:
        """Return the CONNACK that admits a device.

        Args:
            client_id: The device's Ad-token.
            secret: The secret of a device just registered.
            keep_alive: The server's keep alive in seconds, if not the requested one.
        """

    def connack_refused(self, code: ConnAck, retry_after: int) -> bytes:
        """Return the CONNACK that refuses a device. `retry_after`: seconds it is told to wait at least, 0 for none."""

    def message(self, packet_id: int, payload: bytes | SharedPayload, ms_left: int, dup: bool) -> bytes:
        """Return a QoS 1 PUBLISH to the inbox of a message that expires in `ms_left` milliseconds."""

    def answer(self, topic: str, body: bytes, correlation_data: bytes | None) -> bytes:
        """Return the QoS 0 PUBLISH that answers a request."""

    def puback(self, packet_id: int, code: PubAck) -> bytes:
        """Return a PUBACK."""

    def suback(self, packet_id: int, codes: Sequence[SubAck]) -> bytes:
        """Return a SUBACK."""

    def unsuback(self, packet_id: int, count: int) -> bytes:
        """Return an UNSUBACK for `count` topic filters."""

    def disconnect(self, reason: Reason) -> bytes:
        """Return what is sent before the server closes; empty if the version has no such packet."""


class Version5:
    """MQTT 5.0."""

    announces_limits = True
    assigns_client_ids = True

    def decode(self, raw: bytes) -> mqtt5.Packet | Reason:
        """Decode a packet of a kind that devices send; return the reason to disconnect with if it is not acceptable."""
        return packets.decode(raw)

    def connack(self, client_id: str, secret: str | None, keep_alive: int | None) -> bytes:
        """Return the CONNACK that admits a device."""
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

    def connack_refused(self, code: ConnAck, retry_after: int) -> bytes:
        """Return the CONNACK that refuses a device."""
        wait = [("retryAfter", str(retry_after))] if retry_after else None
        return mqtt5.ConnAckPacket(reason_code=code, user_properties=wait).write()

    def message(self, packet_id: int, payload: bytes | SharedPayload, ms_left: int, dup: bool) -> bytes:
        """Return a QoS 1 PUBLISH to the inbox."""
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
        """Return the QoS 0 PUBLISH that answers a request."""
        return mqtt5.PublishPacket(topic, body, payload_format_indicator=1, correlation_data=correlation_data).write()

    def puback(self, packet_id: int, code: PubAck) -> bytes:
        """Return a PUBACK."""
        return mqtt5.PubAckPacket(packet_id, reason_code=code).write()

    def suback(self, packet_id: int, codes: Sequence[SubAck]) -> bytes:
        """Return a SUBACK."""
        return mqtt5.SubAckPacket(packet_id, list(codes)).write()

    def unsuback(self, packet_id: int, count: int) -> bytes:
        """Return an UNSUBACK for `count` topic filters."""
        return mqtt5.UnsubAckPacket(packet_id, [mqtt5.UnsubAckReasonCode.SUCCESS] * count).write()

    def disconnect(self, reason: Reason) -> bytes:
        """Return what is sent before the server closes; empty if nothing is."""
        return mqtt5.DisconnectPacket(reason_code=reason).write()


VERSION_5 = Version5()
