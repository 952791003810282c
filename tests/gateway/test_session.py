"""The session by bytes alone: what it answers, what it refuses, and that nothing a device sends breaks it."""

from __future__ import annotations

import itertools
import time
from typing import Any

import mqtt5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode, PubAckReasonCode, QoS, SubAckReasonCode

from gateway.node.clock import LoopClock
from gateway.protocol import outbound
from gateway.protocol.outbound import MAX_PACKET_ID, OutboundMessage, State
from gateway.protocol.packets import MAX_PACKET_BYTES
from gateway.protocol.ports import DeviceRequest, PublishRefusal
from gateway.protocol.session import MAX_UNANSWERED, Session
from gateway.protocol.versions import MAX_OPEN_REQUESTS
from pushcore.devices.registry import KnownDevice
from pushcore.storage import clock

DEVICE = KnownDevice(7, 1, 1, "ad-token", "", "app-test", True)
UNSUPPORTED = ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION
NOW = int(time.time() * 1000)
SOON = NOW + 86_400_000


class Recorder:
    """Host and wire in one: keeps what the session says and writes."""

    def __init__(self) -> None:
        self.written = b""
        self.delivered = 0
        self.clock = LoopClock()
        self.wire_closed = 0
        self.connects: list[mqtt5.ConnectPacket] = []
        self.acknowledged_ids: list[int] = []
        self.refused_ids: list[int] = []
        self.asked_after: list[int] = []
        self.requests: list[DeviceRequest] = []
        self.refused_publishes: list[PublishRefusal] = []
        self.is_reading = True
        self.closes = 0

    def write(self, data: bytes) -> None:
        assert not self.wire_closed
        self.written += data

    write_more = write

    def close(self) -> None:
        self.wire_closed += 1

    @property
    def writer(self) -> Recorder:
        return self

    @property
    def unsent_bytes(self) -> int:
        return 0

    def connect_requested(self, _session: Session, packet: mqtt5.ConnectPacket) -> None:
        self.connects.append(packet)

    def acknowledged(self, _session: Session, message_id: int) -> None:
        self.acknowledged_ids.append(message_id)

    def refused(self, _session: Session, message_id: int) -> None:
        self.refused_ids.append(message_id)

    def pending_wanted(self, _session: Session, after: int) -> None:
        self.asked_after.append(after)

    def request_received(self, _session: Session, request: DeviceRequest) -> None:
        self.requests.append(request)

    def publish_refused(self, reason: PublishRefusal) -> None:
        self.refused_publishes.append(reason)

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def closed(self, _session: Session) -> None:
        self.closes += 1

    def packets(self) -> list[Any]:
        """What was written since the last call, decoded."""
        found, rest = [], memoryview(self.written)
        while rest:
            packet, size = mqtt5.read(rest)
            found.append(packet)
            rest = rest[size:]
        self.written = b""
        return found


def new_session() -> tuple[Session, Recorder]:
    recorder = Recorder()
    return Session(recorder, recorder, address="127.0.0.1", session_id="s"), recorder


def open_session(**connect: Any) -> tuple[Session, Recorder]:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("ad-token", keep_alive=60, **connect).write())
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    recorder.packets()
    return session, recorder


def deliver(session: Session, *message_ids: int, dup: bool = False) -> None:
    for message_id in message_ids:
        session.deliver(message_id, b'{"k":"1"}', SOON, dup, NOW)


def due(message_id: int) -> OutboundMessage:
    return OutboundMessage(message_id, str(message_id).encode(), SOON, False)


def written(recorder: Recorder) -> list[int]:
    """The ids of the messages that were written since the last call; all are acknowledged."""
    return [int(packet.payload) for packet in recorder.packets() if isinstance(packet, mqtt5.PublishPacket)]


def acknowledge_all(session: Session, recorder: Recorder) -> list[int]:
    """Acknowledge what was written, and what follows from that, until nothing does; returns the ids in order."""
    seen: list[int] = []
    while packets := recorder.packets():
        seen += [int(packet.payload) for packet in packets]
        session.feed(b"".join(mqtt5.PubAckPacket(packet.packet_id).write() for packet in packets))
    return seen


