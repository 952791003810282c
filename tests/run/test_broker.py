"""Workers go on after the broker refused to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Queue
from kombu.message import Message

from mps_project.broker import BrokerRefusesError, BrokerTransport
from tests.support.valkey_server import ValkeyServer

REFUSE, ALLOW = ("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path) as served:
        yield served


@pytest.mark.parametrize(
    "end",
    [Message.ack, Message.reject, lambda message: message.reject(requeue=True)],
    ids=["acknowledged", "rejected", "put back"],
)
def test_a_worker_whose_acknowledgement_was_refused_takes_the_next_message(
    server: ValkeyServer, end: Callable[[Message], None]
) -> None:
    queue, received = Queue("work"), list[Message]()

    def receive(_body: Any, message: Message) -> None:
        received.append(message)

    with Connection(server.url, transport=BrokerTransport) as connection:
        producer = connection.Producer()
        with connection.Consumer([queue], callbacks=[receive], prefetch_count=1):
            producer.publish("first", routing_key=queue.name)
            connection.drain_events(timeout=10)
            server.admin.execute_command(*REFUSE)
            with pytest.raises(BrokerRefusesError):
                end(received[0])
            server.admin.execute_command(*ALLOW)
            producer.publish("second", routing_key=queue.name)
            connection.drain_events(timeout=10)
    assert [message.payload for message in received] == ["first", "second"]
