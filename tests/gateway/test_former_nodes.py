"""A device that goes from one gateway process to another: what it acknowledged does not come again, though nothing has
recorded it yet; what it may have been sent before says so."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import cast

import mqtt5
import pytest
from django.conf import settings

from gateway.cluster import codec, former_nodes, presence
from gateway.cluster.node_lease import NodeLease
from gateway.cluster.node_stream import StreamHandler
from pushcore.delivery import deliverable, dispatch
from pushcore.models import Workspace
from pushcore.storage import valkey
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import send, wait_for
from tests.gateway.test_broadcasts import broadcast
from tests.support.raw_device import RawDevice


@pytest.fixture
def other(transactional_db: None) -> Iterator[RunningGateway]:
    """Another gateway process's worth."""
    running = RunningGateway().start()
    yield running
    running.stop()


class Hopper(RawDevice):
    """Connected, as the known one."""

    def __init__(self, gateway: RunningGateway, username: str, known: Known) -> None:
        super().__init__(gateway.mqtt_port)
        self.connect(known[0].ad_token, username, known[1])

    def take(self, count: int, *, acknowledge: bool = True) -> list[tuple[str, bool]]:
        """The next messages: (msgkey, DUP)."""
        taken = []
        for _ in range(count):
            packet = self.next_publish()
            taken.append((json.loads(packet.payload)["bData"]["msgKey"], packet.duplicate))
            assert packet.packet_id is not None
            if acknowledge:
                self.send(mqtt5.PubAckPacket(packet.packet_id))
        return taken


@pytest.mark.parametrize("leaves", [True, False])
def test_messages_acknowledged_on_one_node_are_never_sent_again_by_another(
    gateway: RunningGateway, other: RunningGateway, username: str, known: Known, workspace: Workspace, leaves: bool
) -> None:
    here, there = gateway, other
    for n in range(6):
        messages = [send(workspace, known[0].ad_token, f"k{n}.{part}") for part in range(2)]
        with Hopper(here, username, known) as device:
            assert device.take(2) == [(f"k{n}.0", False), (f"k{n}.1", False)]
            if leaves:
                device.send(mqtt5.DisconnectPacket())
                assert device.recv() is None
                assert wait_for(lambda: not presence.nodes_of(valkey.client(), [known[0].id]))
            with Hopper(there, username, known) as again:
                # Nor when somebody finds that their rows still wait.
                dispatch.to_lanes(deliverable.by_id([message.pk for message in messages]))
                send(workspace, known[0].ad_token, f"next{n}")
                assert again.take(1) == [(f"next{n}", False)]
        here, there = there, here


def test_a_broadcast_acknowledged_on_one_node_is_never_sent_again_by_another(
    gateway: RunningGateway, other: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    broadcast(workspace, "b1")
    broadcast(workspace, "b2")
    with Hopper(gateway, username, known) as device:
        assert device.take(1) == [("b1", False)]
        assert device.take(1, acknowledge=False) == [("b2", False)]
        with Hopper(other, username, known) as again:
            broadcast(workspace, "b3")
            assert again.take(2) == [("b2", True), ("b3", False)]
        with Hopper(gateway, username, known) as back:
            broadcast(workspace, "b4")
            assert back.take(1) == [("b4", False)]


def test_messages_sent_and_not_acknowledged_on_one_node_have_the_dup_flag_on_another(
    gateway: RunningGateway, other: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    for n in range(3):
        send(workspace, known[0].ad_token, f"k{n}")
    with Hopper(gateway, username, known) as device:
        device.take(1)
        device.take(2, acknowledge=False)
        with Hopper(other, username, known) as again:
            send(workspace, known[0].ad_token, "new")
            assert again.take(3) == [("k1", True), ("k2", True), ("new", False)]


def test_messages_that_a_dead_node_may_have_sent_have_the_dup_flag(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    broadcast(workspace, "b1")
    send(workspace, known[0].ad_token, "k1")
    valkey.client().set(presence.presence_key(known[0].id), "deadnode/000000000000ffffffff")
    with Hopper(gateway, username, known) as device:
        assert device.take(2) == [("b1", True), ("k1", True)]
        send(workspace, known[0].ad_token, "k2")
        assert device.take(1) == [("k2", False)]


def test_a_node_that_does_not_reply_is_not_waited_for_long(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(former_nodes, "REPLY_SECONDS", 0.05)
    valkey.client().xadd(presence.stream_key("silent"), {"hello": b""})
    valkey.client().set(presence.presence_key(known[0].id), "silent/000000000000ffffffff")
    send(workspace, known[0].ad_token, "k1")
    with Hopper(gateway, username, known) as device:
        assert device.take(1) == [("k1", True)]


def test_messages_created_after_a_device_left_its_node_have_no_dup_flag(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    long_ago = int(time.time() * 1000) - 60_000
    valkey.client().set(presence.presence_key(known[0].id), f"~deadnode/000000000000ffffffff/{long_ago}")
    assert presence.online([known[0].id]) == set()
    send(workspace, known[0].ad_token, "k1")
    with Hopper(gateway, username, known) as device:
        assert device.take(1) == [("k1", False)]


def test_a_node_that_did_not_query_the_one_before_it_replies_that_it_is_not_certain(
    gateway: RunningGateway, other: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    valkey.client().set(presence.presence_key(known[0].id), "gone/000000000000ffffffff")
    with Hopper(gateway, username, known):
        assert gateway.node is not None
        gateway.node._former_nodes.unqueried.add(known[0].id)  # it was here too briefly to ask
        send(workspace, known[0].ad_token, "k1")
        with Hopper(other, username, known) as again:
            assert again.take(1) == [("k1", True)]


def test_messages_have_the_dup_flag_while_the_sink_is_away_for_longer_than_nodes_remember(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    send(workspace, known[0].ad_token, "k1")
    assert gateway.node is not None
    memory = gateway.node._memory
    memory.rotate(acks_wait_seconds=1e6)
    assert not memory.is_incomplete  # it has not forgotten anything
    memory.acknowledged.add(1)
    memory.acknowledged._start_generation()
    memory.acknowledged._start_generation()
    gateway.node.lease.acks.wait_seconds = 1e6
    memory.rotate(acks_wait_seconds=1e6)
    with Hopper(gateway, username, known) as device:
        assert device.take(1) == [("k1", True)]


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_the_wait_of_acknowledgements_is_measured_whatever_the_hosts_clock_says(
    monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    class WrongTime:
        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def time() -> float:
            return time.time() + ahead

    valkey.client().xadd(codec.ACKS_STREAM, {b"acks": b""})
    monkeypatch.setattr("gateway.cluster.ack_buffer.time", WrongTime)

    async def look() -> float:
        lease = NodeLease(settings.REDIS_URL, cast(StreamHandler, None))
        try:
            await lease.acks.check_sink()
        finally:
            await lease.close()
        return lease.acks.wait_seconds

    assert 0 <= asyncio.run(look()) < 600
