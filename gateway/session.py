"""One device's MQTT session, without I/O: bytes in, calls to its host, bytes out through its wire.

Both transports (TCP, WebSocket) feed it. It knows the protocol (OASIS MQTT 5.0; section numbers below; MQTT 3.1.1 is
another form of the same, see `gateway.versions`) and nothing of sockets, databases or the event loop, so a test drives
it with bytes alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from time import time
from typing import TYPE_CHECKING, Protocol

import mqtt5
from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import DisconnectReasonCode as Reason
from mqtt5 import PubAckReasonCode as PubAck
from mqtt5 import QoS
from mqtt5 import SubAckReasonCode as SubAck

from gateway import packets
from gateway.clock import HearingClock
from gateway.mqtt311 import VERSION_311
from gateway.packets import INBOX, MAX_PACKET_BYTES
from gateway.shared_payload import SharedPayload
from gateway.versions import MAX_OPEN_REQUESTS, VERSION_5, Version
from pushcore.devices import KnownDevice

if TYPE_CHECKING:
    from gateway.broadcasts import Progress

REPLY = "mps/reply"
# Whatever is asked for: messages and answers come as they do, with or without a subscription.
_GRANTED = {INBOX: SubAck.GRANTED_QOS_AT_LEAST_ONCE, REPLY: SubAck.GRANTED_QOS_AT_MOST_ONCE}
REQUESTS = frozenset({"mps/bind", "mps/unbind", "mps/report", "mps/event"})

# Messages on their way to a device, whatever larger Receive Maximum it grants. So many of the largest (4 KiB of
# content) fit what a transport keeps for a slow device (256 KiB): slowness alone cuts nobody off.
MAX_IN_FLIGHT = 48
# Messages that wait in memory for a device whose Receive Maximum is used up; more wait as rows.
MAX_BACKLOG = 16
# Messages a device refused or cannot take, remembered so that its connection is not tried with them again.
MAX_REFUSED = 1000
CONNECT_SECONDS = 10.0
# Packet ids go round so far, more than are ever in flight: small integers exist once in Python, while a larger one
# would be an object of each device, out of the processor's cache when its turn comes.
MAX_PACKET_ID = 255

_PUBACK, _PUBACK_LENGTH, _PUBACK_BYTES = 0x40, 2, 4
_PUBACK_HEAD = bytes((_PUBACK, _PUBACK_LENGTH))
# Reason codes of an acknowledgement; the others say that the message was refused (3.4.2.1).
_TAKEN = (PubAck.SUCCESS, PubAck.NO_MATCHING_SUBSCRIBERS)
_PING_REQUEST = mqtt5.PingReqPacket().write()
_PING_RESPONSE = mqtt5.PingRespPacket().write()
# Set in the protocol level by brokers that connect as bridges.
_BRIDGE = 0x80
_VERSIONS: dict[int, Version] = {5: VERSION_5, 4: VERSION_311}
# What is read of an open session, beside PINGREQ and DISCONNECT, which say all by their first byte.
_FROM_DEVICES = frozenset({packets.PUBLISH, packets.PUBACK, packets.SUBSCRIBE, packets.UNSUBSCRIBE})


class Outlet(Protocol):
    """Where what is for the device goes."""

    def write(self, data: bytes) -> None:
        """Send, without waiting."""


class Wire(Protocol):
    """What a transport gives a session."""

    @property
    def outlet(self) -> Outlet:
        """The same one as long as the connection is there."""

    def write_more(self, data: bytes) -> None:
        """Send in this turn of the loop, with all else that is said so: in order, in one go."""

    def close(self) -> None:
        """Close after all that was to be sent."""

    @property
    def unsent_bytes(self) -> int:
        """What the device has not taken yet."""


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

    # Messages written to devices: its sessions count here.
    delivered: int
    clock: HearingClock

    def connect_requested(self, session: Session, packet: mqtt5.ConnectPacket) -> None: ...

    def acknowledged(self, session: Session, message_id: int) -> None: ...

    def refused(self, session: Session, message_id: int) -> None:
        """The device has refused the message, or cannot take it."""

    def wants_more(self, session: Session, after: int) -> None:
        """The device has caught up, and messages with ids above `after` may wait for it as rows."""

    def request_received(self, session: Session, request: Request) -> None: ...

    def closed(self, session: Session) -> None:
        """The session ended, for whatever reason; called once."""


_NO_PACKET = -1


class Nowhere:
    """There is no connection, or no session any more."""

    def write(self, _data: bytes) -> None:
        pass


NOWHERE = Nowhere()


class State(Enum):
    AWAITING_CONNECT = 0
    ADMITTING = 1
    OPEN = 2
    CLOSED = 3


# Looked up for each message.
_OPEN = State.OPEN


class _TouchedByEachMessage:
    """A session's first attributes, side by side: of many thousand sessions none is in the processor's cache."""

    __slots__ = (
        "_alone", "_alone_packet", "_backlog", "_buffer", "_clock", "_max_packet", "_more_after", "_next_packet_id",
        "_outlet", "_refused", "_several", "_version", "broadcasts", "host", "last_received", "state",
    )  # fmt: skip


class Session(_TouchedByEachMessage):
    """See the module. Attributes are for the host to read; methods are how it acts on the device."""

    __slots__ = (
        "_window", "_wire", "address", "device", "keep_alive", "open_requests", "session_id", "wheel_slot",
    )  # fmt: skip

    def __init__(self, host: Host, wire: Wire, *, address: str, session_id: str) -> None:
        self.host = host
        self.address = address
        self.session_id = session_id
        self.state = State.AWAITING_CONNECT
        self.device: KnownDevice | None = None
        # Its host's: how far the device has come with broadcasts, once there are any.
        self.broadcasts: Progress | None = None
        self.keep_alive = 0
        # When it was last heard of; until it is admitted, when it came: a slow CONNECT buys no time.
        self._clock = host.clock
        self.last_received = self._clock.now
        self.wheel_slot = 0
        self.open_requests = 0
        # What is written and not acknowledged. Mostly that is one message: it stands in `_alone`, by its packet id (or
        # none does). Where there are more, all are in `_several`, packet id -> message id.
        self._alone_packet = _NO_PACKET
        self._alone = 0
        self._several: dict[int, int] | None = None
        self._wire = wire
        self._outlet: Outlet = wire.outlet
        self._version: Version = VERSION_5
        self._buffer = b""
        self._backlog: deque[tuple[int, bytes | SharedPayload, int, bool]] | None = None
        self._next_packet_id = 0
        self._window = MAX_IN_FLIGHT
        self._max_packet = 0
        self._refused: set[int] | None = None
        # Rows with ids above this may wait; None where none do.
        self._more_after: int | None = None

    # -- from the device ------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take what the device sent. Never raises: a fault ends the session with the reason the standard names."""
        # What devices send most, alone: an acknowledgement without properties.
        if (
            len(data) == _PUBACK_BYTES
            and data[0] == _PUBACK
            and data[1] == _PUBACK_LENGTH
            and self.state is _OPEN
            and not self._buffer
        ):
            self.last_received = self._clock.now
            self._acknowledge(data[2] << 8 | data[3])
            return
        if self.state is State.CLOSED:
            return
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if self.state is State.ADMITTING:
            self._hold(data)
            return
        if self.state is State.OPEN:
            self.last_received = self._clock.now
        position, end = 0, len(data)
        while position < end:
            # Several of them.
            if data[position : position + 2] == _PUBACK_HEAD and self.state is _OPEN and end - position >= 4:
                self._acknowledge((data[position + 2] << 8) | data[position + 3])
                position += _PUBACK_BYTES
                continue
            size = packets.packet_size(data, position)
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
            position += size
            if self.state is State.CLOSED:
                return
            if self.state is State.ADMITTING:
                self._hold(data[position:])
                return

    def _hold(self, data: bytes) -> None:
        """A client may send on before the CONNACK (3.1.4): kept, up to a packet's size, until it is admitted."""
        if len(data) > MAX_PACKET_BYTES:
            self._fail(Reason.PACKET_TOO_LARGE)
        else:
            self._buffer = data

    def _take(self, raw: bytes) -> None:
        if self.state is State.AWAITING_CONNECT:
            self._take_first(raw)
            return
        kind = raw[0] >> 4
        if kind == packets.DISCONNECT:
            self._close()
        elif raw == _PING_REQUEST:
            self._outlet.write(_PING_RESPONSE)
        elif kind in (0, packets.PINGREQ):
            self._fail(Reason.MALFORMED_PACKET)
        elif kind not in _FROM_DEVICES:
            # A second CONNECT (3.1.0), a server's packet, QoS 2's (none is ever in flight), AUTH without a method.
            self._fail(Reason.PROTOCOL_ERROR)
        else:
            self._take_open(self._version.decode(raw))

    def _take_first(self, raw: bytes) -> None:
        """Before the CONNACK a fault just ends the connection (4.13.2); another version is refused in its own form."""
        level = packets.connect_level(raw)
        if level not in _VERSIONS:
            if level >= 0:
                self._version = VERSION_5 if 5 < level < _BRIDGE else VERSION_311
                self.refuse(ConnAck.UNSUPPORTED_PROTOCOL_VERSION)
            self._close()
            return
        self._version = _VERSIONS[level]
        packet = self._version.decode(raw)
        if isinstance(packet, mqtt5.ConnectPacket):
            self._connect(packet)
        else:
            self._close()

    def _connect(self, packet: mqtt5.ConnectPacket) -> None:
        if packet.authentication_method is not None:
            self.refuse(ConnAck.BAD_AUTHENTICATION_METHOD)
            return
        if packet.receive_max == 0 or packet.max_packet_size == 0 or packet.authentication_data is not None:
            self.refuse(ConnAck.PROTOCOL_ERROR)
            return
        if packet.will is not None and packet.will.qos == QoS.EXACTLY_ONCE:
            self.refuse(ConnAck.QUALITY_NOT_SUPPORTED)  # 3.2.2.3.4
            return
        if packet.will is not None and packet.will.retain:
            self.refuse(ConnAck.RETAIN_NOT_SUPPORTED)  # 3.2.2.3.5
            return
        if not packet.client_id and not self._version.assigns_client_ids:
            self.refuse(ConnAck.CLIENT_ID_NOT_VALID)
            return
        self.state = State.ADMITTING
        self.keep_alive = packet.keep_alive
        self._window = min(packet.receive_max, MAX_IN_FLIGHT)
        self._max_packet = packet.max_packet_size or 0
        self.host.connect_requested(self, packet)

    def _take_open(self, packet: mqtt5.Packet | Reason) -> None:
        match packet:
            case mqtt5.PubAckPacket():
                if packet.reason_code in _TAKEN:
                    self._acknowledge(packet.packet_id)
                else:
                    self._reject(packet.packet_id)
            case mqtt5.PublishPacket():
                self._publish_received(packet)
            case mqtt5.SubscribePacket():
                self._subscribe(packet)
            case mqtt5.UnsubscribePacket():
                self._unsubscribe(packet)
            case Reason():
                self._fail(packet)
            case _:
                self._fail(Reason.MALFORMED_PACKET)

    def _subscribe(self, packet: mqtt5.SubscribePacket) -> None:
        """Nothing needs a subscription; what devices get anyway is granted, all else refused."""
        if packet.packet_id == 0 or not packet.topic_filters:
            self._fail(Reason.PROTOCOL_ERROR)
            return
        if packet.subscription_id is not None:
            self._fail(Reason.SUBSCRIPTION_IDS_NOT_SUPPORTED)  # as the CONNACK said (3.2.2.3.12)
            return
        codes = [_GRANTED.get(asked.pattern, SubAck.NOT_AUTHORIZED) for asked in packet.topic_filters]
        self._reply(self._version.suback(packet.packet_id, codes))

    def _unsubscribe(self, packet: mqtt5.UnsubscribePacket) -> None:
        if packet.packet_id == 0 or not packet.patterns:
            self._fail(Reason.PROTOCOL_ERROR)
            return
        self._reply(self._version.unsuback(packet.packet_id, len(packet.patterns)))

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
                self._reply(self._version.puback(packet.packet_id, PubAck.NOT_AUTHORIZED))
        elif self.open_requests >= MAX_OPEN_REQUESTS:
            # Receive Maximum speaks of QoS 1 (3.3.4); QoS 0 is bounded by the same number.
            over_qos_0 = packet.packet_id is None
            self._fail(Reason.MESSAGE_RATE_TOO_HIGH if over_qos_0 else Reason.RECEIVE_MAX_EXCEEDED)
        else:
            self.open_requests += 1
            self.host.request_received(
                self,
                Request(
                    packet.topic,
                    packet.payload,
                    packet.packet_id,
                    packets.plain_topic(packet.response_topic) or REPLY,
                    packet.correlation_data,
                ),
            )

    def _acknowledge(self, packet_id: int) -> None:
        message_id: int | None
        if packet_id == self._alone_packet:  # nearly always: without a call
            message_id, self._alone_packet = self._alone, _NO_PACKET
        else:
            message_id = self._take_out(packet_id)
            if message_id is None:
                return
        self.host.acknowledged(self, message_id)
        if self._backlog or self._more_after is not None:
            self._refill()

    def _reject(self, packet_id: int) -> None:
        """The device refused a message: not acknowledged, and not sent again on this connection."""
        message_id = self._take_out(packet_id)
        if message_id is not None:
            self._refuse_message(message_id)
            self._refill()

    def _refuse_message(self, message_id: int) -> None:
        if self._refused is None or len(self._refused) >= MAX_REFUSED:
            self._refused = set()
        self._refused.add(message_id)
        self.host.refused(self, message_id)

    # -- to the device --------------------------------------------------------------------------------------------

    def accept(self, device: KnownDevice, *, issued_secret: str | None, max_keep_alive: int) -> None:
        """Open the session. `issued_secret`: the device is new and is told its Ad-token and secret, this once."""
        self.device = device
        self.state = State.OPEN
        self.last_received = self._clock.now
        server_keep_alive = None
        if not 0 < self.keep_alive <= max_keep_alive:
            self.keep_alive = server_keep_alive = max_keep_alive
        connack = self._version.accepted(device.ad_token, issued_secret, server_keep_alive)
        if self._max_packet and len(connack) > self._max_packet:
            self._close()  # must not be sent (3.1.2.11.4), and nothing can be without it
            return
        self._outlet.write(connack)
        if self._buffer:
            self.feed(b"")

    def refuse(self, code: ConnAck) -> None:
        """Answer the CONNECT with a failure and close."""
        if self.state is not State.CLOSED:
            self._outlet.write(self._version.refused(code))
            self._close()

    def deliver(
        self, message_id: int, payload: bytes | SharedPayload, expire_at_ms: int, dup: bool, now_ms: int
    ) -> None:
        """Send a message, or keep it while the device's Receive Maximum is used up. Times: milliseconds since 1970.

        What is on its way already is not sent twice; what does not fit into memory stays a row and is asked for when
        the device has caught up.
        """
        if self.state is not _OPEN:
            return
        alone, several = self._alone_packet, self._several
        if alone != _NO_PACKET or several or self._backlog or self._refused:
            if self.holds(message_id) or (self._refused and message_id in self._refused):
                return
            if self.in_flight >= self._window:
                self._keep(message_id, payload, expire_at_ms, dup)
                return
        ms_left = expire_at_ms - now_ms
        if ms_left <= 0:
            return
        packet_id = self._next_packet_id + 1
        while packet_id > MAX_PACKET_ID or packet_id == alone or (several and packet_id in several):
            packet_id = packet_id + 1 if packet_id < MAX_PACKET_ID else 1
        self._next_packet_id = packet_id
        packet = self._version.message(packet_id, payload, ms_left, dup)
        if self._max_packet and len(packet) > self._max_packet:
            self._refuse_message(message_id)  # must not be sent (3.1.2.11.4)
            return
        self.host.delivered += 1
        if alone == _NO_PACKET and not several:
            self._alone_packet, self._alone = packet_id, message_id
            self._outlet.write(packet)
            return
        # Where there is one on its way there are often many.
        if several:
            several[packet_id] = message_id
        else:
            self._alone_packet, self._several = _NO_PACKET, {alone: self._alone, packet_id: message_id}
        self._wire.write_more(packet)

    def _keep(self, message_id: int, payload: bytes | SharedPayload, expire_at_ms: int, dup: bool) -> None:
        """Keep a message for which there is no room on the way; it stays a row where there is none in memory either."""
        if self._backlog is None:
            self._backlog = deque()
        if len(self._backlog) >= MAX_BACKLOG:
            self.expect_more(message_id - 1)
        else:
            self._backlog.append((message_id, payload, expire_at_ms, dup))

    def _take_out(self, packet_id: int) -> int | None:
        """What is in flight with this packet id; no longer."""
        if packet_id == self._alone_packet:
            self._alone_packet = _NO_PACKET
            return self._alone
        if self._several is None:
            return None
        message_id = self._several.pop(packet_id, None)
        if not self._several:
            self._several = None
        return message_id

    @property
    def in_flight(self) -> int:
        """Messages written and not acknowledged."""
        if self._several is not None:
            return len(self._several)
        return 0 if self._alone_packet == _NO_PACKET else 1

    def unacknowledged(self) -> list[int]:
        """Their ids."""
        if self._several is not None:
            return list(self._several.values())
        return [] if self._alone_packet == _NO_PACKET else [self._alone]

    def holds(self, message_id: int) -> bool:
        """Whether the message is on its way to the device: written, or waiting in memory. Both are short."""
        if self._several is not None:
            if message_id in self._several.values():
                return True
        elif message_id == self._alone and self._alone_packet != _NO_PACKET:
            return True
        return bool(self._backlog) and any(waiting[0] == message_id for waiting in self._backlog or ())

    def withdraw(self, message_id: int) -> None:
        """Do not send a message that waits for the device's Receive Maximum. What is written is written."""
        if self._backlog:
            self._backlog = deque(waiting for waiting in self._backlog if waiting[0] != message_id)

    def read_again(self) -> None:
        """Whom the device belongs to has changed: what waits in memory may not be its any more; the rows tell."""
        self._backlog = None
        self.expect_more(0)

    def expect_more(self, after: int) -> None:
        """Rows with ids above `after` may wait: ask for them when the device has caught up."""
        self._more_after = after if self._more_after is None else min(after, self._more_after)
        self._refill()

    def _refill(self) -> None:
        """Send what waits in memory; when that is done and half the window is free, ask for what waits as rows."""
        backlog = self._backlog
        while backlog and self.in_flight < self._window:
            self.deliver(*backlog.popleft(), int(time() * 1000))
        if backlog:
            return
        self._backlog = None
        if self._more_after is not None and 2 * self.in_flight <= self._window and self.state is State.OPEN:
            after, self._more_after = self._more_after, None
            self.host.wants_more(self, after)

    def answer(self, request: Request, body: bytes) -> None:
        """Answer a request (QoS 0: it lives and dies with the connection), then acknowledge its PUBLISH."""
        self.open_requests -= 1
        if self.state is not State.OPEN:
            return
        answer = self._version.answer(request.response_topic, body, request.correlation_data)
        puback = b"" if request.packet_id is None else self._version.puback(request.packet_id, PubAck.SUCCESS)
        self._reply(answer, puback)

    def disconnect(self, reason: Reason) -> None:
        """End the session from our side: taken over, keep alive missed, shutting down."""
        if self.state is State.OPEN and (goodbye := self._version.disconnect(reason)):
            self._wire.write_more(goodbye)  # after what was said so before
        self._close()

    def wire_lost(self) -> None:
        """The transport ended."""
        self._close()

    @property
    def queued(self) -> int:
        """Messages that wait in memory for the device's window."""
        return len(self._backlog) if self._backlog else 0

    @property
    def unsent_bytes(self) -> int:
        """What the transport keeps for the device."""
        return self._wire.unsent_bytes

    def _reply(self, *packets: bytes) -> None:
        """Write them in one go; one that is larger than the device takes is as if it had been sent (3.1.2.11.4)."""
        self._outlet.write(
            b"".join(packet for packet in packets if not self._max_packet or len(packet) <= self._max_packet)
        )

    def _fail(self, reason: Reason) -> None:
        """A fault of the device: before the CONNACK the connection just ends (4.13.2), after it with a DISCONNECT."""
        self.disconnect(reason)

    def _close(self) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self._buffer = b""
        self._backlog = None
        self._wire.close()
        self._outlet = NOWHERE
        self.host.closed(self)