def test_what_is_handed_over_while_rows_wait_comes_after_them() -> None:
    session, recorder = open_session()
    session.request_pending(0)
    assert recorder.asked_after == [0]
    for message_id in (7, 9, 8):
        session.deliver(*due(message_id), NOW)
    assert written(recorder) == []
    session.deliver_waiting([due(n) for n in (1, 2, 7)], None)
    assert written(recorder) == [1, 2, 7, 8, 9]
    session.deliver(*due(10), NOW)
    assert written(recorder) == [10]
    assert recorder.asked_after == [0]


def test_the_order_of_ids_is_the_order_on_the_wire_however_many_come_while_a_device_catches_up() -> None:
    session, recorder = open_session(receive_max=10)
    rows = list(range(1, 201))
    session.request_pending(0)
    seen, came, asked = [], 201, 0
    while asked < len(recorder.asked_after):
        after = recorder.asked_after[asked]
        asked += 1
        for _ in range(7):  # more than is ever caught up with at once; each is a row as well
            if came < 400:
                rows.append(came)
                session.deliver(*due(came), NOW)
                came += 1
        page = [n for n in rows if n > after and n not in seen][:30]
        session.deliver_waiting([due(n) for n in page], page[-1] if len(page) == 30 else None)
        seen += acknowledge_all(session, recorder)
    assert seen == list(range(1, came))
    assert session.caught_up


def test_a_message_whose_id_is_older_than_rows_already_read_is_not_lost() -> None:
    session, recorder = open_session(receive_max=1)
    session.request_pending(0)
    session.deliver_waiting([due(n) for n in range(10, 40)], 39)  # 17 of them fit
    session.deliver(*due(5), NOW)  # committed after the rows were read
    seen = acknowledge_all(session, recorder)
    assert seen == list(range(10, 27))
    assert recorder.asked_after == [0, 26]
    session.deliver_waiting([due(n) for n in range(27, 40)], None)
    seen += acknowledge_all(session, recorder)
    assert seen == [*range(10, 40), 5]


def test_after_a_change_nothing_unwritten_is_written_before_the_rows_were_asked() -> None:
    session, recorder = open_session(receive_max=2)
    for message_id in (1, 2, 3, 4):
        session.deliver(*due(message_id), NOW)
    assert written(recorder) == [1, 2]
    session.discard_unsent(doubt=True)
    assert session.queued == 0
    session.feed(mqtt5.PubAckPacket(1).write() + mqtt5.PubAckPacket(2).write())
    assert (written(recorder), recorder.asked_after) == ([], [0])
    session.discard_unsent(doubt=True)  # while the answer is on its way
    session.deliver_waiting([due(3)], None)
    assert (written(recorder), recorder.asked_after) == ([], [0, 0])
    session.deliver_waiting([due(4)], None)
    assert written(recorder) == [4]


def test_what_is_handed_over_soon_after_a_change_is_looked_up_too() -> None:
    session, recorder = open_session()
    session.discard_unsent(doubt=True)
    session.deliver_waiting([], None)
    session.deliver(*due(8), NOW)  # by one who had looked before the change
    assert (written(recorder), recorder.asked_after) == ([], [0, 7])
    session.deliver_waiting([], None)
    recorder.clock.now += outbound.RECHECK_SECONDS
    session.deliver(*due(9), NOW)
    assert written(recorder) == [9]
    assert session.caught_up


def test_the_connack_says_what_the_server_does_not_do() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("", keep_alive=60).write())
    session.accept(DEVICE, issued_secret="s3cret", max_keep_alive=1200)
    [connack] = recorder.packets()
    assert (connack.assigned_client_id, connack.user_properties) == ("ad-token", [("secret", "s3cret")])
    assert (connack.session_present, connack.session_expiry_interval, connack.server_keep_alive) == (False, 0, None)
    assert (connack.max_qos, connack.retain_available, connack.max_packet_size) == (QoS.AT_LEAST_ONCE, False, 16_384)
    assert not connack.wildcard_subscription_available
    assert connack.receive_max == MAX_OPEN_REQUESTS


@pytest.mark.parametrize(("asked", "granted"), [(0, 1200), (5000, 1200), (1200, None), (1, None)])
def test_a_keep_alive_beyond_the_limit_is_answered_with_the_servers_own(asked: int, granted: int | None) -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", keep_alive=asked).write())
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    [connack] = recorder.packets()
    assert connack.server_keep_alive == granted
    assert session.keep_alive == (granted or asked)


