"""A node and Valkey: lease, presence, counters, and Valkey emptied or unavailable."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mqtt5
import pytest
import redis
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode

from gateway.cluster import codec, node_lease, presence
from gateway.node.node import DRAIN_SECONDS
from mps_project.launcher import engines
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Workspace
from pushcore.storage import valkey
from tests.gateway.conftest import Connect, Known, RunningGateway
from tests.gateway.pushing import send, status_of, wait_for
from tests.gateway.test_broadcasts import broadcast
from tests.support.raw_device import RawDevice

# A supervisor's patience (`mps_project.launcher.supervisor`, containers).
STOP_SECONDS = 10


def test_an_acknowledgement_lost_with_valkey_is_reported_again_and_its_message_not_sent_again(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        message = send(workspace, known[0].ad_token, "k1")
        packet_id = device.next_publish().packet_id
        assert packet_id is not None
        device.send(mqtt5.PubAckPacket(packet_id))
        assert wait_for(lambda: valkey.client().xlen("mps:acks") >= 1)
        valkey.client().flushdb()  # no sink has read it
        assert wait_for(lambda: valkey.client().exists("mps:acks") == 1)
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
        assert status_of(message) == 0


def test_messages_arrive_again_after_valkey_was_emptied(connect: Connect, workspace: Workspace) -> None:
    device = connect()
    valkey.client().flushdb()
    send(workspace, device.ad_token, "k1")  # presence is gone: not handed over
    device.wait_for_key("k1")
    assert wait_for(lambda: bool(presence.live_nodes(valkey.client())))
    send(workspace, device.ad_token, "k2")
    device.wait_for_key("k2")


def test_a_node_that_stops_disconnects_its_devices_and_removes_its_keys(
    transactional_db: None, workspace: Workspace, username: str
) -> None:
    running = RunningGateway().start()
    [(known, secret)] = registry.register([(workspace, DeviceInfo())])
    assert running.node is not None
    with RawDevice(running.mqtt_port) as device:
        device.connect(known.ad_token, username, secret)
        assert [node.node_id for node in presence.live_nodes(valkey.client())] == [running.node.lease.node_id]
        running.stop()
        ended = device.recv()
        assert isinstance(ended, mqtt5.DisconnectPacket)
        assert ended.reason_code == DisconnectReasonCode.SERVER_SHUTTING_DOWN
    assert presence.live_nodes(valkey.client()) == []
    assert presence.nodes_of(valkey.client(), [known.id]) == {}
    assert valkey.client().keys("mps:node:*") == []


def test_a_node_that_stops_refuses_connects_and_disconnects_its_devices_gradually(
    transactional_db: None, workspace: Workspace, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.node.node.SLICE", 1)
    monkeypatch.setattr("gateway.node.node.DRAIN_PER_SECOND", 1)
    running = RunningGateway().start()
    [first, second] = registry.register([(workspace, DeviceInfo())] * 2)
    with RawDevice(running.mqtt_port) as told, RawDevice(running.mqtt_port) as still_here:
        told.connect(first[0].ad_token, username, first[1])
        still_here.connect(second[0].ad_token, username, second[1])
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        assert isinstance(told.recv(), mqtt5.DisconnectPacket)
        still_here.send(mqtt5.PingReqPacket())
        assert isinstance(still_here.recv(), mqtt5.PingRespPacket)
        with pytest.raises(ConnectionRefusedError):
            RawDevice(running.mqtt_port)
        assert isinstance(still_here.recv(), mqtt5.DisconnectPacket)
        stopping.join()


def test_a_node_publishes_its_counters(connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_lease, "HEARTBEAT_SECONDS", 0.1)
    device = connect()
    send(workspace, device.ad_token, "k1")
    device.wait_for_key("k1")

    def told() -> bool:
        [node] = presence.live_nodes(valkey.client())
        return (node.connections, node.delivered, node.acknowledged, node.turned_away) == (1, 1, 1, 0)

    assert wait_for(told)


def test_a_node_counts_acknowledged_broadcasts_and_repeated_reports_once(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_lease, "HEARTBEAT_SECONDS", 0.1)
    assert gateway.node is not None
    with RawDevice(gateway.mqtt_port) as stranger:
        stranger.connect("stranger", "u", "p")
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        message = send(workspace, known[0].ad_token, "k1")
        for msgkey in ("b1", "b2"):
            broadcast(workspace, msgkey)
        for _ in range(3):
            packet_id = device.next_publish().packet_id
            assert packet_id is not None
            device.send(mqtt5.PubAckPacket(packet_id))
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
        gateway.call(lambda: gateway.node._report_again(message.pk))  # type: ignore[union-attr]

    def told() -> tuple[int, int, int, int]:
        [node] = presence.live_nodes(valkey.client())
        return node.connections, node.delivered, node.acknowledged, node.turned_away

    assert wait_for(lambda: told() == (0, 3, 3, 1)), told()


def test_a_dead_nodes_devices_are_not_online(gateway: RunningGateway, username: str, known: Known) -> None:
    valkey.client().set(presence.presence_key(known[0].id), "deadnode/x")
    assert presence.online([known[0].id]) == set()
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        assert presence.online([known[0].id]) == {known[0].id}


def test_an_unreadable_stream_entry_stops_nothing(
    gateway: RunningGateway, connect: Connect, workspace: Workspace
) -> None:
    device = connect()
    assert gateway.node is not None
    stream = presence.stream_key(gateway.node.lease.node_id)
    faulty: list[dict[Any, Any]] = [
        {"deliver": b"\xc1"},
        {"deliver": b"\x91\x91\x01"},
        {"take-over": b"\x01"},
        {"x": b""},
    ]
    for fields in faulty:
        valkey.client().xadd(stream, fields)
    send(workspace, device.ad_token, "k1")
    device.wait_for_key("k1")


def test_after_an_outage_the_newer_of_two_connections_keeps_the_device(
    gateway: RunningGateway, username: str, known: Known
) -> None:
    key = presence.presence_key(known[0].id)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        newer = "othernode/ffffffffffff00000000"
        valkey.client().set(key, newer)
        valkey.client().delete(presence.stream_key(gateway.node.lease.node_id))  # type: ignore[union-attr]
        ended = device.recv()
        assert isinstance(ended, mqtt5.DisconnectPacket)
        assert ended.reason_code == DisconnectReasonCode.SESSION_TAKEN_OVER
    assert valkey.client().get(key) == newer.encode()


def test_after_an_outage_the_node_of_the_newer_connection_ends_the_older_one(
    gateway: RunningGateway, username: str, known: Known
) -> None:
    valkey.client().xadd(presence.stream_key("othernode"), {"hello": b""})
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        valkey.client().set(presence.presence_key(known[0].id), "othernode/000000000000ffffffff")
        valkey.client().delete(presence.stream_key(gateway.node.lease.node_id))  # type: ignore[union-attr]
        assert wait_for(lambda: valkey.client().xlen(presence.stream_key("othernode")) == 2)
        entries_there: Any = valkey.client().xrange(presence.stream_key("othernode"))
        told = entries_there[-1][1]
        assert codec.unpack_take_over(told[b"take-over"]) == (known[0].id, "000000000000ffffffff")
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)


class Store:
    """A Valkey of the test's own, to be taken away."""

    def __init__(self, directory: Path) -> None:
        self.engine = engines.valkey(directory / "valkey", "secret", engines.free_port())
        self.process: subprocess.Popen[bytes] = self.engine.start_and_wait()
        self.client: redis.Redis = redis.Redis.from_url(self.engine.url)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        self.process = self.engine.start_and_wait()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.client.close()
    store.engine.stop(store.process)


@pytest.fixture
def gateway_on_store(store: Store, transactional_db: None) -> Iterator[RunningGateway]:
    running = RunningGateway(redis_url=store.engine.url).start()
    yield running
    running.stop()


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_devices_connect_and_get_pending_messages_while_valkey_is_unavailable(
    gateway_on_store: RunningGateway, store: Store, username: str, known: Known, workspace: Workspace, how: str
) -> None:
    if how == "killed":
        store.kill()
    else:
        os.kill(store.process.pid, signal.SIGSTOP)
    message = send(workspace, known[0].ad_token, "k1")
    with RawDevice(gateway_on_store.mqtt_port) as device:
        answer = device.connect(known[0].ad_token, username, known[1])
        assert answer.reason_code == ConnAckReasonCode.SUCCESS
        packet_id = device.next_publish().packet_id
        assert packet_id is not None
        device.send(mqtt5.PubAckPacket(packet_id))
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
        if how == "killed":
            store.start()
        else:
            os.kill(store.process.pid, signal.SIGCONT)
        assert wait_for(lambda: known[0].id in presence.nodes_of(store.client, [known[0].id]))
        assert wait_for(lambda: acknowledged_on(store.client) == {message.pk})


def test_a_node_stops_within_its_supervisors_time_while_valkey_is_unavailable(
    store: Store, transactional_db: None, username: str, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.node.node.SLICE", 1)
    monkeypatch.setattr("gateway.node.node.DRAIN_PER_SECOND", 1 / DRAIN_SECONDS)  # as long as it takes at most
    monkeypatch.setattr("gateway.cluster.valkey_connection.COMMAND_SECONDS", 10)
    running = RunningGateway(redis_url=store.engine.url).start()
    with RawDevice(running.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        os.kill(store.process.pid, signal.SIGSTOP)
        running.stop(STOP_SECONDS)
        os.kill(store.process.pid, signal.SIGCONT)


def acknowledged_on(client: redis.Redis) -> set[int]:
    """The message ids on the acknowledgement stream."""
    found: Any = client.xrange(codec.ACKS_STREAM)
    return {message_id for _, fields in found for message_id in codec.unpack_acks(fields[b"acks"])[0]}
