"""The sink: what gateways tell becomes statuses, whatever is away or emptied meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from django.db import InterfaceError

from gateway import sink as sink_module
from gateway.cluster import codec
from gateway.sink import Sink, is_alive
from pushcore.delivery import outcomes
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Message, Workspace
from pushcore.storage import valkey
from tests.gateway.pushing import send, status_of, wait_for


@pytest.fixture
def messages(transactional_db: None, workspace: Workspace) -> list[Message]:
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    return [send(workspace, device.ad_token, f"k{n}") for n in range(3)]


def tell(acknowledged: Sequence[int], left_open: Sequence[int] = ()) -> None:
    valkey.client().xadd(codec.ACKS_STREAM, codec.pack_acks(acknowledged, left_open))  # type: ignore[arg-type]


def test_acknowledged_and_left_open_messages_are_recorded_and_the_stream_is_emptied(
    messages: list[Message], sink: Sink
) -> None:
    tell([messages[0].pk, messages[1].pk], [messages[2].pk])
    assert wait_for(lambda: valkey.client().xlen(codec.ACKS_STREAM) == 0)
    assert [status_of(message) for message in messages] == [2, 2, 0]
    messages[2].refresh_from_db()
    assert messages[2].sent_at is not None


def test_a_sink_shows_that_it_is_alive(sink: Sink) -> None:
    assert wait_for(lambda: is_alive(valkey.client()))


def test_after_the_store_was_emptied_the_sink_reads_on(messages: list[Message], sink: Sink) -> None:
    tell([messages[0].pk])
    assert wait_for(lambda: status_of(messages[0]) == 2)
    valkey.client().flushdb()
    tell([messages[1].pk])
    assert wait_for(lambda: status_of(messages[1]) == 2)


def test_what_a_dead_sink_had_taken_is_taken_by_the_next(
    messages: list[Message], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "CLAIM_IDLE_MS", 0)
    tell([messages[0].pk])
    Sink("dead")._create_group()
    taken = valkey.client().xreadgroup(codec.ACKS_GROUP, "dead", {codec.ACKS_STREAM: ">"})
    assert taken
    request.getfixturevalue("sink")
    assert wait_for(lambda: status_of(messages[0]) == 2)


def test_while_the_database_is_away_nothing_is_lost(
    messages: list[Message], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "CLAIM_IDLE_MS", 0)
    monkeypatch.setattr(sink_module, "CLAIM_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(sink_module, "RETRY_SECONDS", 0.05)
    record, failures = outcomes.record_acknowledged, iter(range(3))

    def away(batch: Sequence[int]) -> int:
        if next(failures, None) is not None:
            raise InterfaceError("connection already closed")
        return record(batch)

    monkeypatch.setattr(outcomes, "record_acknowledged", away)
    tell([messages[0].pk])
    request.getfixturevalue("sink")
    assert wait_for(lambda: status_of(messages[0]) == 2)
    assert next(failures, None) is None


@pytest.mark.parametrize("fields", [{"acks": b"\xc1"}, {"acks": b"\x01"}, {"other": b""}])
def test_an_entry_that_cannot_be_read_is_left_out(
    messages: list[Message], sink: Sink, fields: dict[str, bytes]
) -> None:
    valkey.client().xadd(codec.ACKS_STREAM, fields)  # type: ignore[arg-type]
    tell([messages[0].pk])
    assert wait_for(lambda: valkey.client().xlen(codec.ACKS_STREAM) == 0)
    assert status_of(messages[0]) == 2


def test_consumers_of_the_past_are_forgotten_unless_they_left_something(
    messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "FORGET_CONSUMER_MS", -1)
    sink = Sink("now")
    sink._create_group()
    tell([messages[0].pk])
    client = valkey.client()
    client.xreadgroup(codec.ACKS_GROUP, "left something", {codec.ACKS_STREAM: ">"})
    client.xgroup_createconsumer(codec.ACKS_STREAM, codec.ACKS_GROUP, "long gone")
    sink._delete_old_consumers()
    left = client.xinfo_consumers(codec.ACKS_STREAM, codec.ACKS_GROUP)
    assert [consumer["name"] for consumer in left] == [b"left something"]


def test_a_sink_that_is_stopped_does_not_wait_for_acknowledgements(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "BLOCK_MS", 0)  # for ever
    monkeypatch.setattr(sink_module, "COMMAND_SECONDS", None)
    sink = Sink("waits")
    thread = threading.Thread(target=sink.run, daemon=True)
    thread.start()
    assert wait_for(lambda: valkey.client().info("clients")["blocked_clients"])
    sink.stop()
    thread.join(60)
    assert not thread.is_alive()