def test_a_message_carries_its_expiry_and_is_acknowledged_once() -> None:
    session, recorder = open_session()
    session.deliver(11, b"payload", NOW + 90_500, False, NOW)
    [publish] = recorder.packets()
    assert (publish.topic, publish.payload, publish.qos) == ("mps/inbox", b"payload", QoS.AT_LEAST_ONCE)
    assert publish.message_expiry_interval == 91
    ack = mqtt5.PubAckPacket(publish.packet_id).write()
    session.feed(ack + ack)
    assert recorder.acknowledged_ids == [11]
    assert session.unacknowledged() == []


def test_an_expired_message_is_not_sent() -> None:
    session, recorder = open_session()
    session.deliver(11, b"x", NOW, False, NOW)
    assert recorder.packets() == []


def test_what_waited_is_valid_by_the_databases_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    session, recorder = open_session(receive_max=1)
    monkeypatch.setattr(clock, "time", lambda: NOW / 1000 - 3600)  # this host's clock is an hour ahead of it
    session.request_pending(0)
    session.deliver_waiting([due(n)._replace(expire_at_ms=NOW - 1000) for n in (1, 2)], None)
    assert acknowledge_all(session, recorder) == [1, 2]


def test_a_message_that_comes_by_two_ways_is_sent_once() -> None:
    session, recorder = open_session()
    deliver(session, 11, 11)
    assert len(recorder.packets()) == 1


def test_a_repeat_says_so() -> None:
    session, recorder = open_session()
    deliver(session, 11, dup=True)
    assert recorder.packets()[0].duplicate


def test_the_receive_maximum_is_kept_and_the_order_too() -> None:
    session, recorder = open_session(receive_max=2)
    deliver(session, 1, 2, 3, 4)
    sent = recorder.packets()
    assert len(sent) == 2
    session.feed(mqtt5.PubAckPacket(sent[0].packet_id).write())
    assert len(recorder.packets()) == 1
    assert session.unacknowledged() == [2, 3]


def test_what_does_not_fit_into_memory_is_asked_for_when_the_device_has_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbound, "MAX_BACKLOG", 1)
    session, recorder = open_session(receive_max=1)
    deliver(session, 11, 12, 13, 14)
    for asked_after in ([], [12]):
        [publish] = recorder.packets()
        session.feed(mqtt5.PubAckPacket(publish.packet_id).write())
        assert recorder.asked_after == asked_after  # once, from the first that did not fit
    assert recorder.acknowledged_ids == [11, 12]
    deliver(session, 15)
    assert recorder.packets() == []  # others wait before it
    session.deliver_waiting([due(13)], 13)
    assert [publish.packet_id for publish in recorder.packets()] == [3]


def test_a_device_that_leaves_one_message_unacknowledged_still_gets_the_others() -> None:
    session, recorder = open_session()
    deliver(session, *range(1, outbound.MAX_IN_FLIGHT + outbound.MAX_BACKLOG + 1))
    session.request_pending(500)
    sent = recorder.packets()
    assert len(sent) == outbound.MAX_IN_FLIGHT
    for _ in range(4):
        session.feed(b"".join(mqtt5.PubAckPacket(packet.packet_id).write() for packet in sent if packet.packet_id != 1))
        sent = recorder.packets()
    assert recorder.asked_after == [500]
    assert session.unacknowledged() == [1]


def test_a_refused_message_is_no_acknowledged_one_and_not_sent_again_here() -> None:
    session, recorder = open_session()
    deliver(session, 1)
    [publish] = recorder.packets()
    session.feed(mqtt5.PubAckPacket(publish.packet_id, reason_code=PubAckReasonCode.QUOTA_EXCEEDED).write())
    deliver(session, 1)
    assert recorder.acknowledged_ids == []
    assert recorder.packets() == []


def test_a_refusal_that_comes_in_pieces_is_no_acknowledgement() -> None:
    session, recorder = open_session()
    deliver(session, 11)
    refusal = mqtt5.PubAckPacket(1, reason_code=PubAckReasonCode.UNSPECIFIED_ERROR).write()
    session.feed(refusal[:4])
    session.feed(refusal[4:])
    assert (recorder.acknowledged_ids, recorder.refused_ids) == ([], [11])


