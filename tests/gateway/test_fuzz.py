"""Whatever devices send, in whatever pieces and order: nothing is raised, and what is kept is bounded.

Deterministic, so that a failure in one place is one everywhere. `MPS_FUZZ_EXAMPLES=20000` looks further.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
import time
from typing import Any

import mqtt5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from mqtt5 import DisconnectReasonCode, PubAckReasonCode, QoS

from gateway.node.keep_alive import KeepAliveTimers
from gateway.protocol import packets
from gateway.protocol.mqtt311 import VERSION_311
from gateway.protocol.outbound import MAX_BACKLOG, MAX_IN_FLIGHT, MAX_REFUSED, OutboundMessage
from gateway.protocol.packets import MAX_PACKET_BYTES
from gateway.protocol.ports import State
from gateway.protocol.versions import MAX_OPEN_REQUESTS
from tests.gateway import mqtt311
from tests.gateway.conftest import RunningGateway
from tests.gateway.pushing import wait_for
from tests.gateway.recorder import DEVICE, NOW, SOON, Recorder, deliver, new_session, open_session, publish
from tests.gateway.test_packets import ALL
from tests.support.raw_device import RawDevice

EXAMPLES = int(os.environ.get("MPS_FUZZ_EXAMPLES", "150"))
QUICK = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None, derandomize=True)
BYTES = settings(max_examples=10 * EXAMPLES, deadline=None, derandomize=True)
NOISE = settings(max_examples=3 * EXAMPLES, deadline=None, derandomize=True)

ids = st.integers(1, 60)
texts = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0#+"), max_size=8)
topics = st.sampled_from(["mps/bind", "mps/unbind", "mps/report", "mps/event", "mps/inbox", "other"])
PLAIN_311 = [
    mqtt311.connect(will=mqtt311.text("t") + mqtt311.text(b"\xff"), flags=0x2E),
    mqtt311.publish("mps/bind", b"{}"),
    mqtt311.publish("mps/bind", b"{}", packet_id=None),
    mqtt311.puback(1),
    mqtt311.subscribe(1, ("mps/inbox", 1), ("#", 0)),
    mqtt311.unsubscribe(1, "mps/inbox"),
]


class SessionMachine(RuleBasedStateMachine):
    """A device that does anything, and a server that keeps sending to it, in MQTT 5."""

    connect_packet = mqtt5.ConnectPacket("ad-token", keep_alive=60, receive_max=20, max_packet_size=200).write()
    window = 20

    def publish(self, topic: str, payload: bytes, qos: int, packet_id: int, extra: str) -> bytes:
        return mqtt5.PublishPacket(
            topic,
            payload,
            qos=QoS(qos),
            packet_id=packet_id if qos else None,
            response_topic=extra or None,
            user_properties=[(extra, extra)],
        ).write()

    def puback(self, packet_id: int, taken: bool) -> bytes:
        code = PubAckReasonCode.SUCCESS if taken else PubAckReasonCode.QUOTA_EXCEEDED
        return mqtt5.PubAckPacket(packet_id, reason_code=code).write()

    def subscribe(self, pattern: str) -> bytes:
        return mqtt5.SubscribePacket(5, [mqtt5.TopicFilter(pattern)]).write()

    def check_written(self) -> None:
        self.recorder.packets()  # decodes all of it

    @initialize(admitted=st.booleans())
    def open(self, admitted: bool) -> None:
        self.session, self.recorder = new_session()
        self.wheel = KeepAliveTimers(self.recorder.clock)
        self.wheel.add(self.session)
        self.offered: set[int] = set()
        self.session.feed(self.connect_packet)
        if admitted:
            self.admit()

    @precondition(lambda self: self.session.state is State.ADMITTING)
    @rule()
    def admit(self) -> None:
        self.session.accept(DEVICE, issued_secret=None, max_keep_alive=100)
        self.wheel.reschedule(self.session)

    @rule(message_id=ids, size=st.sampled_from([5, 5, 5, 300]), dup=st.booleans(), late=st.booleans())
    def deliver(self, message_id: int, size: int, dup: bool, late: bool) -> None:
        self.offered.add(message_id)
        self.session.deliver(message_id, b"x" * size, 1 if late else SOON, dup, NOW)

    @rule(first=st.integers(100, 10_000))
    def deliver_many(self, first: int) -> None:
        for message_id in range(first, first + MAX_IN_FLIGHT):
            self.deliver(message_id, 5, False, False)

    @rule(message_id=ids)
    def withdraw(self, message_id: int) -> None:
        self.session.withdraw(message_id)

    @rule(after=st.integers(0, 100))
    def request_pending(self, after: int) -> None:
        self.session.request_pending(after)

    @rule(message_ids=st.lists(ids, max_size=8, unique=True), complete=st.booleans())
    def bring_what_waits(self, message_ids: list[int], complete: bool) -> None:
        rows = [OutboundMessage(message_id, b"x" * 5, SOON, False) for message_id in sorted(message_ids)]
        self.offered.update(message_ids)
        self.session.deliver_pending(rows, None if complete or not rows else rows[-1].message_id)

    @rule(recheck=st.booleans())
    def discard_unsent(self, recheck: bool) -> None:
        self.session.discard_unsent(recheck=recheck)

    @rule(packet_id=st.integers(1, 60), taken=st.booleans())
    def acknowledge(self, packet_id: int, taken: bool) -> None:
        self.session.feed(self.puback(packet_id, taken))

    @rule(topic=topics, payload=st.binary(max_size=30), qos=st.integers(0, 1), packet_id=st.integers(1, 9), extra=texts)
    def ask(self, topic: str, payload: bytes, qos: int, packet_id: int, extra: str) -> None:
        self.session.feed(self.publish(topic, payload, qos, packet_id, extra))

    @precondition(lambda self: self.recorder.requests)
    @rule()
    def answer(self) -> None:
        self.session.answer(self.recorder.requests.pop(0), b"{}")

    @rule(pattern=st.sampled_from(["mps/inbox", "mps/reply", "#", "a/+"]))
    def ask_for_topics(self, pattern: str) -> None:
        self.session.feed(self.subscribe(pattern))

    @rule(cuts=st.lists(st.integers(1, 20), max_size=4))
    def ping_in_pieces(self, cuts: list[int]) -> None:
        data = b"\xc0\x00" * 10
        for cut in cuts:
            self.session.feed(data[:cut])
            data = data[cut:]
        self.session.feed(data)

    @rule(garbage=st.binary(min_size=1, max_size=12), seldom=st.integers(0, 15))
    def send_garbage(self, garbage: bytes, seldom: int) -> None:
        if not seldom:
            self.session.feed(garbage)

    @rule(seldom=st.integers(0, 30), how=st.integers(0, 2))
    def end(self, seldom: int, how: int) -> None:
        if seldom:
            return
        if how == 0:
            self.session.transport_lost()
        elif how == 1:
            self.session.feed(b"\xe0\x00")
        else:
            self.session.disconnect(DisconnectReasonCode.SESSION_TAKEN_OVER)

    @invariant()
    def bounded_and_consistent(self) -> None:
        session, recorder = self.session, self.recorder
        waiting = [entry[0] for entry in session._backlog or ()]
        in_flight = session.unacknowledged()
        assert len(in_flight) == session.in_flight <= self.window
        assert len(waiting) <= MAX_BACKLOG
        assert len(session._held_back or ()) <= MAX_BACKLOG
        nothing_older_waits = session._pending_above is None and not session._pending_requested
        assert not session.caught_up or (session.state is State.OPEN and nothing_older_waits)
        assert len(session._buffer) <= MAX_PACKET_BYTES
        assert 0 <= session.open_requests <= MAX_OPEN_REQUESTS
        assert len(session._refused or ()) <= MAX_REFUSED
        assert {*in_flight} <= self.offered
        assert recorder.closes == recorder.transport_closes == (session.state is State.CLOSED)
        if session.state is State.CLOSED:
            self.wheel.discard(session)
            assert (session._buffer, session._backlog) == (b"", None)
            assert not any(self.wheel._buckets.values())
        else:
            held = [*in_flight, *waiting]
            assert len({*held}) == len(held)
            assert all(session.holds(message_id) for message_id in held)
        self.check_written()


class Session311Machine(SessionMachine):
    """The same in MQTT 3.1.1."""

    connect_packet = mqtt311.connect()
    window = MAX_IN_FLIGHT

    def publish(self, topic: str, payload: bytes, qos: int, packet_id: int, extra: str) -> bytes:
        return mqtt311.publish(topic, payload, packet_id=packet_id if qos else None)

    def puback(self, packet_id: int, taken: bool) -> bytes:
        return mqtt311.puback(packet_id)

    def subscribe(self, pattern: str) -> bytes:
        return mqtt311.subscribe(5, (pattern, 1))

    def check_written(self) -> None:
        written, at = self.recorder.written, 0
        while at < len(written):
            size = packets.packet_size(written, at)
            assert 0 < size <= len(written) - at
            at += size
        self.recorder.written = b""


TestSession5 = SessionMachine.TestCase
TestSession5.settings = QUICK
TestSession311 = Session311Machine.TestCase
TestSession311.settings = QUICK


def _changed(raw: bytes, data: st.DataObject) -> bytes:
    """The packet with a few bytes changed, or cut short; its Remaining Length mostly right."""
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(2, len(changed) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        body = changed[packets.variable_header_start(raw) : data.draw(st.integers(2, len(changed)))]
        return mqtt311.packet(raw[0], bytes(body))
    return bytes(changed)


@BYTES
@given(raw=st.sampled_from([packet.write() for packet in ALL]), data=st.data())
def test_no_changed_packet_makes_the_decoder_raise(raw: bytes, data: st.DataObject) -> None:
    packets.decode(_changed(raw, data))


@BYTES
@given(raw=st.sampled_from(PLAIN_311), data=st.data())
def test_no_changed_packet_makes_the_decoder_of_3_1_1_raise(raw: bytes, data: st.DataObject) -> None:
    VERSION_311.decode(_changed(raw, data))


# What an open session may be sent; acknowledgements are of messages on their way, taken or refused, in each length.
STREAM_311 = [*PLAIN_311[1:], *(mqtt311.puback(packet_id) for packet_id in (2, 3)), b"\xc0\x00", b"\x40\x00"]
STREAM_5 = [
    *(packet.write() for packet in ALL if not isinstance(packet, mqtt5.ConnectPacket)),
    *(mqtt5.PubAckPacket(packet_id).write() for packet_id in (1, 2, 3)),
    mqtt5.PubAckPacket(1, reason_code=PubAckReasonCode.UNSPECIFIED_ERROR).write(),
    mqtt5.PubAckPacket(2, reason_code=PubAckReasonCode.QUOTA_EXCEEDED, reason_str="full").write(),
    b"\xc0\x00",
    b"\x40\x00",
]


@pytest.mark.parametrize(
    ("connect", "packets"),
    [(mqtt311.connect(), STREAM_311), (mqtt5.ConnectPacket("ad-token", keep_alive=60).write(), STREAM_5)],
    ids=["3.1.1", "5"],
)
@BYTES
@given(data=st.data(), cuts=st.lists(st.integers(1, 40)))
def test_the_result_does_not_depend_on_how_bytes_are_split(
    connect: bytes, packets: list[bytes], data: st.DataObject, cuts: list[int]
) -> None:
    whole = b"".join(data.draw(st.lists(st.sampled_from(packets), max_size=6)))
    outcomes: list[tuple[Any, ...]] = []
    for pieces in ([], cuts):
        session, recorder = new_session()
        session.feed(connect)
        session.accept(DEVICE, issued_secret=None, max_keep_alive=100)
        for message_id in (11, 12, 13):
            session.deliver(message_id, b"x", SOON, False, NOW)
        rest = whole
        for size in pieces:
            session.feed(rest[:size])
            rest = rest[size:]
        session.feed(rest)
        outcomes.append((*_outcome(recorder), session.state, session._buffer))
    assert outcomes[0] == outcomes[1]


def _outcome(recorder: Recorder) -> tuple[Any, ...]:
    return (
        recorder.written,
        recorder.requests,
        recorder.acknowledged_ids,
        recorder.refused_ids,
        recorder.closes,
    )


PACKETS = st.sampled_from(
    [
        mqtt5.PingReqPacket().write(),
        mqtt5.PubAckPacket(1).write(),
        mqtt5.PubAckPacket(1, reason_code=PubAckReasonCode.NOT_AUTHORIZED).write(),
        mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("mps/inbox")]).write(),
        publish(),
        publish(response_topic="r", correlation_data=b"c", user_properties=[("a", "b")]),
        mqtt5.ConnectPacket("x", username="u", password=b"p", user_properties=[("platform", "ios")]).write(),
        mqtt5.DisconnectPacket().write(),
    ]
)


@st.composite
def _streams(draw: st.DrawFn) -> bytes:
    """Bytes a device might send: noise, packets, and packets with a few bytes changed."""
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        raw = bytearray(draw(st.one_of(PACKETS, st.binary(max_size=40))))
        for _ in range(draw(st.integers(0, 2))):
            if raw:
                raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
        parts.append(bytes(raw))
    return b"".join(parts)


@NOISE
@given(stream=_streams(), cuts=st.lists(st.integers(0, 200), max_size=5), admitted=st.booleans())
def test_no_bytes_raise_or_are_kept_without_bound(stream: bytes, cuts: list[int], admitted: bool) -> None:
    session, recorder = open_session() if admitted else new_session()
    deliver(session, 1, 2, 3)
    edges = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    for start, end in itertools.pairwise(edges):
        session.feed(stream[start:end])
    assert len(session._buffer) <= MAX_PACKET_BYTES
    assert len(recorder.requests) <= MAX_OPEN_REQUESTS
    assert recorder.closes == recorder.transport_closes == (session.state is State.CLOSED)


def test_noise_on_real_sockets_leaves_nothing_behind(gateway: RunningGateway) -> None:
    noise = random.Random(4711)
    starts = [b"", mqtt311.connect(), *(packet.write() for packet in ALL[:2]), b"GET / HTTP/1.1\r\n"]
    sockets = []
    for number in range(100):
        connection = socket.create_connection(("127.0.0.1", (gateway.mqtt_port, gateway.ws_port)[number % 2]))
        connection.sendall(noise.choice(starts) + noise.randbytes(noise.randrange(1, 2000)))
        sockets.append(connection)
    time.sleep(0.2)
    for connection in sockets:
        connection.close()
    node = gateway.node
    assert node is not None
    assert wait_for(lambda: not any(node._keep_alives._buckets.values()))
    assert (node.sessions, len(node._requests)) == ({}, 0)
    with RawDevice(gateway.mqtt_port) as device:
        assert device.connect("stranger", "u", "p").reason_code == mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD
