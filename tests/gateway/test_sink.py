"""The sink: what gateways report becomes statuses, whatever is unavailable or emptied meanwhile."""

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
from pushcore.storage import retry, valkey
from tests.gateway.pushing import send, status_of, wait_for


@pytest.fixture
def messages(transactional_db: None, workspace: Workspace) -> list[Message]:
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    return [send(workspace, device.ad_token, f"k{n}") for n in range(3)]


def report(acknowledged: Sequence[int], unacknowledged: Sequence[int] = ()) -> None:
    valkey.client().xadd(codec.ACKS_STREAM, codec.pack_acks(acknowledged, unacknowledged))  # type: ignore[arg-type]


def test_acknowledged_and_unacknowledged_messages_are_recorded_and_the_stream_is_emptied(
    messages: list[Message], sink: Sink
) -> None:
    report([messages[0].pk, messages[1].pk], [messages[2].pk])
    assert wait_for(lambda: valkey.client().xlen(codec.ACKS_STREAM) == 0)
    assert [status_of(message) for message in messages] == [2, 2, 0]
    messages[2].refresh_from_db()
    assert messages[2].sent_at is not None


def test_a_sink_writes_a_heartbeat(sink: Sink) -> None:
    assert wait_for(lambda: is_alive(valkey.client()))


def test_the_sink_goes_on_after_valkey_was_emptied(messages: list[Message], sink: Sink) -> None:
    report([messages[0].pk])
    assert wait_for(lambda: status_of(messages[0]) == 2)
    valkey.client().flushdb()
    report([messages[1].pk])
    assert wait_for(lambda: status_of(messages[1]) == 2)


def test_entries_that_a_dead_sink_had_read_are_claimed_by_the_next(
    messages: list[Message], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "CLAIM_IDLE_MS", 0)
    report([messages[0].pk])
    Sink("dead")._create_group()
    taken = valkey.client().xreadgroup(codec.ACKS_GROUP, "dead", {codec.ACKS_STREAM: ">"})
    assert taken
    request.getfixturevalue("sink")
    assert wait_for(lambda: status_of(messages[0]) == 2)


def test_no_acknowledgement_is_lost_while_the_database_is_unavailable(
    messages: list[Message], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "CLAIM_IDLE_MS", 0)
    monkeypatch.setattr(sink_module, "CLAIM_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.01)
    record, failures = outcomes.record_acknowledged, iter(range(3))

    def away(batch: Sequence[int]) -> int:
        if next(failures, None) is not None:
            raise InterfaceError("connection already closed")
        return record(batch)

    monkeypatch.setattr(outcomes, "record_acknowledged", away)
    report([messages[0].pk])
    request.getfixturevalue("sink")
    assert wait_for(lambda: status_of(messages[0]) == 2)
    assert next(failures, None) is None


@pytest.mark.parametrize("fields", [{"acks": b"\xc1"}, {"acks": b"\x01"}, {"other": b""}])
def test_an_unreadable_entry_is_skipped(messages: list[Message], sink: Sink, fields: dict[str, bytes]) -> None:
    valkey.client().xadd(codec.ACKS_STREAM, fields)  # type: ignore[arg-type]
    report([messages[0].pk])
    assert wait_for(lambda: valkey.client().xlen(codec.ACKS_STREAM) == 0)
    assert status_of(messages[0]) == 2


def test_consumers_of_ended_processes_are_deleted_unless_they_have_unconfirmed_entries(
    messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "FORGET_CONSUMER_MS", -1)
    sink = Sink("now")
    sink._create_group()
    report([messages[0].pk])
    client = valkey.client()
    client.xreadgroup(codec.ACKS_GROUP, "left something", {codec.ACKS_STREAM: ">"})
    client.xgroup_createconsumer(codec.ACKS_STREAM, codec.ACKS_GROUP, "long gone")
    sink._delete_old_consumers()
    left = client.xinfo_consumers(codec.ACKS_STREAM, codec.ACKS_GROUP)
    assert [consumer["name"] for consumer in left] == [b"left something"]


def is_blocked(sink: Sink) -> bool:
    """Whether the sink waits for entries; others may wait too."""
    clients = valkey.client().client_list()
    return any(client["id"] == str(sink._reader_id) and "b" in client["flags"] for client in clients)


def test_a_sink_that_is_stopped_does_not_wait_for_acknowledgements(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "BLOCK_MS", 0)  # for ever
    monkeypatch.setattr(sink_module, "COMMAND_SECONDS", None)
    sink = Sink("waits")
    thread = threading.Thread(target=sink.run, daemon=True)
    thread.start()
    assert wait_for(lambda: is_blocked(sink))
    sink.stop()
    thread.join(60)
    assert not thread.is_alive()
