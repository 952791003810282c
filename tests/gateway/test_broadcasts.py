"""Broadcasts through a gateway: each device once, also those that connect later, and nothing lost with Valkey."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import mqtt5
import pytest
from django.utils import timezone

from gateway.broadcast import broadcaster
from gateway.cluster import codec
from gateway.node import pending_reader
from gateway.sink import Sink
from pushcore.broadcast import acknowledgements
from pushcore.channels import Channel
from pushcore.delivery import events
from pushcore.devices import bindings
from pushcore.models import Binding, BroadcastCursor, Device, PushTask, Workspace
from pushcore.ports import DeviceEvent
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from pushcore.storage import valkey
from tests.gateway.conftest import Connect, Known, RunningGateway
from tests.gateway.pushing import send, wait_for
from tests.support.devices import PahoDevice
from tests.support.raw_device import RawDevice

NEWS = BroadcastPush(delivery_type=1, expired_seconds=300, template_name="news", msgkey="b1")


def broadcast(workspace: Workspace, msgkey: str = "b1", **changes: Any) -> PushTask:
    if not workspace.templates.exists():
        templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    request = replace(NEWS, msgkey=msgkey, **changes)
    return pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")


def counted(task: PushTask) -> int:
    return PushTask.objects.values_list("success_count", flat=True).get(pk=task.pk)


def acknowledge(device: RawDevice) -> int:
    """Take the next message and acknowledge it; returns its `k`."""
    packet = device.next_publish()
    assert packet.packet_id is not None
    device.send(mqtt5.PubAckPacket(packet.packet_id))
    return int(packet.payload.split(b'"', 4)[3])


def test_every_connected_device_gets_a_broadcast_once_and_is_counted(
    connect: Connect, workspace: Workspace, sink: Sink
) -> None:
    fleet = [connect(), connect("websockets"), connect()]
    task = broadcast(workspace)
    for device in fleet:
        data = device.wait_for_key("b1")
        assert (data["title"], data["pushType"], data["taskId"]) == ("News", "broadcast", str(task.pk))
    assert wait_for(lambda: counted(task) == 3)
    later = connect()  # registered after it was sent, within its validity
    later.wait_for_key("b1")
    again = connect(known=fleet[0])
    broadcast(workspace, "b2")
    again.wait_for_key("b2")
    assert again.keys() == ["b2"]
    assert wait_for(lambda: counted(task) == 4)


def test_a_device_that_was_away_catches_up_in_order(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, sink: Sink
) -> None:
    tasks = [broadcast(workspace, f"b{n}") for n in range(3)]
    expired = broadcast(workspace, "short", expired_seconds=1)
    time.sleep(1.1)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        got = [acknowledge(device) for _ in range(3)]
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
    assert got == [task.pk for task in tasks]
    assert wait_for(lambda: [counted(task) for task in tasks] == [1, 1, 1])
    assert counted(expired) == 0


def test_only_broadcasts_that_were_not_acknowledged_are_sent_again(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, sink: Sink
) -> None:
    first, second = broadcast(workspace, "b1"), broadcast(workspace, "b2")
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        assert acknowledge(device) == first.pk
        device.next_publish()  # the second is not acknowledged
        assert wait_for(lambda: counted(first) == 1)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        repeat = device.next_publish()
        assert repeat.duplicate
        assert repeat.packet_id is not None
        assert f'"k":"{second.pk}"'.encode() in repeat.payload
        device.send(mqtt5.PubAckPacket(repeat.packet_id))
        assert wait_for(lambda: counted(second) == 1)
    assert counted(first) == 1


def test_a_device_that_a_vendor_reaches_gets_broadcasts_by_the_vendor_only(
    gateway: RunningGateway, connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushcore.ports._vendor_channels", [lambda _workspace: {int(Channel.XIAOMI)}])
    device = connect()
    Device.objects.filter(ad_token=device.ad_token).update(third_channel=Channel.XIAOMI, third_token="x")
    device.disconnect()
    xiaomi, other = connect(known=device), connect()
    broadcast(workspace, "b1")
    broadcast(workspace, "b2", android_channel=1)
    other.wait_for_key("b2")
    xiaomi.wait_for_key("b2")
    assert xiaomi.keys() == ["b2"]
    assert other.keys() == ["b1", "b2"]


def test_a_connected_device_that_reports_a_vendor_gets_broadcasts_by_the_vendor_only(
    gateway: RunningGateway, connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushcore.ports._vendor_channels", [lambda _workspace: {int(Channel.XIAOMI)}])
    xiaomi = connect()
    broadcast(workspace, "b0", android_channel=1)
    xiaomi.wait_for_key("b0")
    report = {"thirdChannel": int(Channel.XIAOMI), "thirdChannelDeviceToken": "mi"}
    assert xiaomi.request("mps/report", report)["code"] == "100"
    broadcast(workspace, "b1")
    broadcast(workspace, "b2", android_channel=1)
    xiaomi.wait_for_key("b2")
    assert xiaomi.keys() == ["b0", "b2"]


def bound_since(device: PahoDevice, days: float) -> None:
    row = Device.objects.get(ad_token=device.ad_token)
    bindings.bind(row, f"user of {row.pk}")
    Binding.objects.filter(device=row).update(bound_at=timezone.now() - timedelta(days=days))


def test_a_broadcast_by_time_of_binding_reaches_only_devices_bound_in_that_time(
    connect: Connect, workspace: Workspace
) -> None:
    fresh, old, nobodys, away = connect(), connect(), connect(), connect()
    for device, days in ((fresh, 1), (old, 40), (away, 2)):
        bound_since(device, days)
    away.disconnect()
    broadcast(workspace, "seven days", bind_period=1)
    broadcast(
        workspace, "long ago", bind_window=(timezone.now() - timedelta(days=50), timezone.now() - timedelta(days=30))
    )
    broadcast(workspace, "whoever is bound", bind_period=4)
    broadcast(workspace, "all")
    back = connect(known=away)
    for device in (fresh, old, nobodys, back):
        device.wait_for_key("all")
    assert fresh.keys() == back.keys() == ["seven days", "whoever is bound", "all"]
    assert old.keys() == ["long ago", "whoever is bound", "all"]
    assert nobodys.keys() == ["all"]


def test_a_broadcast_does_not_overtake_one_that_the_database_is_asked_about(
    gateway: RunningGateway, connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both become active while the database answers what was asked before."""
    device = connect()
    bound_since(device, 1)
    begun, go_on = threading.Event(), threading.Event()
    ask = pending_reader._read_pending

    def slow(after: dict[int, int], most: int, windows: dict[int, Any], by_binding: Any) -> Any:
        if windows:
            begun.set()
            assert go_on.wait(10)
        return ask(after, most, windows, by_binding)

    monkeypatch.setattr(pending_reader, "_read_pending", slow)
    broadcast(workspace, "asked", bind_period=1)
    assert begun.wait(10)
    broadcast(workspace, "not asked yet", bind_period=1)
    last = broadcast(workspace, "all")
    assert gateway.node is not None
    known = gateway.node._broadcaster.known_ids
    assert wait_for(lambda: last.pk in known)
    go_on.set()
    device.wait_for_key("all")
    assert device.keys() == ["asked", "not asked yet", "all"]


