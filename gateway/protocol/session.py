"""One device's MQTT session, without I/O: bytes in, calls to its host, bytes out through its transport.

Both transports (TCP, WebSocket) feed it. It knows the protocol (OASIS MQTT 5.0; section numbers below; for MQTT 3.1.1
see `gateway.protocol.versions`) and nothing of sockets, databases or the event loop, so tests drive it with bytes
alone. This module takes what the device sends; `gateway.protocol.outbound` sends messages to it.
"""

from __future__ import annotations

import math
from typing import Self

import mqtt5
from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import DisconnectReasonCode as Reason
from mqtt5 import PubAckReasonCode as PubAck
from mqtt5 import QoS
from mqtt5 import SubAckReasonCode as SubAck

from gateway.protocol import packets
from gateway.protocol.mqtt311 import VERSION_311
from gateway.protocol.outbound import MAX_IN_FLIGHT, Outbound
from gateway.protocol.packets import INBOX_TOPIC, MAX_PACKET_BYTES
from gateway.protocol.ports import CLOSED_WRITER, DeviceRequest, Host, PublishRefusal, State, Transport
from gateway.protocol.versions import MAX_OPEN_REQUESTS, VERSION_5, Version
from pushcore.devices.registry import KnownDevice

REPLY_TOPIC = "mps/reply"
# Subscriptions that are granted; messages and answers are sent with or without them.
_GRANTED_QOS = {INBOX_TOPIC: SubAck.GRANTED_QOS_AT_LEAST_ONCE, REPLY_TOPIC: SubAck.GRANTED_QOS_AT_MOST_ONCE}
REQUEST_TOPICS = frozenset(
    {"mps/bind", "mps/unbind", "mps/report", "mps/profile", "mps/inbox", "mps/event", "mps/unregister"}
)

CONNECT_SECONDS = 10.0
# QoS 1 requests that a device may have sent without an answer, though told to stop at `MAX_OPEN_REQUESTS`, which many
# libraries ignore. Those beyond the ones being served wait in the socket, so they cost little.
MAX_UNANSWERED = 64 * MAX_OPEN_REQUESTS

_PUBACK, _PUBACK_LENGTH, _PUBACK_BYTES = 0x40, 2, 4
_PUBACK_HEAD = bytes((_PUBACK, _PUBACK_LENGTH))
# Reason codes of a PUBACK that accept the message; all others refuse it (3.4.2.1).
_ACCEPTING = (PubAck.SUCCESS, PubAck.NO_MATCHING_SUBSCRIBERS)
_PING_REQUEST = mqtt5.PingReqPacket().write()
_PING_RESPONSE = mqtt5.PingRespPacket().write()
# Bit of the protocol level that brokers set when they connect as bridges.
_BRIDGE = 0x80
_VERSIONS: dict[int, Version] = {5: VERSION_5, 4: VERSION_311}
# Looked up for each packet.
_OPEN = State.OPEN
# Packets decoded in an open session; PINGREQ and DISCONNECT are known by their first byte.
_DECODED = frozenset({packets.PUBLISH, packets.PUBACK, packets.SUBSCRIBE, packets.UNSUBSCRIBE})


