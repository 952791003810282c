"""Messages in flight: the device's window, acknowledgements, refusals and repeats."""

from __future__ import annotations

import mqtt5
import pytest
from mqtt5 import PubAckReasonCode, QoS

from gateway.protocol import outbound
from gateway.protocol.outbound import MAX_PACKET_ID
from pushcore.storage import clock
from tests.gateway.recorder import (
    NOW,
    SOON,
    acknowledge_all,
    deliver,
    open_session,
    row,
)


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


def test_a_queued_message_expires_by_the_databases_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    session, recorder = open_session(receive_max=1)
    monkeypatch.setattr(clock, "time", lambda: NOW / 1000 - 3600)  # this host's clock is an hour ahead of it
    session.request_pending(0)
    session.deliver_pending([row(n)._replace(expire_at_ms=NOW - 1000) for n in (1, 2)], None)
    assert acknowledge_all(session, recorder) == [1, 2]


def test_a_message_that_arrives_in_two_ways_is_sent_once() -> None:
    session, recorder = open_session()
    deliver(session, 11, 11)
    assert len(recorder.packets()) == 1


def test_a_repeat_has_the_dup_flag() -> None:
    session, recorder = open_session()
    deliver(session, 11, dup=True)
    assert recorder.packets()[0].duplicate


def test_no_more_messages_are_in_flight_than_the_receive_maximum() -> None:
    session, recorder = open_session(receive_max=2)
    deliver(session, 1, 2, 3, 4)
    sent = recorder.packets()
    assert len(sent) == 2
    session.feed(mqtt5.PubAckPacket(sent[0].packet_id).write())
    assert len(recorder.packets()) == 1
    assert session.unacknowledged() == [2, 3]


def test_a_device_that_leaves_one_message_unacknowledged_still_gets_the_others() -> None:
    session, recorder = open_session()
    deliver(session, *range(1, outbound.MAX_IN_FLIGHT + outbound.MAX_BACKLOG + 1))
    session.request_pending(500)
    sent = recorder.packets()
    assert len(sent) == outbound.MAX_IN_FLIGHT
    for _ in range(4):
        session.feed(b"".join(mqtt5.PubAckPacket(packet.packet_id).write() for packet in sent if packet.packet_id != 1))
        sent = recorder.packets()
    assert recorder.requested_after == [500]
    assert session.unacknowledged() == [1]


def test_a_refused_message_is_not_acknowledged_and_not_sent_again_on_the_connection() -> None:
    session, recorder = open_session()
    deliver(session, 1)
    [publish] = recorder.packets()
    session.feed(mqtt5.PubAckPacket(publish.packet_id, reason_code=PubAckReasonCode.QUOTA_EXCEEDED).write())
    deliver(session, 1)
    assert recorder.acknowledged_ids == []
    assert recorder.packets() == []


def test_a_refusal_that_arrives_in_pieces_is_no_acknowledgement() -> None:
    session, recorder = open_session()
    deliver(session, 11)
    refusal = mqtt5.PubAckPacket(1, reason_code=PubAckReasonCode.UNSPECIFIED_ERROR).write()
    session.feed(refusal[:4])
    session.feed(refusal[4:])
    assert (recorder.acknowledged_ids, recorder.refused_ids) == ([], [11])


def test_a_message_larger_than_the_maximum_packet_size_is_not_sent() -> None:
    session, recorder = open_session(max_packet_size=50)
    session.deliver(1, b"x" * 100, SOON, False, NOW)
    assert recorder.packets() == []
    assert session.unacknowledged() == []


def test_sessions_do_not_share_their_messages_in_flight() -> None:
    (one, _), (other, _) = open_session(), open_session()
    for _ in range(2):
        deliver(one, 1)
        assert (one.unacknowledged(), other.unacknowledged()) == ([1], [])
        one.feed(mqtt5.PubAckPacket(one._next_packet_id).write())
        assert one.unacknowledged() == []
    deliver(other, 2, 3)
    assert (one.unacknowledged(), other.unacknowledged()) == ([], [2, 3])


def test_packet_ids_wrap_around_and_skip_those_in_flight() -> None:
    session, recorder = open_session()
    deliver(session, 1)
    session._next_packet_id = MAX_PACKET_ID
    deliver(session, 2)
    assert [packet.packet_id for packet in recorder.packets()] == [1, 2]