def test_a_message_larger_than_the_client_takes_is_not_sent() -> None:
    session, recorder = open_session(max_packet_size=50)
    session.deliver(1, b"x" * 100, SOON, False, NOW)
    assert recorder.packets() == []
    assert session.unacknowledged() == []


def test_what_is_in_flight_is_a_sessions_own() -> None:
    (one, _), (other, _) = open_session(), open_session()
    for _ in range(2):
        deliver(one, 1)
        assert (one.unacknowledged(), other.unacknowledged()) == ([1], [])
        one.feed(mqtt5.PubAckPacket(one._next_packet_id).write())
        assert one.unacknowledged() == []
    deliver(other, 2, 3)
    assert (one.unacknowledged(), other.unacknowledged()) == ([], [2, 3])


def test_packet_ids_wrap_without_hitting_one_in_flight() -> None:
    session, recorder = open_session()
    deliver(session, 1)
    session._next_packet_id = MAX_PACKET_ID
    deliver(session, 2)
    assert [packet.packet_id for packet in recorder.packets()] == [1, 2]


def test_a_ping_is_answered() -> None:
    session, recorder = open_session()
    session.feed(mqtt5.PingReqPacket().write())
    assert isinstance(recorder.packets()[0], mqtt5.PingRespPacket)


def test_only_the_inbox_and_replies_can_be_subscribed_to() -> None:
    session, recorder = open_session()
    filters = [mqtt5.TopicFilter(pattern) for pattern in ("mps/inbox", "mps/reply", "mps/#", "other")]
    session.feed(mqtt5.SubscribePacket(5, filters).write())
    [suback] = recorder.packets()
    granted, refused = SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, SubAckReasonCode.NOT_AUTHORIZED
    assert suback.reason_codes == [granted, SubAckReasonCode.GRANTED_QOS_AT_MOST_ONCE, refused, refused]
    session.feed(mqtt5.UnsubscribePacket(6, ["mps/inbox"]).write())
    assert recorder.packets()[0].packet_id == 6


@pytest.mark.parametrize("qos", [QoS.AT_MOST_ONCE, QoS.AT_LEAST_ONCE, QoS.EXACTLY_ONCE])
def test_a_subscription_is_granted_as_messages_come(qos: QoS) -> None:
    session, recorder = open_session()
    session.feed(mqtt5.SubscribePacket(5, [mqtt5.TopicFilter("mps/inbox", max_qos=qos)]).write())
    assert recorder.packets()[0].reason_codes == [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]


def test_no_answer_is_larger_than_the_device_takes() -> None:
    session, recorder = open_session(max_packet_size=100)
    session.feed(mqtt5.SubscribePacket(5, [mqtt5.TopicFilter("a")] * 200).write())
    session.feed(mqtt5.UnsubscribePacket(6, ["a"] * 200).write())
    assert recorder.packets() == []
    session.feed(mqtt5.UnsubscribePacket(7, ["a"]).write())
    assert len(recorder.packets()) == 1


def test_authentication_data_needs_its_method() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", authentication_data=b"d").write())
    assert recorder.packets()[0].reason_code == ConnAckReasonCode.PROTOCOL_ERROR


def publish(topic: str = "mps/bind", **options: Any) -> bytes:
    return mqtt5.PublishPacket(topic, b"{}", **({"qos": QoS.AT_LEAST_ONCE, "packet_id": 3} | options)).write()


def test_a_request_is_answered_where_it_asks_then_acknowledged() -> None:
    session, recorder = open_session()
    session.feed(publish(response_topic="my/answers", correlation_data=b"c"))
    [request] = recorder.requests
    assert (request.topic, request.payload, request.response_topic) == ("mps/bind", b"{}", "my/answers")
    session.answer(request, b"{}")
    answer, puback = recorder.packets()
    assert (answer.topic, answer.correlation_data, answer.qos) == ("my/answers", b"c", QoS.AT_MOST_ONCE)
    assert (puback.packet_id, puback.reason_code) == (3, PubAckReasonCode.SUCCESS)