class Session(Outbound):
    """One device's MQTT session: takes packets from the transport, and reports to its host.

    Attributes are for the host to read; methods are how it acts on the device.
    """

    __slots__ = (
        "_buffer",
        "_max_open_requests",
        "address",
        "device",
        "end_reason",
        "is_reading_paused",
        "keep_alive",
        "last_received",
        "open_requests",
        "session_id",
        "timer_slot",
    )

    def __init__(self, host: Host[Self], transport: Transport, *, address: str, session_id: str) -> None:
        super().__init__(host, transport)
        self.address = address
        self.session_id = session_id
        # The device, once it is admitted.
        self.device: KnownDevice | None = None
        self.keep_alive = 0
        # Why the server ended the session; None while it is open, and where the device or the network did.
        self.end_reason: Reason | None = None
        # When the last packet arrived; until admission when it connected, so that a slow CONNECT buys no time.
        self.last_received = self._clock.now
        # The host's: the bucket of its keep alive timers that holds the session.
        self.timer_slot = 0
        # Received bytes that are not processed yet.
        self._buffer = b""
        # Requests being served, and how many of them pause reading.
        self.open_requests = 0
        self._max_open_requests: float = MAX_OPEN_REQUESTS
        self.is_reading_paused = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the device. Never raises: a fault ends the session with the standard's reason code."""
        # The most frequent packet: a single acknowledgement without properties.
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
        if self.state in (State.ENDING, State.CLOSED):
            return
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if self.state is State.ADMITTING or self.is_reading_paused:
            self._buffer_input(data)
            return
        if self.state is State.OPEN:
            self.last_received = self._clock.now
        position, end = 0, len(data)
        while position < end:
            # Several acknowledgements.
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
            self._handle(data[position : position + size])
            position += size
            state: State = self.state  # the packet may have changed it
            if state is State.CLOSED:
                return
            if state is State.ADMITTING or self.is_reading_paused:
                self._buffer_input(data[position:])
                return

    def _buffer_input(self: Self, data: bytes) -> None:
        """Buffer what cannot be processed yet: what a client sends before the CONNACK (3.1.4) or while it is paused.

        The buffer is bounded by what a transport reads at once, for it then stops reading.
        """
        self._buffer = data
        if self.state is State.ADMITTING:
            if len(data) > MAX_PACKET_BYTES and not self.is_reading_paused:
                self._pause_reading()
        elif self._version.announces_limits and self._is_far_beyond_limits(data):
            self.host.publish_refused(self, PublishRefusal.TOO_MANY)
            self._fail(Reason.RECEIVE_MAX_EXCEEDED)

    def _is_far_beyond_limits(self, data: bytes) -> bool:
        """Tell whether a device exceeded its announced Receive Maximum many times; that counts QoS 1 only (3.3.4)."""
        return self.open_requests + packets.count_acknowledged_publishes(data, MAX_UNANSWERED) > MAX_UNANSWERED

    def _pause_reading(self) -> None:
        """Stop reading, so that the device has to wait. It is not disconnected, for it may not know of the limit."""
        self.is_reading_paused = True
        self._transport.pause_reading()

    def _resume_reading(self) -> None:
        """Process what was buffered, then resume reading unless that was too much again."""
        self.is_reading_paused = False
        self.feed(b"")
        if not self.is_reading_paused and self.state is State.OPEN:
            self._transport.resume_reading()

    def _handle(self, raw: bytes) -> None:
        """Process one packet."""
        if self.state is State.AWAITING_CONNECT:
            self._handle_first(raw)
            return
        kind = raw[0] >> 4
        if kind == packets.DISCONNECT:
            self._close()
        elif raw == _PING_REQUEST:
            self._writer.write(_PING_RESPONSE)
        elif kind in (0, packets.PINGREQ):
            self._fail(Reason.MALFORMED_PACKET)
        elif kind not in _DECODED:
            # A second CONNECT (3.1.0), a server's packet, QoS 2's (none is ever in flight), AUTH without a method.
            self._fail(Reason.PROTOCOL_ERROR)
        else:
            self._handle_decoded(self._version.decode(raw))

    def _handle_first(self, raw: bytes) -> None:
        """Process the first packet. A fault just closes (4.13.2); another version is refused in its own form."""
        level = packets.protocol_level(raw)
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

    def _connect(self: Self, packet: mqtt5.ConnectPacket) -> None:
        """Refuse a CONNECT that asks for what the server does not do; pass any other to the host for admission."""
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

    def _handle_decoded(self, packet: mqtt5.Packet | Reason) -> None:
        """Process a packet in an open session, or end it with the reason that the packet could not be decoded."""
        match packet:
            case mqtt5.PubAckPacket():
                if packet.reason_code in _ACCEPTING:
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
        """Grant subscriptions to what devices get anyway, and refuse all others."""
        if packet.packet_id == 0 or not packet.topic_filters:
            self._fail(Reason.PROTOCOL_ERROR)
            return
        if packet.subscription_id is not None:
            self._fail(Reason.SUBSCRIPTION_IDS_NOT_SUPPORTED)  # as the CONNACK said (3.2.2.3.12)
            return
        codes = [_GRANTED_QOS.get(one.pattern, SubAck.NOT_AUTHORIZED) for one in packet.topic_filters]
        self._reply(self._version.suback(packet.packet_id, codes))

    def _unsubscribe(self, packet: mqtt5.UnsubscribePacket) -> None:
        if packet.packet_id == 0 or not packet.patterns:
            self._fail(Reason.PROTOCOL_ERROR)
            return
        self._reply(self._version.unsuback(packet.packet_id, len(packet.patterns)))

    def _publish_received(self: Self, packet: mqtt5.PublishPacket) -> None:
        """Take a request. QoS and retain beyond the CONNACK are protocol errors (3.2.2.3.4, 3.2.2.3.5)."""
        if packet.qos == QoS.EXACTLY_ONCE:
            self._refuse_publish(PublishRefusal.QOS_2, Reason.QOS_NOT_SUPPORTED)
        elif packet.retain and self._version.announces_limits:
            self._refuse_publish(PublishRefusal.RETAINED, Reason.RETAIN_NOT_SUPPORTED)
        elif packet.topic_alias is not None:
            self._refuse_publish(PublishRefusal.TOPIC_ALIAS, Reason.TOPIC_ALIAS_INVALID)
        elif packet.packet_id == 0 or not packet.topic or packet.subscription_ids:
            self._refuse_publish(PublishRefusal.MALFORMED, Reason.PROTOCOL_ERROR)
        elif packet.retain or packet.topic not in REQUEST_TOPICS:
            self.host.publish_refused(self, PublishRefusal.RETAINED if packet.retain else PublishRefusal.FOREIGN_TOPIC)
            if packet.packet_id is not None:
                self._reply(self._version.puback(packet.packet_id, PubAck.NOT_AUTHORIZED))
        else:
            self.open_requests += 1
            if self.open_requests >= self._max_open_requests:
                self._pause_reading()
            self.host.request_received(
                self,
                DeviceRequest(
                    packet.topic,
                    packet.payload,
                    packet.packet_id,
                    packets.usable_topic(packet.response_topic) or REPLY_TOPIC,
                    packet.correlation_data,
                ),
            )

    def _refuse_publish(self: Self, refusal: PublishRefusal, reason: Reason) -> None:
        self.host.publish_refused(self, refusal)
        self._fail(reason)

    def accept(self, device: KnownDevice, *, issued_secret: str | None, max_keep_alive: int) -> None:
        """Open the session.

        Args:
            device: The admitted device.
            issued_secret: The secret of a device that registered, sent this once with its Ad-token.
            max_keep_alive: The longest keep alive in seconds; the server's is used for a longer one or none.
        """
        self.device = device
        self.state = State.OPEN
        self.caught_up = True
        self.last_received = self._clock.now
        server_keep_alive = None
        if not 0 < self.keep_alive <= max_keep_alive:
            self.keep_alive = server_keep_alive = max_keep_alive
        connack = self._version.connack(device.ad_token, issued_secret, server_keep_alive)
        if self._max_packet and len(connack) > self._max_packet:
            self._close()  # it must not be sent (3.1.2.11.4), and nothing can be sent without it
            return
        self._writer.write(connack)
        if self._buffer:
            self._process_buffer()
        if self._writer is CLOSED_WRITER:
            self._close()  # the device left meanwhile

    def _process_buffer(self) -> None:
        if self.is_reading_paused:
            self._resume_reading()
        else:
            self.feed(b"")

    def refuse(self, code: ConnAck, retry_after: int = 0) -> None:
        """Answer the CONNECT with a failure and close. `retry_after`: seconds to wait at least, 0 for no word of it."""
        if self.state is not State.CLOSED:
            self._writer.write(self._version.connack_refused(code, retry_after))
            self._close()

    @property
    def max_packet(self) -> int:
        """Bytes of the largest packet that the device takes; 0 for no limit."""
        return self._max_packet

    def answer(self, request: DeviceRequest, body: bytes) -> None:
        """Answer a request (QoS 0: it lives and dies with the connection), then acknowledge its PUBLISH."""
        self.open_requests -= 1
        if self.state not in (State.OPEN, State.ENDING):
            return
        answer = self._version.answer(request.response_topic, body, request.correlation_data)
        puback = b"" if request.packet_id is None else self._version.puback(request.packet_id, PubAck.SUCCESS)
        self._reply(answer, puback)
        if self.state is State.ENDING:
            self.end()
        elif self.is_reading_paused and 2 * self.open_requests <= MAX_OPEN_REQUESTS:
            self.last_received = self._clock.now  # until now the device waited for the server
            self._resume_reading()

    def end(self) -> None:
        """End the session of a device that was removed, once its open requests are answered.

        One of them may have asked for the removal. Nothing else is sent or read meanwhile.
        """
        if self.open_requests and self.state in (State.OPEN, State.ENDING):
            self.state = State.ENDING
            self.stop_writing()
            if not self.is_reading_paused:
                self._pause_reading()
        else:
            self.disconnect(Reason.ADMINISTRATIVE_ACTION)

    def disconnect(self, reason: Reason) -> None:
        """End the session from the server's side: taken over, keep alive missed, shutting down."""
        if self.state is not State.CLOSED:
            self.end_reason = reason
        if self.state in (State.OPEN, State.ENDING) and (packet := self._version.disconnect(reason)):
            self._transport.write_coalesced(packet)  # after other coalesced packets
        self._close()

    def transport_lost(self) -> None:
        """Note that the transport ended. What was read is still processed: the device may have sent it and left.

        If the device did not wait for the CONNACK (3.1.4), that happens once it is admitted.
        """
        if self._buffer and self.state in (State.ADMITTING, State.OPEN):
            self._max_open_requests, self.is_reading_paused, self._writer = math.inf, False, CLOSED_WRITER
            if self.state is State.ADMITTING:
                return
            self.feed(b"")
        self._close()

    def _reply(self, *packets: bytes) -> None:
        """Send packets in one write; one larger than the device accepts is discarded (3.1.2.11.4)."""
        self._writer.write(
            b"".join(packet for packet in packets if not self._max_packet or len(packet) <= self._max_packet)
        )

    def _fail(self, reason: Reason) -> None:
        """End the session for a fault: before the CONNACK with the close (4.13.2), after it with a DISCONNECT."""
        self.disconnect(reason)

    def _close(self: Self) -> None:
        """Close the transport and report the end to the host, once."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.caught_up = False
        self._buffer = b""
        self._backlog = self._held_back = None
        self._transport.close()
        self._writer = CLOSED_WRITER
        self.host.session_closed(self)
