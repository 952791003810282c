"""One device's MQTT 5 session, without I/O: bytes in, calls to its host, bytes out through its wire.

Both transports (TCP, WebSocket) feed it. It knows the protocol (OASIS MQTT 5.0; section numbers below) and nothing of
sockets, databases or the event loop, so a test drives it with bytes alone.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import mqtt5
from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import DisconnectReasonCode as Reason
from mqtt5 import PubAckReasonCode as PubAck
from mqtt5 import QoS
from mqtt5 import SubAckReasonCode as SubAck

from pushcore.devices import KnownDevice

INBOX = "mps/inbox"
REPLY = "mps/reply"
REQUESTS = frozenset({"mps/bind", "mps/unbind", "mps/report", "mps/event"})

# The largest packet a device may send (CONNACK Maximum Packet Size), and requests it may have open at once (its
# Receive Maximum towards us).
MAX_PACKET_BYTES = 16_384
MAX_OPEN_REQUESTS = 16
# Messages that wait in memory for a device whose Receive Maximum is used up; more wait as rows.
MAX_BACKLOG = 200
MAX_RESPONSE_TOPIC = 256
CONNECT_SECONDS = 10.0

_PUBACK_HEAD = b"\x40\x02"
# Reason codes of an acknowledgement; the others say that the message was refused (3.4.2.1).
_TAKEN = (PubAck.SUCCESS, PubAck.NO_MATCHING_SUBSCRIBERS)
_PING_RESPONSE = mqtt5.PingRespPacket().write()


class Wire(Protocol):
    """What a transport gives a session."""

    def write(self, data: bytes) -> None:
        """Send, in order, without waiting."""

    def close(self) -> None:
        """Close after what was written."""


@dataclass(frozen=True, slots=True)
class Request:
    """A device's request: its topic, payload, and where the answer goes."""

    topic: str
    payload: bytes
    packet_id: int | None
    response_topic: str
    correlation_data: bytes | None


class Host(Protocol):
    """Whom a session tells what happened. Calls must not block."""

    def connect_requested(self, session: Session, packet: mqtt5.ConnectPacket) -> None: ...

    def acknowledged(self, session: Session, message_id: int) -> None: ...

    def drained(self, session: Session) -> None:
        """Everything in memory is acknowledged and more waits as rows."""

    def request_received(self, session: Session, request: Request) -> None: ...

    def closed(self, session: Session) -> None:
        """The session ended, for whatever reason; called once."""


class State(Enum):
    AWAITING_CONNECT = 0
    ADMITTING = 1
    OPEN = 2
    CLOSED = 3


class Session:
    """See the module. Attributes are for the host to read; methods are how it acts on the device."""

    __slots__ = (
        "_backlog", "_buffer", "_max_packet", "_next_packet_id", "_receive_maximum", "_wants_pending", "_wire",
        "address", "delivered", "device", "host", "ids", "in_flight", "keep_alive", "last_received", "open_requests",
        "session_id", "state", "wheel_slot",
    )  # fmt: skip

    def __init__(self, host: Host, wire: Wire, *, address: str, session_id: str) -> None:
        self.host = host
        self.address = address
        self.session_id = session_id
        self.state = State.AWAITING_CONNECT
        self.device: KnownDevice | None = None
        self.keep_alive = 0
        self.last_received = time.monotonic()
        self.wheel_slot = 0
        self.delivered = 0
        self.open_requests = 0
        # Packet id -> message id of what is written and not acknowledged; `ids` also holds what waits in the backlog.
        self.in_flight: dict[int, int] = {}
        self.ids: set[int] = set()
        self._wire = wire
        self._buffer = b""
        self._backlog: deque[tuple[int, bytes, int, bool]] | None = None
        self._next_packet_id = 0
        self._receive_maximum = 65_535
        self._max_packet = 0
        self._wants_pending = False

    # -- from the device ------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take what the device sent. Never raises: a fault ends the session with the reason the standard names."""
        if self.state is State.CLOSED:
            return
        self.last_received = time.monotonic()
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        position, end = 0, len(data)
        while position < end:
            # The packet devices send most: an acknowledgement without properties.
            if data[position : position + 2] == _PUBACK_HEAD and self.state is State.OPEN and end - position >= 4:
                self._acknowledge((data[position + 2] << 8) | data[position + 3])
                position += 4
                continue
            size = _packet_size(data, position)
            if size < 0:
                self._fail(Reason.MALFORMED_PACKET)
                return
            if size > MAX_PACKET_BYTES:
                self._fail(Reason.PACKET_TOO_LARGE)
                return
            if not size or position + size > end:
                self._buffer = data[position:]
                return
            self._take(data[position : position + size])
            if self.state is State.CLOSED:
                return
            position += size

    def _take(self, raw: bytes) -> None:
        if self.state is State.AWAITING_CONNECT and not _is_connect_5(raw):
            self._refuse_stranger(raw)
            return
        packet = _decode(raw)
        if packet is None:
            self._fail(Reason.MALFORMED_PACKET)
        elif self.state is State.AWAITING_CONNECT:
            self._connect(packet)
        elif self.state is State.ADMITTING:
            # A client may send on before the CONNACK (3.1.4); ours have nothing to send before they know who they are.
            self._fail(Reason.PROTOCOL_ERROR)
        else:
            self._take_open(packet)

    def _connect(self, packet: mqtt5.Packet) -> None:
        assert isinstance(packet, mqtt5.ConnectPacket)
        if packet.authentication_method is not None:
            self.refuse(ConnAck.BAD_AUTHENTICATION_METHOD)
            return
        if packet.receive_max == 0 or packet.max_packet_size == 0:
            self.refuse(ConnAck.PROTOCOL_ERROR)
            return
        self.state = State.ADMITTING
        self.keep_alive = packet.keep_alive
        self._receive_maximum = packet.receive_max
        self._max_packet = packet.max_packet_size or 0
        self.host.connect_requested(self, packet)

    def _take_open(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.PubAckPacket():
                if packet.reason_code in _TAKEN:
                    self._acknowledge(packet.packet_id)
                else:
                    self._reject(packet.packet_id)
            case mqtt5.PingReqPacket():
                self._wire.write(_PING_RESPONSE)
            case mqtt5.PublishPacket():
                self._publish_received(packet)
            case mqtt5.SubscribePacket():
                self._subscribe(packet)
            case mqtt5.UnsubscribePacket():
                codes = [mqtt5.UnsubAckReasonCode.SUCCESS] * len(packet.patterns)
                self._wire.write(mqtt5.UnsubAckPacket(packet.packet_id, codes).write())
            case mqtt5.DisconnectPacket():
                self._close()
            case _:
                # A second CONNECT (3.1.0), a server's packet, QoS 2's (none is ever in flight).
                self._fail(Reason.PROTOCOL_ERROR)

    def _subscribe(self, packet: mqtt5.SubscribePacket) -> None:
        """Nothing needs a subscription; what devices get anyway is granted, all else refused."""
        if packet.packet_id == 0 or not packet.topic_filters:
            self._fail(Reason.PROTOCOL_ERROR)
            return
        codes = [
            SubAck.NOT_AUTHORIZED
            if asked.pattern not in (INBOX, REPLY)
            else SubAck.GRANTED_QOS_AT_MOST_ONCE
            if asked.max_qos == QoS.AT_MOST_ONCE
            else SubAck.GRANTED_QOS_AT_LEAST_ONCE
            for asked in packet.topic_filters
        ]
        self._wire.write(mqtt5.SubAckPacket(packet.packet_id, codes).write())

    def _publish_received(self, packet: mqtt5.PublishPacket) -> None:
        """A request. QoS and retain beyond what the CONNACK announced are protocol errors (3.2.2.3.4, 3.2.2.3.5)."""
        if packet.qos == QoS.EXACTLY_ONCE:
            self._fail(Reason.QOS_NOT_SUPPORTED)
        elif packet.retain:
            self._fail(Reason.RETAIN_NOT_SUPPORTED)
        elif packet.topic_alias is not None:
            self._fail(Reason.TOPIC_ALIAS_INVALID)
        elif packet.packet_id == 0 or not packet.topic or packet.subscription_ids:
            self._fail(Reason.PROTOCOL_ERROR)
        elif packet.topic not in REQUESTS:
            if packet.packet_id is not None:
                self._puback(packet.packet_id, PubAck.NOT_AUTHORIZED)
        elif self.open_requests >= MAX_OPEN_REQUESTS:
            self._fail(Reason.RECEIVE_MAX_EXCEEDED)
        else:
            self.open_requests += 1
            self.host.request_received(
                self,
                Request(
                    packet.topic,
                    packet.payload,
                    packet.packet_id,
                    _plain_topic(packet.response_topic),
                    packet.correlation_data,
                ),
            )

    def _acknowledge(self, packet_id: int) -> None:
        message_id = self.in_flight.pop(packet_id, None)
        if message_id is None:
            return
        self.ids.discard(message_id)
        self.host.acknowledged(self, message_id)
        self._refill()

    def _reject(self, packet_id: int) -> None:
        """The device refused a message: not acknowledged, and not sent again on this connection."""
        self.in_flight.pop(packet_id, None)
        self._refill()

    # -- to the device --------------------------------------------------------------------------------------------

    def accept(self, device: KnownDevice, *, issued_secret: str | None, max_keep_alive: int) -> None:
        """Open the session. `issued_secret`: the device is new and is told its Ad-token and secret, this once."""
        self.device = device
        self.state = State.OPEN
        server_keep_alive = None
        if not 0 < self.keep_alive <= max_keep_alive:
            self.keep_alive = server_keep_alive = max_keep_alive
        self._wire.write(
            mqtt5.ConnAckPacket(
                session_expiry_interval=0,
                assigned_client_id=device.ad_token if issued_secret else None,
                server_keep_alive=server_keep_alive,
                receive_max=MAX_OPEN_REQUESTS,
                max_qos=QoS.AT_LEAST_ONCE,
                retain_available=False,
                max_packet_size=MAX_PACKET_BYTES,
                wildcard_subscription_available=False,
                subscription_id_available=False,
                shared_subscription_available=False,
                user_properties=[("secret", issued_secret)] if issued_secret else None,
            ).write()
        )

    def refuse(self, code: ConnAck) -> None:
        """Answer the CONNECT with a failure and close."""
        if self.state is not State.CLOSED:
            self._wire.write(mqtt5.ConnAckPacket(reason_code=code).write())
            self._close()

    def deliver(self, message_id: int, payload: bytes, expire_at_ms: int, *, dup: bool) -> None:
        """Send a message, or keep it while the device's Receive Maximum is used up.

        What is on its way already is not sent twice; what does not fit into memory stays a row and is asked for when
        the device has caught up.
        """
        if self.state is not State.OPEN or message_id in self.ids:
            return
        if len(self.in_flight) < self._receive_maximum:
            self._publish(message_id, payload, expire_at_ms, dup)
            return
        if self._backlog is None:
            self._backlog = deque()
        if len(self._backlog) >= MAX_BACKLOG:
            self._wants_pending = True
            return
        self.ids.add(message_id)
        self._backlog.append((message_id, payload, expire_at_ms, dup))

    def expect_more(self) -> None:
        """More waits as rows than was handed in: ask for it when the device has caught up."""
        self._wants_pending = True
        self._refill()

    def _publish(self, message_id: int, payload: bytes, expire_at_ms: int, dup: bool) -> None:
        seconds_left = -((int(time.time() * 1000) - expire_at_ms) // 1000)
        if seconds_left <= 0:
            self.ids.discard(message_id)
            return
        packet_id = self._free_packet_id()
        packet = mqtt5.PublishPacket(
            INBOX,
            payload,
            qos=QoS.AT_LEAST_ONCE,
            packet_id=packet_id,
            duplicate=dup,
            payload_format_indicator=1,
            message_expiry_interval=seconds_left,
        ).write()
        self.ids.add(message_id)
        if self._max_packet and len(packet) > self._max_packet:
            # Not to be sent (3.1.2.11.4). It stays among the ids, so that this connection is not tried again.
            return
        self.in_flight[packet_id] = message_id
        self.delivered += 1
        self._wire.write(packet)

    def _free_packet_id(self) -> int:
        while True:
            self._next_packet_id = self._next_packet_id % 65_535 + 1
            if self._next_packet_id not in self.in_flight:
                return self._next_packet_id

    def _refill(self) -> None:
        backlog = self._backlog
        while backlog and len(self.in_flight) < self._receive_maximum:
            self._publish(*backlog.popleft())
        if not backlog and self._backlog is not None:
            self._backlog = None
        if self._wants_pending and not self.in_flight and not backlog and self.state is State.OPEN:
            self._wants_pending = False
            self.host.drained(self)

    def answer(self, request: Request, body: bytes) -> None:
        """Answer a request (QoS 0: it lives and dies with the connection), then acknowledge its PUBLISH."""
        self.open_requests -= 1
        if self.state is not State.OPEN:
            return
        response = mqtt5.PublishPacket(
            request.response_topic, body, payload_format_indicator=1, correlation_data=request.correlation_data
        ).write()
        if not self._max_packet or len(response) <= self._max_packet:
            self._wire.write(response)
        if request.packet_id is not None:
            self._puback(request.packet_id, PubAck.SUCCESS)

    def disconnect(self, reason: Reason) -> None:
        """End the session from our side: taken over, keep alive missed, shutting down."""
        if self.state is State.OPEN:
            self._wire.write(mqtt5.DisconnectPacket(reason_code=reason).write())
        self._close()

    def wire_lost(self) -> None:
        """The transport ended."""
        self._close()

    def unacknowledged(self) -> list[int]:
        """Message ids written and not acknowledged."""
        return list(self.in_flight.values())

    def _puback(self, packet_id: int, code: PubAck) -> None:
        self._wire.write(mqtt5.PubAckPacket(packet_id, reason_code=code).write())

    def _fail(self, reason: Reason) -> None:
        """A fault of the device: before the CONNACK the connection just ends (4.13.2), after it with a DISCONNECT."""
        self.disconnect(reason)

    def _refuse_stranger(self, raw: bytes) -> None:
        """No MQTT 5 CONNECT: an older one is answered in its own form (MQTT 3.1.1, 3.2.2.3), all else is closed."""
        if raw[0] == 0x10 and b"MQ" in raw[2:10]:
            self._wire.write(b"\x20\x02\x00\x01")
        self._close()

    def _close(self) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self._buffer = b""
        self._backlog = None
        self._wire.close()
        self.host.closed(self)


def _packet_size(data: bytes, position: int) -> int:
    """The size of the packet that starts at `position`; 0 where its length is not here yet, -1 where it is malformed.

    The length is a variable byte integer of at most four bytes (1.5.5).
    """
    length, shift = 0, 0
    for index in range(position + 1, min(position + 5, len(data))):
        byte = data[index]
        length |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return index + 1 - position + length
        shift += 7
    return -1 if len(data) - position >= 5 else 0


def _is_connect_5(raw: bytes) -> bool:
    start = 2
    while start < 5 and raw[start - 1] & 0x80:
        start += 1
    return raw[0] == 0x10 and raw[start : start + 7] == b"\x00\x04MQTT\x05"


def _decode(raw: bytes) -> mqtt5.Packet | None:
    """The packet, or None where it is malformed."""
    try:
        packet, consumed = mqtt5.read(memoryview(raw))
    except (ValueError, IndexError):
        return None
    except BaseException as error:
        # The codec panics on text that is not UTF-8; a panic is a BaseException that cannot be imported by name.
        if type(error).__name__ != "PanicException":
            raise
        return None
    return packet if consumed == len(raw) else None


def _plain_topic(topic: str | None) -> str:
    """Where an answer goes: the device's choice if it is a plain topic and not too long, else `mps/reply`."""
    if not topic or len(topic) > MAX_RESPONSE_TOPIC or "#" in topic or "+" in topic or "\0" in topic:
        return REPLY
    return topic
