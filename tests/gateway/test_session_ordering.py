"""Messages and pending rows reach a device in the order of their ids."""

from __future__ import annotations

import mqtt5
import pytest

from gateway.protocol import outbound
from tests.gateway.recorder import (
    NOW,
    acknowledge_all,
    deliver,
    open_session,
    row,
    sent_ids,
)


def test_messages_that_arrive_while_rows_are_pending_are_sent_after_the_rows() -> None:
    session, recorder = open_session()
    session.request_pending(0)
    assert recorder.requested_after == [0]
    for message_id in (7, 9, 8):
        session.deliver(*row(message_id), NOW)
    assert sent_ids(recorder) == []
    session.deliver_pending([row(n) for n in (1, 2, 7)], None)
    assert sent_ids(recorder) == [1, 2, 7, 8, 9]
    session.deliver(*row(10), NOW)
    assert sent_ids(recorder) == [10]
    assert recorder.requested_after == [0]


def test_messages_are_sent_in_the_order_of_ids_however_many_arrive_while_a_device_catches_up() -> None:
    session, recorder = open_session(receive_max=10)
    rows = list(range(1, 201))
    session.request_pending(0)
    seen, arriving, answered = [], 201, 0
    while answered < len(recorder.requested_after):
        after = recorder.requested_after[answered]
        answered += 1
        for _ in range(7):  # more than is ever caught up with at once; each is a row as well
            if arriving < 400:
                rows.append(arriving)
                session.deliver(*row(arriving), NOW)
                arriving += 1
        page = [n for n in rows if n > after and n not in seen][:30]
        session.deliver_pending([row(n) for n in page], page[-1] if len(page) == 30 else None)
        seen += acknowledge_all(session, recorder)
    assert seen == list(range(1, arriving))
    assert session.caught_up


def test_a_message_with_an_id_below_those_already_read_is_not_lost() -> None:
    session, recorder = open_session(receive_max=1)
    session.request_pending(0)
    session.deliver_pending([row(n) for n in range(10, 40)], 39)  # 17 of them fit
    session.deliver(*row(5), NOW)  # committed after the rows were read
    seen = acknowledge_all(session, recorder)
    assert seen == list(range(10, 27))
    assert recorder.requested_after == [0, 26]
    session.deliver_pending([row(n) for n in range(27, 40)], None)
    seen += acknowledge_all(session, recorder)
    assert seen == [*range(10, 40), 5]


def test_after_a_change_of_the_device_nothing_queued_is_sent_before_its_rows_are_read_again() -> None:
    session, recorder = open_session(receive_max=2)
    for message_id in (1, 2, 3, 4):
        session.deliver(*row(message_id), NOW)
    assert sent_ids(recorder) == [1, 2]
    session.discard_unsent(recheck=True)
    assert session.queued == 0
    session.feed(mqtt5.PubAckPacket(1).write() + mqtt5.PubAckPacket(2).write())
    assert (sent_ids(recorder), recorder.requested_after) == ([], [0])
    session.discard_unsent(recheck=True)  # while the answer is on its way
    session.deliver_pending([row(3)], None)
    assert (sent_ids(recorder), recorder.requested_after) == ([], [0, 0])
    session.deliver_pending([row(4)], None)
    assert sent_ids(recorder) == [4]


def test_a_message_that_arrives_soon_after_a_change_of_the_device_is_read_as_a_row() -> None:
    session, recorder = open_session()
    session.discard_unsent(recheck=True)
    session.deliver_pending([], None)
    session.deliver(*row(8), NOW)  # by one who had looked before the change
    assert (sent_ids(recorder), recorder.requested_after) == ([], [0, 7])
    session.deliver_pending([], None)
    recorder.clock.now += outbound.RECHECK_SECONDS
    session.deliver(*row(9), NOW)
    assert sent_ids(recorder) == [9]
    assert session.caught_up


def test_messages_beyond_the_backlog_are_requested_as_rows_when_the_device_has_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbound, "MAX_BACKLOG", 1)
    session, recorder = open_session(receive_max=1)
    deliver(session, 11, 12, 13, 14)
    for requested_after in ([], [12]):
        [publish] = recorder.packets()
        session.feed(mqtt5.PubAckPacket(publish.packet_id).write())
        assert recorder.requested_after == requested_after  # once, from the first that did not fit
    assert recorder.acknowledged_ids == [11, 12]
    deliver(session, 15)
    assert recorder.packets() == []  # others wait before it
    session.deliver_pending([row(13)], 13)
    assert [publish.packet_id for publish in recorder.packets()] == [3]
