"""What a device publishes and subscribes to: requests, their answers and limits."""

from __future__ import annotations

import mqtt5
import pytest
from mqtt5 import DisconnectReasonCode, PubAckReasonCode, QoS, SubAckReasonCode

from gateway.protocol.ports import PublishRefusal, State
from gateway.protocol.session import MAX_UNANSWERED
from gateway.protocol.versions import MAX_OPEN_REQUESTS
from tests.gateway.recorder import (
    deliver,
    open_session,
    publish,
    requests,
)


def test_a_request_is_answered_on_its_response_topic_and_then_acknowledged() -> None:
    session, recorder = open_session()
    session.feed(publish(response_topic="my/answers", correlation_data=b"c"))
    [request] = recorder.requests
    assert (request.topic, request.payload, request.response_topic) == ("mps/bind", b"{}", "my/answers")
    session.answer(request, b"{}")
    answer, puback = recorder.packets()
    assert (answer.topic, answer.correlation_data, answer.qos) == ("my/answers", b"c", QoS.AT_MOST_ONCE)
    assert (puback.packet_id, puback.reason_code) == (3, PubAckReasonCode.SUCCESS)


@pytest.mark.parametrize("asked", [None, "a/#", "+", "x" * 300])
def test_an_answer_goes_to_the_reply_topic_if_the_response_topic_is_unusable(asked: str | None) -> None:
    session, recorder = open_session()
    try:
        raw = publish(response_topic=asked)
    except ValueError:
        return  # the codec will not even write it
    session.feed(raw)
    if session.state is State.OPEN:
        assert recorder.requests[0].response_topic == "mps/reply"


def test_a_publish_to_any_other_topic_is_refused() -> None:
    session, recorder = open_session()
    session.feed(publish("mps/elsewhere") + publish("other", qos=QoS.AT_MOST_ONCE, packet_id=None))
    [puback] = recorder.packets()
    assert puback.reason_code == PubAckReasonCode.NOT_AUTHORIZED
    assert session.state is State.OPEN
    assert recorder.requests == []


@pytest.mark.parametrize("qos", [QoS.AT_LEAST_ONCE, QoS.AT_MOST_ONCE])
def test_a_device_with_too_many_open_requests_waits_and_is_served(qos: QoS) -> None:
    session, recorder = open_session()
    session.feed(requests(100, qos))
    assert (len(recorder.requests), recorder.is_reading) == (MAX_OPEN_REQUESTS, False)
    session.feed(requests(3, qos))  # had been read already
    answered = 0
    while answered < len(recorder.requests):
        session.answer(recorder.requests[answered], b"{}")
        answered += 1
        assert session.open_requests <= MAX_OPEN_REQUESTS
    assert (answered, recorder.is_reading, session.state) == (103, True, State.OPEN)
    acked = [packet.packet_id for packet in recorder.packets() if isinstance(packet, mqtt5.PubAckPacket)]
    assert acked == ([*range(1, 101), 1, 2, 3] if qos == QoS.AT_LEAST_ONCE else [])


def test_only_a_device_far_beyond_an_announced_limit_is_disconnected() -> None:
    session, recorder = open_session()
    session.feed(requests(MAX_UNANSWERED))
    assert session.state is State.OPEN
    session.feed(requests(1))
    assert recorder.packets()[-1].reason_code == DisconnectReasonCode.RECEIVE_MAX_EXCEEDED
    assert recorder.refused_publishes == [PublishRefusal.TOO_MANY]
    session, recorder = open_session()
    session.feed(requests(2 * MAX_UNANSWERED, QoS.AT_MOST_ONCE))  # of which a Receive Maximum does not speak
    assert session.state is State.OPEN


def test_requests_received_before_a_device_left_are_served() -> None:
    for goodbye in (mqtt5.DisconnectPacket().write(), b""):
        session, recorder = open_session()
        session.feed(requests(40, QoS.AT_MOST_ONCE) + goodbye)
        session.transport_lost()
        assert len(recorder.requests) == 40
        assert (session.state, recorder.closes) == (State.CLOSED, 1)
        for request in recorder.requests:
            session.answer(request, b"{}")
        assert recorder.packets() == []


def test_a_removed_device_gets_the_answers_to_its_requests_before_the_session_ends() -> None:
    session, recorder = open_session()
    session.feed(requests(2))
    session.end()
    session.feed(requests(1))  # no longer read
    deliver(session, 8)
    assert (len(recorder.requests), recorder.is_reading, recorder.written) == (2, False, b"")
    for request in recorder.requests:
        assert not recorder.closes
        session.answer(request, b"{}")
    *answers, goodbye = recorder.packets()
    assert len(answers) == 4  # each with its acknowledgement
    assert goodbye.reason_code == mqtt5.DisconnectReasonCode.ADMINISTRATIVE_ACTION
    assert recorder.closes == 1


def test_a_removed_device_without_open_requests_is_disconnected_at_once() -> None:
    session, recorder = open_session()
    session.end()
    [goodbye] = recorder.packets()
    assert goodbye.reason_code == mqtt5.DisconnectReasonCode.ADMINISTRATIVE_ACTION
    assert recorder.closes == 1


def test_refused_publishes_are_counted_by_reason() -> None:
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


def test_only_the_inbox_and_the_reply_topic_can_be_subscribed_to() -> None:
    session, recorder = open_session()
    filters = [mqtt5.TopicFilter(pattern) for pattern in ("mps/inbox", "mps/reply", "mps/#", "other")]
    session.feed(mqtt5.SubscribePacket(5, filters).write())
    [suback] = recorder.packets()
    granted, refused = SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, SubAckReasonCode.NOT_AUTHORIZED
    assert suback.reason_codes == [granted, SubAckReasonCode.GRANTED_QOS_AT_MOST_ONCE, refused, refused]
    session.feed(mqtt5.UnsubscribePacket(6, ["mps/inbox"]).write())
    assert recorder.packets()[0].packet_id == 6


@pytest.mark.parametrize("qos", [QoS.AT_MOST_ONCE, QoS.AT_LEAST_ONCE, QoS.EXACTLY_ONCE])
def test_a_subscription_is_granted_the_qos_that_messages_have(qos: QoS) -> None:
    session, recorder = open_session()
    session.feed(mqtt5.SubscribePacket(5, [mqtt5.TopicFilter("mps/inbox", max_qos=qos)]).write())
    assert recorder.packets()[0].reason_codes == [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]


def test_a_shared_subscription_is_refused() -> None:
    session, recorder = open_session()
    session.feed(mqtt5.SubscribePacket(5, [mqtt5.TopicFilter("$share/g/mps/inbox")]).write())
    assert recorder.packets()[0].reason_codes == [SubAckReasonCode.NOT_AUTHORIZED]


def test_no_answer_is_larger_than_the_maximum_packet_size() -> None:
    session, recorder = open_session(max_packet_size=100)
    session.feed(mqtt5.SubscribePacket(5, [mqtt5.TopicFilter("a")] * 200).write())
    session.feed(mqtt5.UnsubscribePacket(6, ["a"] * 200).write())
    assert recorder.packets() == []
    session.feed(mqtt5.UnsubscribePacket(7, ["a"]).write())
    assert len(recorder.packets()) == 1
