"""How a session begins and ends: CONNECT, CONNACK, refusals, protocol errors."""

from __future__ import annotations

import mqtt5
import pytest
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode, QoS

from gateway.protocol.packets import MAX_PACKET_BYTES
from gateway.protocol.ports import State
from gateway.protocol.versions import MAX_OPEN_REQUESTS
from tests.gateway.recorder import (
    DEVICE,
    deliver,
    new_session,
    open_session,
    publish,
    requests,
)

UNSUPPORTED = ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION


def test_the_connack_names_the_limits_of_the_server() -> None:
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


def test_packets_sent_before_the_connack_are_processed_after_it() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write() + publish()[:3])
    session.feed(publish()[3:] + mqtt5.PingReqPacket().write())
    assert (recorder.requests, recorder.written) == ([], b"")
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert [type(packet) for packet in recorder.packets()] == [mqtt5.ConnAckPacket, mqtt5.PingRespPacket]
    assert len(recorder.requests) == 1


def test_packets_sent_before_the_connack_are_buffered_up_to_the_size_of_a_packet() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write())
    session.feed(b"\xc0\x00" * (MAX_PACKET_BYTES // 2))
    assert recorder.is_reading
    session.feed(b"\xc0\x00")
    assert (session.state, recorder.is_reading) == (State.ADMITTING, False)
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert len(recorder.packets()) == 1 + MAX_PACKET_BYTES // 2 + 1
    assert recorder.is_reading


@pytest.mark.parametrize("goodbye", [mqtt5.DisconnectPacket().write(), b""])
def test_a_device_that_sends_everything_at_once_and_leaves_is_served_once_it_is_admitted(goodbye: bytes) -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write() + requests(40, QoS.AT_MOST_ONCE) + goodbye)
    session.transport_lost()
    assert (recorder.requests, recorder.closes) == ([], 0)
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert len(recorder.requests) == 40
    assert (session.state, recorder.closes, recorder.written) == (State.CLOSED, 1, b"")


@pytest.mark.parametrize("sent", [b"", publish()])
def test_a_device_that_leaves_before_it_is_refused_ends_once(sent: bytes) -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write() + sent)
    session.transport_lost()
    session.refuse(ConnAckReasonCode.NOT_AUTHORIZED)
    assert (session.state, recorder.closes, recorder.requests) == (State.CLOSED, 1, [])


def test_packets_sent_before_a_refusal_are_not_processed() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x").write() + publish())
    session.refuse(ConnAckReasonCode.NOT_AUTHORIZED)
    assert recorder.requests == []
    assert session.state is State.CLOSED


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
def test_a_first_packet_of_another_protocol_or_version_closes_the_connection(raw: bytes, answer: bytes) -> None:
    session, recorder = new_session()
    session.feed(raw)
    assert recorder.written == answer
    assert session.state is State.CLOSED


def test_authentication_data_without_a_method_is_refused() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", authentication_data=b"d").write())
    assert recorder.packets()[0].reason_code == ConnAckReasonCode.PROTOCOL_ERROR


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
def test_a_will_that_the_server_does_not_support_is_refused(will: mqtt5.Will, code: ConnAckReasonCode) -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", will=will).write())
    assert recorder.packets()[0].reason_code == code
    assert recorder.connects == []


def test_a_plain_will_is_ignored() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", will=mqtt5.Will("t", payload=b"", qos=QoS.AT_LEAST_ONCE)).write())
    assert len(recorder.connects) == 1


def test_a_client_whose_maximum_packet_size_excludes_the_connack_is_closed() -> None:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("x", max_packet_size=5).write())
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert (recorder.written, session.state) == (b"", State.CLOSED)


def test_a_ping_is_answered() -> None:
    session, recorder = open_session()
    session.feed(mqtt5.PingReqPacket().write())
    assert isinstance(recorder.packets()[0], mqtt5.PingRespPacket)


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
def test_a_protocol_error_ends_the_session_with_the_standards_reason(raw: bytes, reason: DisconnectReasonCode) -> None:
    session, recorder = open_session()
    session.feed(raw)
    assert recorder.packets()[-1].reason_code == reason
    assert (session.state, recorder.transport_closes, recorder.closes) == (State.CLOSED, 1, 1)


def test_a_packet_too_large_is_refused_before_it_is_buffered() -> None:
    session, _ = open_session()
    session.feed(b"\x30\xff\xff\x7f")
    assert session.state is State.CLOSED
    session, _ = open_session()
    session.feed(b"\x32\x80\x70" + b"x" * 1000)
    assert len(session._buffer) <= MAX_PACKET_BYTES


def test_the_end_of_a_session_is_reported_once() -> None:
    session, recorder = open_session()
    session.feed(mqtt5.DisconnectPacket().write())
    session.transport_lost()
    session.disconnect(DisconnectReasonCode.SESSION_TAKEN_OVER)
    session.feed(b"\xc0\x00")
    deliver(session, 1)
    assert (recorder.closes, recorder.transport_closes, recorder.written) == (1, 1, b"")