def test_a_queued_broadcast_by_time_of_binding_is_not_sent_after_a_logout(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    row = Device.objects.get(pk=known[0].id)
    bindings.bind(row, "ann")
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=1)
        tasks = [broadcast(workspace, "b0"), broadcast(workspace, "b1", bind_period=1)]
        first = device.next_publish()
        session = gateway.session_of(known[0])
        assert session.broadcasts is not None
        bindings.unbind(row, "ann")
        tasks.append(broadcast(workspace, "b2"))
        assert first.packet_id is not None
        device.send(mqtt5.PubAckPacket(first.packet_id))
        assert acknowledge(device) == tasks[2].pk
        # What it is no longer meant by holds up nothing.
        assert wait_for(lambda: session.broadcasts.cursor.position == tasks[2].pk)  # type: ignore[union-attr]


def test_devices_of_another_workspace_do_not_get_a_broadcast(connect: Connect, workspace: Workspace) -> None:
    elsewhere = Workspace.objects.create(app=workspace.app, workspace_id="other")
    device = connect()
    broadcast(elsewhere)
    broadcast(workspace, "mine")
    device.wait_for_key("mine")
    assert device.keys() == ["mine"]


def test_a_node_finds_a_broadcast_without_a_notification(
    transactional_db: None, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    """The word to the nodes may be lost; they look for themselves."""
    monkeypatch.setattr(broadcaster, "READ_SECONDS", 0.2)
    monkeypatch.setattr("pushcore.ports._broadcast_listeners", [])
    device = connect()
    broadcast(workspace, "b0")  # the look that began before the change of pace
    device.wait_for_key("b0")
    broadcast(workspace)
    device.wait_for_key("b1")


def test_no_count_is_lost_when_valkey_is_emptied(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, request: pytest.FixtureRequest
) -> None:
    task = broadcast(workspace)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        assert acknowledge(device) == task.pk
        assert wait_for(lambda: valkey.client().xlen("mps:acks") >= 1)
        valkey.client().flushdb()
        request.getfixturevalue("sink")
        assert wait_for(lambda: counted(task) == 1)


def test_no_count_is_lost_when_reports_overtake_each_other(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, request: pytest.FixtureRequest
) -> None:
    """Several sinks share the stream; the one with the later entry may be the first to write."""
    tasks = [broadcast(workspace, f"b{n}") for n in range(2)]
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        for number in (1, 2):
            acknowledge(device)
            assert wait_for(lambda count=number: valkey.client().xlen("mps:acks") == count)  # type: ignore[misc]
    stream: Any = valkey.client().xrange("mps:acks")
    told = [codec.unpack_acks(fields[b"acks"])[2] for _, fields in stream]
    for arrivals in reversed(told):
        acknowledgements.record(arrivals)
    assert [counted(task) for task in tasks] == [1, 1]


def test_more_broadcasts_than_a_device_takes_at_once_all_arrive(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    tasks = [broadcast(workspace, f"b{n}") for n in range(12)]
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=2)
        assert [acknowledge(device) for _ in range(12)] == [task.pk for task in tasks]


def test_events_of_a_broadcast_are_kept(known: Known, workspace: Workspace) -> None:
    from analytics.models import MessageEvent

    task = broadcast(workspace)
    events.publish([DeviceEvent(workspace.pk, known[0].id, task.pk, "opened", timezone.now())])
    assert MessageEvent.objects.get().message_id == task.pk


def test_the_cursor_is_kept_once_for_each_device(connect: Connect, workspace: Workspace, sink: Sink) -> None:
    device = connect()
    tasks = [broadcast(workspace, f"b{n}") for n in range(5)]
    device.wait_for_key("b4")
    assert wait_for(lambda: list(BroadcastCursor.objects.values_list("position", flat=True)) == [tasks[-1].pk])


@pytest.mark.parametrize(("platform", "number"), [("web", 8), ("other", 9)])
def test_devices_that_are_no_phones_get_the_broadcasts_and_pushes_of_their_platform(
    gateway: RunningGateway, workspace: Workspace, username: str, platform: str, number: int
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        answer = device.connect("", username, workspace.client_key, user_properties=[("platform", platform)])
        broadcast(workspace, "phones")
        task = broadcast(workspace, "mine", delivery_type=number)
        assert acknowledge(device) == task.pk
        message = send(workspace, answer.assigned_client_id or "", "named", delivery_type=number)
        assert acknowledge(device) == message.pk
    assert Device.objects.get().platform == number