def test_a_device_that_was_removed_gets_the_answers_to_its_requests_before_the_session_ends() -> None:
    session, recorder = open_session()
    session.feed(several(2))
    session.end()
    session.feed(several(1))  # no longer read
    deliver(session, 8)
    assert (len(recorder.requests), recorder.is_reading, recorder.written) == (2, False, b"")
    for request in recorder.requests:
        assert not recorder.closes
        session.answer(request, b"{}")
    *answers, goodbye = recorder.packets()
    assert len(answers) == 4  # each with its acknowledgement
    assert goodbye.reason_code == mqtt5.DisconnectReasonCode.ADMINISTRATIVE_ACTION
    assert recorder.closes == 1


def test_a_device_that_was_removed_and_asked_nothing_is_disconnected_at_once() -> None:
    session, recorder = open_session()
    session.end()
    [goodbye] = recorder.packets()
    assert goodbye.reason_code == mqtt5.DisconnectReasonCode.ADMINISTRATIVE_ACTION
    assert recorder.closes == 1


@pytest.mark.parametrize("asked", [None, "a/#", "+", "x" * 300])
def test_an_answer_without_a_usable_topic_goes_to_the_reply_topic(asked: str | None) -> None:
    session, recorder = open_session()
    try:
        raw = publish(response_topic=asked)
    except ValueError:
        return  # the codec will not even write it
    session.feed(raw)
    if session.state is State.OPEN:
        assert recorder.requests[0].response_topic == "mps/reply"


def test_publishing_anywhere_else_is_refused() -> None:
    session, recorder = open_session()
    session.feed(publish("mps/inbox") + publish("other", qos=QoS.AT_MOST_ONCE, packet_id=None))
    [puback] = recorder.packets()
    assert puback.reason_code == PubAckReasonCode.NOT_AUTHORIZED
    assert session.state is State.OPEN
    assert recorder.requests == []


def several(count: int, qos: QoS = QoS.AT_LEAST_ONCE) -> bytes:
    return b"".join(publish(qos=qos, packet_id=n + 1 if qos == QoS.AT_LEAST_ONCE else None) for n in range(count))


@pytest.mark.parametrize("qos", [QoS.AT_LEAST_ONCE, QoS.AT_MOST_ONCE])
def test_a_device_that_asks_more_than_it_may_at_once_waits_and_is_served(qos: QoS) -> None:
    session, recorder = open_session()
    session.feed(several(100, qos))
    assert (len(recorder.requests), recorder.is_reading) == (MAX_OPEN_REQUESTS, False)
    session.feed(several(3, qos))  # had been read already
    answered = 0
    while answered < len(recorder.requests):
        session.answer(recorder.requests[answered], b"{}")
        answered += 1
        assert session.open_requests <= MAX_OPEN_REQUESTS
    assert (answered, recorder.is_reading, session.state) == (103, True, State.OPEN)
    acked = [packet.packet_id for packet in recorder.packets() if isinstance(packet, mqtt5.PubAckPacket)]
    assert acked == ([*range(1, 101), 1, 2, 3] if qos == QoS.AT_LEAST_ONCE else [])


def test_only_a_device_that_was_told_a_limit_and_is_far_beyond_it_is_cut_off() -> None:
    session, recorder = open_session()
    session.feed(several(MAX_UNANSWERED))
    assert session.state is State.OPEN
    session.feed(several(1))
    assert recorder.packets()[-1].reason_code == DisconnectReasonCode.RECEIVE_MAX_EXCEEDED
    assert recorder.refused_publishes == [PublishRefusal.TOO_MANY]
    session, recorder = open_session()
    session.feed(several(2 * MAX_UNANSWERED, QoS.AT_MOST_ONCE))  # of which a Receive Maximum does not speak
    assert session.state is State.OPEN


