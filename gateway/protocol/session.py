"""One device's MQTT session, without I/O: bytes in, calls to its host, bytes out through its transport.

Both transports (TCP, WebSocket) feed it. It knows the protocol (OASIS MQTT 5.0; section numbers below; MQTT 3.1.1 is
another form of the same, see `gateway.protocol.versions`) and nothing of sockets, databases or the event loop, so
a test drives it with bytes alone.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import mqtt5
from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import DisconnectReasonCode as Reason
from mqtt5 import PubAckReasonCode as PubAck
from mqtt5 import QoS
from mqtt5 import SubAckReasonCode as SubAck

from gateway.protocol import packets
from gateway.protocol.mqtt311 import VERSION_311
from gateway.protocol.packets import INBOX, MAX_PACKET_BYTES
from gateway.protocol.ports import CLOSED_WRITER, Host, PublishRefusal, Request, Transport, Writer
from gateway.protocol.shared_payload import SharedPayload
from gateway.protocol.versions import MAX_OPEN_REQUESTS, VERSION_5, Version
from pushcore.devices.registry import KnownDevice
from pushcore.storage import clock

if TYPE_CHECKING:
    from gateway.broadcast.progress import Progress

REPLY = "mps/reply"
# Whatever is asked for: messages and answers come as they do, with or without a subscription.
_GRANTED = {INBOX: SubAck.GRANTED_QOS_AT_LEAST_ONCE, REPLY: SubAck.GRANTED_QOS_AT_MOST_ONCE}
REQUESTS = frozenset({"mps/bind", "mps/unbind", "mps/report", "mps/event", "mps/unregister"})

# Messages on their way to a device, whatever larger Receive Maximum it grants. So many of the largest (4 KiB of
# content) fit what a transport keeps for a slow device (256 KiB): slowness alone cuts nobody off.
MAX_IN_FLIGHT = 48
# Messages that wait in memory for a device whose Receive Maximum is used up; more wait as rows.
MAX_BACKLOG = 16
# Messages a device refused or cannot take, remembered so that its connection is not tried with them again.
MAX_REFUSED = 1000
CONNECT_SECONDS = 10.0
# QoS 1 requests that a device may have sent us without an answer, though told to stop at `MAX_OPEN_REQUESTS`: many
# libraries do not look at it. What is beyond those being served waits in the socket, so it costs little.
MAX_UNANSWERED = 64 * MAX_OPEN_REQUESTS
# So long after a device's user or channel has changed, a message that is handed over may have been resolved before.
RECHECK_SECONDS = 10.0
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


_NO_PACKET = -1


class OutboundMessage(NamedTuple):
    """A message for the device. `expire_at_ms`: milliseconds since 1970; `dup`: it may have been written before."""

    message_id: int
    payload: bytes | SharedPayload
    expire_at_ms: int
    dup: bool


class State(Enum):
    AWAITING_CONNECT = 0
    ADMITTING = 1
    OPEN = 2
    CLOSED = 3


# Looked up for each message.
_OPEN = State.OPEN


class _HotAttributes:
    """A session's first attributes, side by side: of many thousand sessions none is in the processor's cache."""

    __slots__ = (
        "_backlog",
        "_buffer",
        "_clock",
        "_in_flight",
        "_max_packet",
        "_next_packet_id",
        "_pending_after",
        "_refused",
        "_single",
        "_single_packet",
        "_version",
        "_writer",
        "broadcasts",
        "caught_up",
        "host",
        "last_received",
        "state",
    )  # fmt: skip


class Session(_HotAttributes):
    """See the module. Attributes are for the host to read; methods are how it acts on the device."""

    __slots__ = (
        "_after_pending",
        "_asked",
        "_most_open",
        "_recheck_until",
        "_request_is_stale",
        "_transport",
        "_window",
        "address",
        "device",
        "is_paused",
        "keep_alive",
        "open_requests",
        "session_id",
        "wheel_slot",
    )  # fmt: skip

    def __init__(self, host: Host, transport: Transport, *, address: str, session_id: str) -> None:
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
        self._most_open: float = MAX_OPEN_REQUESTS
        # Too much has come of the device: nothing more is read until some of it is done with.
        self.is_paused = False
        # What is written and not acknowledged. Mostly that is one message: it stands in `_single`, by its packet id (or
        # none does). Where there are more, all are in `_in_flight`, packet id -> message id.
        self._single_packet = _NO_PACKET
        self._single = 0
        self._in_flight: dict[int, int] | None = None
        self._transport = transport
        self._writer: Writer = transport.writer
        self._version: Version = VERSION_5
        self._buffer = b""
        self._backlog: deque[OutboundMessage] | None = None
        self._next_packet_id = 0
        self._window = MAX_IN_FLIGHT
        self._max_packet = 0
        self._refused: set[int] | None = None
        # Whether what is handed over is written as it comes: the session is open, and nothing older waits as rows.
        self.caught_up = False
        # Rows with ids above this may wait; None where none do.
        self._pending_after: int | None = None
        # Whether the host was asked for them and has not brought them yet; and whether what it brings is out of date.
        self._asked = self._request_is_stale = False
        # What was handed over meanwhile. It comes after the rows.
        self._after_pending: list[OutboundMessage] | None = None
        self._recheck_until = 0.0

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
        if self.state is State.ADMITTING or self.is_paused:
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
            state: State = self.state  # what it took may have changed it
            if state is State.CLOSED:
                return
            if state is State.ADMITTING or self.is_paused:
                self._hold(data[position:])
                return

    def _hold(self, data: bytes) -> None:
        """Keep what cannot be taken yet: what a client sends on before the CONNACK (3.1.4), and what was read of one
        that is held back. That is bounded by what a transport reads at once: it reads no more."""
        self._buffer = data
        if self.state is State.ADMITTING:
            if len(data) > MAX_PACKET_BYTES and not self.is_paused:
                self._pause_reading()
        elif self._version.tells_limits and self._is_far_beyond_limits(data):
            self.host.publish_refused(PublishRefusal.TOO_MANY)
            self._fail(Reason.RECEIVE_MAX_EXCEEDED)

    def _is_far_beyond_limits(self, data: bytes) -> bool:
        """Whether a device that was told a Receive Maximum has sent many times as much. It speaks of QoS 1 (3.3.4)."""
        return self.open_requests + packets.count_acknowledged_publishes(data, MAX_UNANSWERED) > MAX_UNANSWERED

    def _pause_reading(self) -> None:
        """Read nothing more: the device has to wait. It is not cut off, for it may not know of any limit."""
        self.is_paused = True
        self._transport.pause_reading()

    def _resume_reading(self) -> None:
        """Take what was kept; read on, if that has not been too much again."""
        self.is_paused = False
        self.feed(b"")
        if not self.is_paused and self.state is State.OPEN:
            self._transport.resume_reading()

    def _take(self, raw: bytes) -> None:
        if self.state is State.AWAITING_CONNECT:
            self._take_first(raw)
            return
        kind = raw[0] >> 4
        if kind == packets.DISCONNECT:
            self._close()
        elif raw == _PING_REQUEST:
            self._writer.write(_PING_RESPONSE)
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
            self._refuse_publish(PublishRefusal.QOS_2, Reason.QOS_NOT_SUPPORTED)
        elif packet.retain and self._version.tells_limits:
            self._refuse_publish(PublishRefusal.RETAINED, Reason.RETAIN_NOT_SUPPORTED)
        elif packet.topic_alias is not None:
            self._refuse_publish(PublishRefusal.TOPIC_ALIAS, Reason.TOPIC_ALIAS_INVALID)
        elif packet.packet_id == 0 or not packet.topic or packet.subscription_ids:
            self._refuse_publish(PublishRefusal.MALFORMED, Reason.PROTOCOL_ERROR)
        elif packet.retain or packet.topic not in REQUESTS:
            self.host.publish_refused(PublishRefusal.RETAINED if packet.retain else PublishRefusal.FOREIGN_TOPIC)
            if packet.packet_id is not None:
                self._reply(self._version.puback(packet.packet_id, PubAck.NOT_AUTHORIZED))
        else:
            self.open_requests += 1
            if self.open_requests >= self._most_open:
                self._pause_reading()
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

    def _refuse_publish(self, refusal: PublishRefusal, reason: Reason) -> None:
        self.host.publish_refused(refusal)
        self._fail(reason)

    def _acknowledge(self, packet_id: int) -> None:
        message_id: int | None
        if packet_id == self._single_packet:  # nearly always: without a call
            message_id, self._single_packet = self._single, _NO_PACKET
        else:
            message_id = self._pop_in_flight(packet_id)
            if message_id is None:
                return
        self.host.acknowledged(self, message_id)
        if self._backlog or self._pending_after is not None:
            self._send_waiting()

    def _reject(self, packet_id: int) -> None:
        """The device refused a message: not acknowledged, and not sent again on this connection."""
        message_id = self._pop_in_flight(packet_id)
        if message_id is not None:
            self._refuse_message(message_id)
            self._send_waiting()

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
        self.caught_up = True
        self.last_received = self._clock.now
        server_keep_alive = None
        if not 0 < self.keep_alive <= max_keep_alive:
            self.keep_alive = server_keep_alive = max_keep_alive
        connack = self._version.accepted(device.ad_token, issued_secret, server_keep_alive)
        if self._max_packet and len(connack) > self._max_packet:
            self._close()  # must not be sent (3.1.2.11.4), and nothing can be without it
            return
        self._writer.write(connack)
        if self._buffer:
            self._take_kept()
        if self._writer is CLOSED_WRITER:
            self._close()  # it had left meanwhile

    def _take_kept(self) -> None:
        if self.is_paused:
            self._resume_reading()
        else:
            self.feed(b"")

    def refuse(self, code: ConnAck) -> None:
        """Answer the CONNECT with a failure and close."""
        if self.state is not State.CLOSED:
            self._writer.write(self._version.refused(code))
            self._close()

    def deliver(
        self, message_id: int, payload: bytes | SharedPayload, expire_at_ms: int, dup: bool, now_ms: int
    ) -> None:
        """Send a message, or keep it while the device's Receive Maximum is used up. Times: milliseconds since 1970.

        What is on its way already is not sent twice; what does not fit into memory stays a row and is asked for when
        the device has caught up. While older rows wait it queues behind them.
        """
        if not self.caught_up:
            self._queue_after_pending(OutboundMessage(message_id, payload, expire_at_ms, dup), now_ms)
            return
        alone, several = self._single_packet, self._in_flight
        if alone != _NO_PACKET or several or self._backlog or self._refused:
            if self.holds(message_id) or (self._refused and message_id in self._refused):
                return
            if self.in_flight >= self._window:
                self._keep(OutboundMessage(message_id, payload, expire_at_ms, dup))
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
            self._single_packet, self._single = packet_id, message_id
            self._writer.write(packet)
            return
        # Where there is one on its way there are often many.
        if several:
            several[packet_id] = message_id
        else:
            self._single_packet, self._in_flight = _NO_PACKET, {alone: self._single, packet_id: message_id}
        self._transport.write_more(packet)

    def _keep(self, message: OutboundMessage) -> None:
        """Keep a message for which there is no room on the way; it stays a row where there is none in memory either."""
        if self._backlog is None:
            self._backlog = deque()
        if len(self._backlog) >= MAX_BACKLOG:
            self._note_pending(message.message_id)
        else:
            self._backlog.append(message)

    def _note_pending(self, message_id: int) -> None:
        """The message is asked for with the rows that wait, in its turn."""
        after = message_id - 1
        self._pending_after = after if self._pending_after is None else min(after, self._pending_after)
        self.caught_up = False

    def _queue_after_pending(self, message: OutboundMessage, now_ms: int) -> None:
        """Rows may wait that are older than the message: it comes after them."""
        if self.state is not _OPEN:
            return
        if self._clock.now < self._recheck_until:
            self.request_pending(message.message_id - 1)
        elif self._pending_after is None and not self._asked:
            self.caught_up = True  # there was only doubt, and it is over
            self.deliver(*message, now_ms)
        elif self._after_pending is not None and len(self._after_pending) >= MAX_BACKLOG:
            self._note_pending(message.message_id)
        elif self._after_pending is None:
            self._after_pending = [message]
        else:
            self._after_pending.append(message)

    def deliver_waiting(self, messages: Iterable[OutboundMessage], complete_to: int | None) -> None:
        """Take what the host was asked for, in the order of ids, then what was handed over meanwhile.

        `complete_to`: the id up to which these are all that wait; None: there are no more.
        """
        self._asked = False
        if self.state is not _OPEN:
            return
        if self._request_is_stale:  # it was read before the change that `discard_unsent` speaks of
            self._request_is_stale = False
            self._send_waiting()
            return
        now_ms, behind = int(clock.time() * 1000), self._after_pending
        self._after_pending, self.caught_up = None, True
        for message in messages:
            self.deliver(*message, now_ms)
            if not self.caught_up:
                break  # no more fits into memory: the rest is asked for again
        if complete_to is not None:
            self._note_pending(complete_to + 1)
        for message in sorted(behind or (), key=lambda due: due.message_id):
            # Of what the rows that are read cover: its transaction was not committed yet when they were.
            self.caught_up = self._pending_after is None or message.message_id <= self._pending_after
            self.deliver(*message, now_ms)
        self.caught_up = self._pending_after is None and self._clock.now >= self._recheck_until
        self._send_waiting()

    def _pop_in_flight(self, packet_id: int) -> int | None:
        """What is in flight with this packet id; no longer."""
        if packet_id == self._single_packet:
            self._single_packet = _NO_PACKET
            return self._single
        if self._in_flight is None:
            return None
        message_id = self._in_flight.pop(packet_id, None)
        if not self._in_flight:
            self._in_flight = None
        return message_id

    @property
    def in_flight(self) -> int:
        """Messages written and not acknowledged."""
        if self._in_flight is not None:
            return len(self._in_flight)
        return 0 if self._single_packet == _NO_PACKET else 1

    def unacknowledged(self) -> list[int]:
        """Their ids."""
        if self._in_flight is not None:
            return list(self._in_flight.values())
        return [] if self._single_packet == _NO_PACKET else [self._single]

    def holds(self, message_id: int) -> bool:
        """Whether the message is on its way to the device: written, or waiting in memory. Both are short."""
        if self._in_flight is not None:
            if message_id in self._in_flight.values():
                return True
        elif message_id == self._single and self._single_packet != _NO_PACKET:
            return True
        return bool(self._backlog) and any(waiting[0] == message_id for waiting in self._backlog or ())

    def withdraw(self, message_id: int) -> None:
        """Do not send a message that waits for the device's Receive Maximum. What is written is written."""
        if self._backlog:
            self._backlog = deque(waiting for waiting in self._backlog if waiting.message_id != message_id)
        if self._after_pending:
            self._after_pending = [waiting for waiting in self._after_pending if waiting.message_id != message_id]

    def discard_unsent(self, *, doubt: bool) -> None:
        """Whom the device serves, or what reaches it, may have changed: nothing is written any more that is not yet,
        before the rows were asked which of it may be. With `doubt` that holds for what is handed over in the next
        seconds as well."""
        if self.state is not _OPEN:
            return
        self._backlog = self._after_pending = None
        self._request_is_stale = self._asked
        if doubt:
            self._recheck_until = self._clock.now + RECHECK_SECONDS
        self.request_pending(0)

    def stop_writing(self) -> None:
        """The device is with another node; only what it still acknowledges here is of interest."""
        self._backlog = self._after_pending = self._pending_after = None
        self.caught_up, self._asked, self._request_is_stale = False, True, True

    def request_pending(self, after: int) -> None:
        """Rows with ids above `after` may wait: ask for them when the device has caught up."""
        if self.state is not _OPEN:
            return
        self._note_pending(after + 1)
        self._send_waiting()

    def request_pending_unless_due(self, after: int) -> None:
        """The same for what is no row: something with an id above `after` waits. Nothing to do where rows do anyway."""
        if self._pending_after is None and not self._asked:
            self.request_pending(after)

    def _send_waiting(self) -> None:
        """Send what waits in memory; when that is done and half the window is free, ask for what waits as rows."""
        backlog = self._backlog
        if backlog:
            now_ms, caught_up, self.caught_up = int(clock.time() * 1000), self.caught_up, True
            while backlog and self.in_flight < self._window:
                self.deliver(*backlog.popleft(), now_ms)
            self.caught_up = caught_up
            if backlog:
                return
        self._backlog = None
        if (
            self._pending_after is not None
            and not self._asked
            and 2 * self.in_flight <= self._window
            and self.state is State.OPEN
        ):
            after, self._pending_after, self._asked = self._pending_after, None, True
            self.host.pending_wanted(self, after)

    def answer(self, request: Request, body: bytes) -> None:
        """Answer a request (QoS 0: it lives and dies with the connection), then acknowledge its PUBLISH."""
        self.open_requests -= 1
        if self.state is not State.OPEN:
            return
        answer = self._version.answer(request.response_topic, body, request.correlation_data)
        puback = b"" if request.packet_id is None else self._version.puback(request.packet_id, PubAck.SUCCESS)
        self._reply(answer, puback)
        if self.is_paused and 2 * self.open_requests <= MAX_OPEN_REQUESTS:
            self.last_received = self._clock.now  # until now it was us it waited for
            self._resume_reading()

    def disconnect(self, reason: Reason) -> None:
        """End the session from our side: taken over, keep alive missed, shutting down."""
        if self.state is State.OPEN and (goodbye := self._version.disconnect(reason)):
            self._transport.write_more(goodbye)  # after what was said so before
        self._close()

    def transport_lost(self) -> None:
        """The transport ended. What has been read is taken: the device may have left right after it had sent it.

        Where it did not wait for the CONNACK (3.1.4), that is once it is admitted.
        """
        if self._buffer and self.state in (State.ADMITTING, State.OPEN):
            self._most_open, self.is_paused, self._writer = math.inf, False, CLOSED_WRITER
            if self.state is State.ADMITTING:
                return
            self.feed(b"")
        self._close()

    @property
    def queued(self) -> int:
        """Messages that wait in memory for the device's window."""
        return len(self._backlog or ()) + len(self._after_pending or ())

    @property
    def unsent_bytes(self) -> int:
        """What the transport keeps for the device."""
        return self._transport.unsent_bytes

    def _reply(self, *packets: bytes) -> None:
        """Write them in one go; one that is larger than the device takes is as if it had been sent (3.1.2.11.4)."""
        self._writer.write(
            b"".join(packet for packet in packets if not self._max_packet or len(packet) <= self._max_packet)
        )

    def _fail(self, reason: Reason) -> None:
        """A fault of the device: before the CONNACK the connection just ends (4.13.2), after it with a DISCONNECT."""
        self.disconnect(reason)

    def _close(self) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.caught_up = False
        self._buffer = b""
        self._backlog = self._after_pending = None
        self._transport.close()
        self._writer = CLOSED_WRITER
        self.host.closed(self)
