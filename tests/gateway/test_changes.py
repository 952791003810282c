"""A device that serves another user, or is reached another way: what is not written yet follows the rules as they are
then, whichever door and process changed it."""

from __future__ import annotations

import json
from collections.abc import Callable

import mqtt5
import pytest

from gateway.sink import Sink
from pushcore.channels import Channel
from pushcore.delivery import deliverable, dispatch
from pushcore.devices import bindings, changes, client_requests, registry, removal, server_requests
from pushcore.models import Device, Workspace
from pushcore.storage import valkey
from tests.gateway.conftest import Connect, Known, RunningGateway
from tests.gateway.pushing import send, wait_for
from tests.gateway.test_broadcasts import broadcast
from tests.support.quiet_hours import quiet_hours
from tests.support.raw_device import RawDevice

Change = Callable[[Workspace, Known], object]

LOGOUTS: dict[str, Change] = {
    "unbind by the device, over HTTP": lambda _workspace, known: client_requests.unbind(known[0].id, "ann"),
    "bind of another user by the device, over HTTP": lambda _workspace, known: client_requests.bind(known[0].id, "bob"),
    "PushUnBind": lambda workspace, known: server_requests.unbind(workspace, "ann", known[0].ad_token),
    "PushBind of another user": lambda workspace, known: server_requests.bind(workspace, "bob", known[0].ad_token, 1),
}
REPORTS: dict[str, Change] = {
    "by the device, over HTTP": lambda _workspace, known: client_requests.report(known[0].id, Channel.XIAOMI, "mi"),
    "PushReport": lambda workspace, known: server_requests.report(
        workspace, known[0].ad_token, 1, Channel.XIAOMI, "mi", {}
    ),
}


def msgkeys(packets: list[mqtt5.PublishPacket]) -> list[str]:
    return [json.loads(packet.payload)["bData"]["msgKey"] for packet in packets]


def next_publishes(device: RawDevice, count: int) -> list[mqtt5.PublishPacket]:
    return [device.next_publish() for _ in range(count)]


def acknowledge(device: RawDevice, packets: list[mqtt5.PublishPacket]) -> None:
    for packet in packets:
        assert packet.packet_id is not None
        device.send(mqtt5.PubAckPacket(packet.packet_id))


@pytest.mark.parametrize("door", LOGOUTS)
def test_after_a_logout_by_any_api_queued_messages_of_the_former_user_are_not_sent(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, sink: Sink, door: str
) -> None:
    bindings.bind(Device.objects.get(pk=known[0].id), "ann")
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=2)
        for n in range(8):
            send(workspace, "ann", f"ann{n}", delivery_type=3)
        written = next_publishes(device, 2)
        assert wait_for(lambda: gateway.session_of(known[0]).queued == 6)
        LOGOUTS[door](workspace, known)
        assert wait_for(lambda: gateway.session_of(known[0]).queued == 0)
        acknowledge(device, written)
        send(workspace, known[0].ad_token, "own")
        own = next_publishes(device, 1)
        acknowledge(device, own)
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
    assert msgkeys(written + own) == ["ann0", "ann1", "own"]


def test_a_message_resolved_before_a_logout_and_dispatched_after_it_is_not_sent(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bindings.bind(Device.objects.get(pk=known[0].id), "ann")
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        assert wait_for(lambda: gateway.session_of(known[0]).caught_up)
        with monkeypatch.context() as patch:
            patch.setattr(dispatch, "to_lanes", lambda _batch: True)
            message = send(workspace, "ann", "late", delivery_type=3)
        [outgoing] = deliverable.by_id([message.pk])
        client_requests.unbind(known[0].id, "ann")
        dispatch.to_lanes([outgoing])
        send(workspace, known[0].ad_token, "own")
        assert msgkeys(next_publishes(device, 1)) == ["own"]


def test_an_added_delivery_rule_applies_to_messages_queued_in_a_session(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=2)
        for n in range(4):
            send(workspace, known[0].ad_token, f"k{n}")
        next_publishes(device, 2)
        assert wait_for(lambda: gateway.session_of(known[0]).queued == 2)
        with quiet_hours(workspace):
            changes.tell_changed([known[0].id])
            assert wait_for(lambda: gateway.session_of(known[0]).queued == 0)


@pytest.mark.parametrize("door", REPORTS)
def test_a_device_that_reports_a_vendor_by_any_api_gets_a_broadcast_by_the_vendor_only(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, monkeypatch: pytest.MonkeyPatch,
    door: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("pushcore.ports._vendor_channels", [lambda _workspace: {int(Channel.XIAOMI)}])
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=1)
        tasks = [broadcast(workspace, "b0", android_channel=1), broadcast(workspace, "b1")]
        written = next_publishes(device, 1)
        assert wait_for(lambda: gateway.session_of(known[0]).queued == 1)  # the second waits for the first
        REPORTS[door](workspace, known)
        assert wait_for(lambda: gateway.session_of(known[0]).queued == 0)
        acknowledge(device, written)
        broadcast(workspace, "b2")
        tasks.append(broadcast(workspace, "b3", android_channel=1))
        written += next_publishes(device, 1)
        acknowledge(device, written[1:])
        assert msgkeys(written) == ["b0", "b3"]
        progress = gateway.session_of(known[0]).broadcasts
        assert progress is not None
        # What it gets at the vendor's holds up nothing here.
        assert wait_for(lambda: progress.cursor.position == tasks[-1].pk)


def test_a_vendor_s_token_that_is_given_up_brings_broadcasts_back_to_the_connection(
    gateway: RunningGateway, connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.utils import timezone

    monkeypatch.setattr("pushcore.ports._vendor_channels", [lambda _workspace: {int(Channel.XIAOMI)}])
    device = connect()
    row = Device.objects.get(ad_token=device.ad_token)
    client_requests.report(row.pk, Channel.XIAOMI, "mi")
    registry.drop_third_tokens([(row.pk, "mi", timezone.now())])
    broadcast(workspace)
    device.wait_for_key("b1")


def test_a_removed_device_is_disconnected(gateway: RunningGateway, username: str, known: Known) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        removal.remove([known[0].id])
        ended = device.recv()
        assert isinstance(ended, mqtt5.DisconnectPacket)
        assert ended.reason_code == mqtt5.DisconnectReasonCode.ADMINISTRATIVE_ACTION


def test_a_change_notified_while_valkey_was_lost_takes_effect_when_it_is_back(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    bindings.bind(Device.objects.get(pk=known[0].id), "ann")
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=1)
        for n in range(3):
            send(workspace, "ann", f"ann{n}", delivery_type=3)
        written = next_publishes(device, 1)
        assert wait_for(lambda: gateway.session_of(known[0]).queued == 2)
        with monkeypatch.context() as patch:
            patch.setattr("pushcore.ports._device_listeners", [])
            client_requests.unbind(known[0].id, "ann")
        valkey.client().flushdb()
        assert wait_for(lambda: gateway.session_of(known[0]).queued == 0)
        acknowledge(device, written)
        send(workspace, known[0].ad_token, "own")
        assert msgkeys(next_publishes(device, 1)) == ["own"]