def test_what_was_received_before_a_device_left_is_asked_all_the_same() -> None:
    for goodbye in (mqtt5.DisconnectPacket().write(), b""):
        session, recorder = open_session()
        session.feed(several(40, QoS.AT_MOST_ONCE) + goodbye)
        session.transport_lost()
        assert len(recorder.requests) == 40
        assert (session.state, recorder.closes) == (State.CLOSED, 1)
        for request in recorder.requests:
            session.answer(request, b"{}")
        assert recorder.packets() == []


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (publish(qos=QoS.EXACTLY_ONCE), DisconnectReasonCode.QOS_NOT_SUPPORTED),
        (publish(retain=True), DisconnectReasonCode.RETAIN_NOT_SUPPORTED),
        (publish(topic_alias=1), DisconnectReasonCode.TOPIC_ALIAS_INVALID),
        (b"\x32\x06\x00\x01a\x00\x00\x00", DisconnectReasonCode.PROTOCOL_ERROR),
        (mqtt5.ConnectPacket("again").write(), DisconnectReasonCode.PROTOCOL_ERROR),
        (mqtt5.ConnAckPacket().write(), DisconnectReasonCode.PROTOCOL_ERROR),
        (mqtt5.PubRelPacket(1).write(), DisconnectReasonCode.PROTOCOL_ERROR),
        (mqtt5.AuthPacket().write(), DisconnectReasonCode.PROTOCOL_ERROR),
        (
            mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("mps/inbox")], subscription_id=1).write(),
            DisconnectReasonCode.SUBSCRIPTION_IDS_NOT_SUPPORTED,
        ),
        (b"\x00\x00", DisconnectReasonCode.MALFORMED_PACKET),
        (b"\xc1\x00", DisconnectReasonCode.MALFORMED_PACKET),
        (b"\xc0\x01\x00", DisconnectReasonCode.MALFORMED_PACKET),
        (b"\x30\xff\xff\xff\xff\x01", DisconnectReasonCode.MALFORMED_PACKET),
        (b"\x30\x05\x00\x01\xff\x00a", DisconnectReasonCode.MALFORMED_PACKET),
        (b"\x30\xff\xff\x01", DisconnectReasonCode.PACKET_TOO_LARGE),
    ],
)
def test_a_protocol_error_ends_the_session_with_the_reason_the_standard_names(
    raw: bytes, reason: DisconnectReasonCode
) -> None:
    session, recorder = open_session()
    session.feed(raw)
    assert recorder.packets()[-1].reason_code == reason
    assert (session.state, recorder.wire_closed, recorder.closes) == (State.CLOSED, 1, 1)


def test_what_is_published_and_not_taken_is_counted_by_reason() -> None:
    for raw, reason in (
        (publish(qos=QoS.EXACTLY_ONCE), PublishRefusal.QOS_2),
        (publish(retain=True), PublishRefusal.RETAINED),
        (publish(topic_alias=1), PublishRefusal.TOPIC_ALIAS),
        (publish(packet_id=0), PublishRefusal.MALFORMED),
        (publish("other"), PublishRefusal.FOREIGN_TOPIC),
    ):
        session, recorder = open_session()
        session.feed(raw)
        assert recorder.refused_publishes == [reason]


def test_a_packet_too_large_is_refused_before_it_is_kept() -> None:
    session, _ = open_session()
    session.feed(b"\x30\xff\xff\x7f")
    assert session.state is State.CLOSED
    session, _ = open_session()
    session.feed(b"\x32\x80\x70" + b"x" * 1000)
    assert len(session._buffer) <= MAX_PACKET_BYTES


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (b"\x10\x0c\x00\x04MQTT\x84\x02\x00\x3c\x00\x00", b"\x20\x02\x00\x01"),
        (b"\x10\x0c\x00\x04MQTT\x06\x02\x00\x3c\x00\x00", mqtt5.ConnAckPacket(reason_code=UNSUPPORTED).write()),
        (b"\x10\x0c\x00\x04MQTT\x03\x02\x00\x3c\x00\x00", b"\x20\x02\x00\x01"),
        (b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00", b"\x20\x02\x00\x01"),
        (b"\xc0\x00", b""),
        (b"GET / HTTP/1.1\r\n\r\n" + b" " * 100, b""),
    ],
)
def test_a_stranger_is_shown_the_door(raw: bytes, answer: bytes) -> None:
    session, recorder = new_session()
    session.feed(raw)
    assert recorder.written == answer
    assert session.state is State.CLOSED


def test_an_authentication_method_is_refused() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", authentication_method="SCRAM").write())
    assert recorder.packets()[0].reason_code == ConnAckReasonCode.BAD_AUTHENTICATION_METHOD


@pytest.mark.parametrize(
    ("will", "code"),
    [
        (mqtt5.Will("t", payload=b"", qos=QoS.EXACTLY_ONCE), ConnAckReasonCode.QUALITY_NOT_SUPPORTED),
        (mqtt5.Will("t", payload=b"", retain=True), ConnAckReasonCode.RETAIN_NOT_SUPPORTED),
    ],
)
def test_a_will_beyond_what_the_server_does_is_refused(will: mqtt5.Will, code: ConnAckReasonCode) -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", will=will).write())
    assert recorder.packets()[0].reason_code == code
    assert recorder.connects == []


