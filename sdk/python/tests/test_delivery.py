from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterator

import pytest

from mps_device import ManualClock, Message, Store
from mps_device.delivery import Delivery
from mps_device.diagnostics import Diagnostics

SECONDS = 10.0


class Handler:
    """Takes messages; `outcomes` says what to do with each: nothing, or an error to raise."""

    def __init__(self) -> None:
        self.handled: queue.Queue[str] = queue.Queue()
        self.acknowledged: queue.Queue[int] = queue.Queue()
        self.outcomes: dict[str, list[Callable[[], None]]] = {}

    def __call__(self, message: Message) -> None:
        self.handled.put(message.k)
        waiting = self.outcomes.get(message.k)
        if waiting:
            waiting.pop(0)()

    def acknowledge(self, _connection: int, packet_id: int) -> None:
        self.acknowledged.put(packet_id)


def fail() -> None:
    raise ValueError


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(None)
    yield store
    store.close()


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def delivery(clock: ManualClock, store: Store, handler: Handler) -> Iterator[Delivery]:
    diagnostics = Diagnostics(clock, logging.getLogger("tests"))
    delivery = Delivery(store, clock, diagnostics, handler, handler.acknowledge)
    yield delivery
    delivery.stop()
    delivery.join(SECONDS)


def test_a_handled_message_is_stored_then_acknowledged(delivery: Delivery, store: Store, handler: Handler) -> None:
    delivery.add(Message("1"), 7, 1)
    assert handler.acknowledged.get(timeout=SECONDS) == 7
    assert store.has_seen("1")


def test_a_failed_message_is_tried_again_after_a_wait_and_delays_no_other(
    delivery: Delivery, store: Store, handler: Handler, clock: ManualClock
) -> None:
    handler.outcomes["1"] = [fail]
    delivery.add(Message("1"), 7, 1)
    delivery.add(Message("2"), 8, 1)
    assert handler.acknowledged.get(timeout=SECONDS) == 8
    assert not store.has_seen("1")
    clock.advance(1)
    assert handler.acknowledged.get(timeout=SECONDS) == 7
    assert [handler.handled.get(timeout=SECONDS) for _ in range(3)] == ["1", "2", "1"]


def test_a_failed_message_of_a_former_connection_is_not_tried_again(
    delivery: Delivery, handler: Handler, clock: ManualClock
) -> None:
    def lose_the_connection_and_fail() -> None:
        delivery.discard()
        fail()

    handler.outcomes["1"] = [lose_the_connection_and_fail]
    delivery.add(Message("1"), 7, 1)
    assert handler.handled.get(timeout=SECONDS) == "1"
    clock.advance(60)
    delivery.add(Message("2"), 9, 2)
    assert handler.acknowledged.get(timeout=SECONDS) == 9
    assert handler.handled.get(timeout=SECONDS) == "2"


def test_a_repeat_is_acknowledged_without_the_handler(delivery: Delivery, handler: Handler) -> None:
    for packet_id in (7, 8):
        delivery.add(Message("1"), packet_id, 1)
        assert handler.acknowledged.get(timeout=SECONDS) == packet_id
    assert handler.handled.qsize() == 1


def test_nothing_is_handed_over_while_paused(delivery: Delivery, handler: Handler) -> None:
    delivery.pause()
    delivery.add(Message("1"), 7, 1)
    assert delivery.discard() == 1
    delivery.add(Message("2"), 8, 2)
    delivery.resume()
    assert handler.acknowledged.get(timeout=SECONDS) == 8
    assert handler.handled.get(timeout=SECONDS) == "2"


def test_an_expired_message_is_acknowledged_without_the_handler(
    delivery: Delivery, handler: Handler, clock: ManualClock
) -> None:
    delivery.pause()
    delivery.add(Message("1", seconds_left=30), 7, 1)
    clock.advance(30)
    delivery.resume()
    assert handler.acknowledged.get(timeout=SECONDS) == 7
    assert handler.handled.empty()
