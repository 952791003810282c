"""Messages to devices: once, in order, again where unacknowledged, never where acknowledged or expired."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

import mqtt5
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from gateway import lane
from gateway.cluster import codec, node_lease, presence
from gateway.cluster.codec import DeliveryEntry, pack_deliveries
from gateway.node import pending_reader
from gateway.sink import Sink
from gateway.transport.tcp import TcpConnection
from pushcore.delivery import sweeper
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Message, PushTask, Workspace
from pushcore.push import pushes, requests, templates
from pushcore.push.templates import TemplateDraft
from pushcore.storage import valkey
from tests.gateway.conftest import Connect, Known, RunningGateway
from tests.gateway.pushing import flood, send, status_of, wait_for
from tests.gateway.recorder import NOW, SOON
from tests.gateway.test_broadcasts import broadcast
from tests.support.raw_device import RawDevice


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_an_acknowledged_message_has_status_2(
    connect: Connect, sink: Sink, workspace: Workspace, transport: str
) -> None:
    device = connect(transport)
    message = send(workspace, device.ad_token, "k1")
    data = device.wait_for_key("k1")
    assert data["title"] == "Title"
    assert device.received[0][0] == str(message.pk)
    assert device.expiries[0] in (299, 300)
    assert wait_for(lambda: status_of(message) == 2)


def test_pending_messages_are_sent_on_connect_oldest_first_without_expired_ones(
    connect: Connect, workspace: Workspace
) -> None:
    device = connect()
    device.disconnect()
    for n in range(5):
        send(workspace, device.ad_token, f"k{n}")
    Message.objects.filter(msgkey="k2").update(expire_at=timezone.now() - timedelta(seconds=1))
    again = connect(known=device)
    again.wait_for_key("k4")
    assert again.keys() == ["k0", "k1", "k3", "k4"]


def test_more_pending_messages_than_a_batch_all_arrive(
    connect: Connect, workspace: Workspace, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.node.pending_reader.PENDING_PER_DEVICE", 3)
    device = connect()
    device.disconnect()
    for n in range(10):
        send(workspace, device.ad_token, f"k{n}")
    again = connect(known=device)
    assert again.wait(lambda: len(set(again.keys())) == 10)


def test_pending_messages_of_a_device_are_sent_in_two_writes(
    connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = connect()
    device.disconnect()
    for n in range(10):
        send(workspace, device.ad_token, f"k{n}")
    together: list[int] = []
    flush = TcpConnection.flush

    def seen(connection: TcpConnection) -> None:
        together.append(len(connection._coalesced or ()))
        flush(connection)

    monkeypatch.setattr(TcpConnection, "flush", seen)
    again = connect(known=device)
    again.wait_for_key("k9")
    assert again.keys() == [f"k{n}" for n in range(10)]
    assert together == [9]


def test_an_unacknowledged_message_is_repeated_with_dup_and_an_acknowledged_one_never(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, sink: Sink
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        acked = send(workspace, known[0].ad_token, "acked")
        packet_id = device.next_publish().packet_id
        assert packet_id is not None
        device.send(mqtt5.PubAckPacket(packet_id))
        left = send(workspace, known[0].ad_token, "left")
        assert not device.next_publish().duplicate
    assert wait_for(lambda: status_of(acked) == 2)
    assert wait_for(lambda: Message.objects.get(pk=left.pk).sent_at is not None)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        repeat = device.next_publish()
        assert repeat.duplicate
        assert json.loads(repeat.payload)["k"] == str(left.pk)
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)  # and nothing else came before it


def test_a_message_to_a_dead_node_waits_for_the_device(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    valkey.client().set(presence.presence_key(known[0].id), "deadnode/x")
    send(workspace, known[0].ad_token, "k1")
    assert not valkey.client().exists(presence.stream_key("deadnode"))
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        assert json.loads(device.next_publish().payload)["bData"]["msgKey"] == "k1"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[int, int]]:
    """The queries for waiting rows: by device, the message id they start after."""
    queries: list[dict[int, int]] = []
    ask = pending_reader._read_pending

    def note(after: dict[int, int], *others: Any) -> Any:
        queries.append(after)
        return ask(after, *others)

    monkeypatch.setattr(pending_reader, "_read_pending", note)
    return queries


def msgkey_of(packet: mqtt5.PublishPacket) -> str:
    return json.loads(packet.payload)["bData"]["msgKey"]


def test_pending_messages_all_arrive_once_while_no_sink_records_them(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, asked: list[dict[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(pending_reader, "PENDING_PER_DEVICE", 3)
    ids = [send(workspace, known[0].ad_token, f"k{n}").pk for n in range(7)]
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        for n in range(7):
            packet = device.next_publish()
            assert msgkey_of(packet) == f"k{n}"
            assert packet.packet_id is not None
            device.send(mqtt5.PubAckPacket(packet.packet_id))
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
    assert [after for query in asked for after in query.values()] == [0, ids[2], ids[5]]


@pytest.mark.parametrize("refusal", ["too large", "refused"])
def test_messages_that_a_device_refuses_delay_no_others_and_are_not_read_again_and_again(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, asked: list[dict[int, int]],
    monkeypatch: pytest.MonkeyPatch, refusal: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(pending_reader, "PENDING_PER_DEVICE", 2)
    for n in range(4):
        send(workspace, known[0].ad_token, f"k{n}")
    limit = {"max_packet_size": 64} if refusal == "too large" else {}
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], **limit)
        for _ in range(0 if limit else 4):
            packet_id = device.next_publish().packet_id
            assert packet_id is not None
            device.send(mqtt5.PubAckPacket(packet_id, reason_code=mqtt5.PubAckReasonCode.QUOTA_EXCEEDED))
        assert wait_for(lambda: len(asked) == 3)
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
        device.send(mqtt5.PingReqPacket())  # a loop without end would have gone round by now
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
    assert len(asked) == 3
    assert set(Message.objects.values_list("status", flat=True)) == {0}


def test_a_receive_maximum_of_one_gets_one_message_at_a_time(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    for n in range(3):
        send(workspace, known[0].ad_token, f"k{n}")
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=1)
        for n in range(3):
            packet = device.next_publish()
            device.send(mqtt5.PingReqPacket())
            assert isinstance(device.recv(), mqtt5.PingRespPacket)  # nothing else before the acknowledgement
            assert msgkey_of(packet) == f"k{n}"
            assert packet.packet_id is not None
            device.send(mqtt5.PubAckPacket(packet.packet_id))


def test_messages_pushed_while_a_device_catches_up_arrive_after_the_pending_ones(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(pending_reader, "PENDING_PER_DEVICE", 10)
    monkeypatch.setattr("gateway.protocol.outbound.MAX_BACKLOG", 4)
    wanted = [f"k{n}" for n in range(60)]
    for msgkey in wanted[:30]:
        send(workspace, known[0].ad_token, msgkey)
    late = iter(wanted[30:])
    got: list[str] = []
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=5)
        while len(got) < len(wanted):
            packet = device.next_publish()
            got.append(msgkey_of(packet))
            for msgkey in islice(late, 2):
                send(workspace, known[0].ad_token, msgkey)
            assert packet.packet_id is not None
            device.send(mqtt5.PubAckPacket(packet.packet_id))
    assert got == wanted


def test_broadcasts_and_messages_arrive_in_the_order_of_their_acceptance(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_reader, "PENDING_PER_DEVICE", 2)
    for n in range(3):
        send(workspace, known[0].ad_token, f"k{n}")
        broadcast(workspace, f"b{n}")
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=4)
        got = []
        for _ in range(6):
            packet = device.next_publish()
            assert packet.packet_id is not None
            device.send(mqtt5.PubAckPacket(packet.packet_id))
            got.append((msgkey_of(packet), packet.duplicate))
    assert got == [(key, False) for key in ("k0", "b0", "k1", "b1", "k2", "b2")]


def test_a_message_pushed_while_its_device_connects_arrives_once(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    for n in range(10):
        pusher = threading.Thread(target=send_and_close, args=(workspace, known[0].ad_token, f"k{n}"))
        with RawDevice(gateway.mqtt_port) as device:
            pusher.start()
            device.connect(known[0].ad_token, username, known[1])
            packet = device.next_publish()
            assert (msgkey_of(packet), packet.duplicate) == (f"k{n}", False)
            assert packet.packet_id is not None
            device.send(mqtt5.PubAckPacket(packet.packet_id))
            pusher.join()
            device.send(mqtt5.PingReqPacket())
            assert isinstance(device.recv(), mqtt5.PingRespPacket)


def send_and_close(workspace: Workspace, target: str, msgkey: str) -> None:
    """Push from a thread of its own, as a web process does."""
    try:
        send(workspace, target, msgkey)
    finally:
        connection.close()


def test_a_device_that_does_not_read_is_disconnected(gateway: RunningGateway, username: str, known: Known) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        device.connect(known[0].ad_token, username, known[1])
        flood(gateway, known[0])
        assert wait_for(lambda: not gateway.holds(known[0]))


def test_nobody_waits_for_a_device_that_does_not_read(
    gateway: RunningGateway, workspace: Workspace, username: str, known: Known, connect: Connect
) -> None:
    other = connect()
    with RawDevice(gateway.mqtt_port) as device:
        device.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        device.connect(known[0].ad_token, username, known[1])
        session = gateway.session_of(known[0])
        # Some of it stays in the gateway, and less than what a device is cut off for.
        for message_id in range(1, 41):
            gateway.call(partial(session.deliver, message_id, bytes(4_000), SOON, False, NOW))
        send(workspace, other.ad_token, "other")
        other.wait_for_key("other")


def test_pending_messages_of_many_devices_are_read_in_bounded_batches(
    gateway: RunningGateway, workspace: Workspace, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_reader, "PENDING_ROWS", 6)
    monkeypatch.setattr(pending_reader, "PENDING_DELAY", 0.2)
    read: list[int] = []
    ask = pending_reader._read_pending

    def note(*asked: Any) -> Any:
        waiting = ask(*asked)
        read.append(sum(len(deliveries) for deliveries in waiting[0].values()))
        return waiting

    monkeypatch.setattr(pending_reader, "_read_pending", note)
    fleet = registry.register([(workspace, DeviceInfo())] * 3)
    for known, _ in fleet:
        for n in range(7):
            send(workspace, known.ad_token, f"k{n}")
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(RawDevice(gateway.mqtt_port)) for _ in fleet]
        for device, (known, secret) in zip(opened, fleet, strict=True):
            device.connect(known.ad_token, username, secret)
        for device in opened:
            assert [msgkey_of(device.next_publish()) for _ in range(7)] == [f"k{n}" for n in range(7)]
    assert max(read) <= 6


def test_messages_trimmed_from_a_stream_that_grew_too_long_arrive(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, asked: list[dict[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(lane, "STREAM_MAX_ENTRIES", 10)
    monkeypatch.setattr(lane, "DELIVERIES_PER_ENTRY", 1)
    monkeypatch.setattr(node_lease, "HEARTBEAT_SECONDS", 0.2)
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    request = requests.MultiplePush(
        task_name="t", delivery_type=1, expired_seconds=300, template_name="news",
        target_msg=[requests.TargetMessage(target=known[0].ad_token, msgkey=f"k{n}") for n in range(400)],
    )  # fmt: skip
    free = threading.Event()
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        assert wait_for(lambda: len(asked) == 1)  # it has looked for what waited before
        gateway.call(partial(free.wait, 10))  # the node is busy with something else
        pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
        assert valkey.client().xlen(presence.stream_key(gateway.node.lease.node_id)) < 400  # type: ignore[union-attr]
        free.set()
        got = set()
        for _ in range(400):
            packet = device.next_publish()
            assert packet.packet_id is not None
            device.send(mqtt5.PubAckPacket(packet.packet_id))
            got.add(msgkey_of(packet))
    assert got == {entry.msgkey for entry in request.target_msg}


def test_stream_entries_are_bounded_in_bytes() -> None:
    deliveries = [DeliveryEntry(1, n, SOON, False, bytes(30_000)) for n in range(5)]
    assert [[delivery.message_id for delivery in entry] for entry in lane._entries(deliveries)] == [[0, 1], [2, 3], [4]]
    [alone] = lane._entries([DeliveryEntry(1, 1, SOON, False, bytes(100_000))])
    assert len(alone) == 1


def test_nothing_is_dispatched_again_while_acknowledgements_wait_for_the_sink(
    connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(lane, "MANY_ACKS", 1)
    settings.SWEEP_AFTER_SECONDS = -1
    device = connect()
    send(workspace, device.ad_token, "k1")
    device.wait_for_key("k1")
    assert wait_for(lambda: valkey.client().xlen(codec.ACKS_STREAM) > 0)
    assert sweeper.sweep() == 0
    valkey.client().delete(codec.ACKS_STREAM)
    assert sweeper.sweep() == 1


def test_stream_entries_are_bounded_in_messages(
    gateway: RunningGateway, connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "DELIVERIES_PER_ENTRY", 2)
    sizes: list[int] = []
    pack = pack_deliveries

    def note(deliveries: list[DeliveryEntry]) -> dict[str, bytes]:
        sizes.append(len(deliveries))
        return pack(deliveries)

    monkeypatch.setattr(lane, "pack_deliveries", note)
    fleet = [connect() for _ in range(5)]
    request = requests.SimplePush(
        task_name="t", title="Title", content="Content", delivery_type=1,
        target_msgkey={device.ad_token: f"k{n}" for n, device in enumerate(fleet)}, expired_seconds=300,
    )  # fmt: skip
    pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
    for n, device in enumerate(fleet):
        device.wait_for_key(f"k{n}")
    assert sizes == [2, 2, 1]