def test_a_plain_will_is_ignored() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", will=mqtt5.Will("t", payload=b"", qos=QoS.AT_LEAST_ONCE)).write())
    assert len(recorder.connects) == 1


def test_a_client_that_takes_no_connack_is_let_go_of() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", max_packet_size=5).write())
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert (recorder.written, session.state) == (b"", State.CLOSED)


def test_a_shared_subscription_is_refused() -> None:
    session, recorder = open_session()
    session.feed(mqtt5.SubscribePacket(5, [mqtt5.TopicFilter("$share/g/mps/inbox")]).write())
    assert recorder.packets()[0].reason_codes == [SubAckReasonCode.NOT_AUTHORIZED]


def test_what_is_sent_before_the_connack_waits_for_it() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write() + publish()[:3])
    session.feed(publish()[3:] + mqtt5.PingReqPacket().write())
    assert (recorder.requests, recorder.written) == ([], b"")
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert [type(packet) for packet in recorder.packets()] == [mqtt5.ConnAckPacket, mqtt5.PingRespPacket]
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("goodbye", [mqtt5.DisconnectPacket().write(), b""])
def test_a_device_that_sends_all_at_once_and_leaves_is_served_once_it_is_admitted(goodbye: bytes) -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write() + several(40, QoS.AT_MOST_ONCE) + goodbye)
    session.transport_lost()
    assert (recorder.requests, recorder.closes) == ([], 0)
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert len(recorder.requests) == 40
    assert (session.state, recorder.closes, recorder.written) == (State.CLOSED, 1, b"")


@pytest.mark.parametrize("sent", [b"", publish()])
def test_a_device_that_leaves_before_it_is_admitted_is_waited_for_no_longer_than_it_has_asked(sent: bytes) -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write() + sent)
    session.transport_lost()
    session.refuse(ConnAckReasonCode.NOT_AUTHORIZED)
    assert (session.state, recorder.closes, recorder.requests) == (State.CLOSED, 1, [])


def test_what_is_sent_before_a_refusal_is_not_heard() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write() + publish())
    session.refuse(ConnAckReasonCode.NOT_AUTHORIZED)
    assert recorder.requests == []
    assert session.state is State.CLOSED


def test_what_is_sent_before_the_connack_is_read_up_to_a_packets_size_and_all_of_it_taken_then() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write())
    session.feed(b"\xc0\x00" * (MAX_PACKET_BYTES // 2))
    assert recorder.is_reading
    session.feed(b"\xc0\x00")
    assert (session.state, recorder.is_reading) == (State.ADMITTING, False)
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert len(recorder.packets()) == 1 + MAX_PACKET_BYTES // 2 + 1
    assert recorder.is_reading


def test_the_end_is_told_once() -> None:
    session, recorder = open_session()
    session.feed(mqtt5.DisconnectPacket().write())
    session.transport_lost()
    session.disconnect(DisconnectReasonCode.SESSION_TAKEN_OVER)
    session.feed(b"\xc0\x00")
    deliver(session, 1)
    assert (recorder.closes, recorder.wire_closed, recorder.written) == (1, 1, b"")


_PACKETS = st.sampled_from(
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
        raw = bytearray(draw(st.one_of(_PACKETS, st.binary(max_size=40))))
        for _ in range(draw(st.integers(0, 2))):
            if raw:
                raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
        parts.append(bytes(raw))
    return b"".join(parts)


@settings(max_examples=400, deadline=None)
@given(stream=_streams(), cuts=st.lists(st.integers(0, 200), max_size=5), admitted=st.booleans())
def test_no_bytes_raise_or_grow_anything(stream: bytes, cuts: list[int], admitted: bool) -> None:
    session, recorder = open_session() if admitted else new_session()
    deliver(session, 1, 2, 3)
    edges = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    for start, end in itertools.pairwise(edges):
        session.feed(stream[start:end])
    assert len(session._buffer) <= MAX_PACKET_BYTES
    assert len(recorder.requests) <= MAX_OPEN_REQUESTS
    assert recorder.closes == recorder.wire_closed == (session.state is State.CLOSED)
