"""A delivery rule is added in one place and followed on every path to a device, and loses no message.

Vendors' senders and what waits in a session: `tests/channels_vendor/test_sending.py`, `tests/gateway/test_changes.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from pushcore import ports
from pushcore.broadcast import broadcasts, vendor_walk
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.delivery import deliverable, sweeper
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, Message, PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from pushcore.revocation import revocations
from tests.pushcore.conftest import RecordingLane
from tests.support.quiet_hours import quiet_hours

Send = Callable[..., PushTask]
RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_once(settings: Settings) -> None:
    """Let the sweeper read messages as soon as they are committed."""
    settings.SWEEP_AFTER_SECONDS = -1


def waiting(known: KnownDevice) -> list[int]:
    """Return what the device gets when it connects."""
    return [message.message_id for message in deliverable.by_device([known.id], 10).messages.get(known.id, [])]


def test_the_first_attempt_follows_the_rule(
    send: Send, lane: RecordingLane, known: KnownDevice, workspace: Workspace
) -> None:
    with quiet_hours(workspace):
        send({known.ad_token: "k"}, delivery_type=1)
    assert lane.got == []
    assert Message.objects.get().status == statuses.WAITING


def test_a_device_that_connects_gets_nothing_while_the_rule_holds(
    send: Send, lane: RecordingLane, known: KnownDevice, workspace: Workspace
) -> None:
    send({known.ad_token: "k"}, delivery_type=1)
    with quiet_hours(workspace):
        assert waiting(known) == []
    assert waiting(known) == [Message.objects.get().pk]


def test_a_bind_attaches_the_message_and_does_not_deliver_it(
    send: Send, lane: RecordingLane, known: KnownDevice, workspace: Workspace
) -> None:
    send({"ann": "k"})
    with quiet_hours(workspace):
        bindings.bind(Device.objects.get(pk=known.id), "ann")
    assert lane.got == []
    assert waiting(known) == [Message.objects.get().pk]


def test_the_sweeper_follows_the_rule(
    send: Send, lane: RecordingLane, known: KnownDevice, workspace: Workspace
) -> None:
    lane.broken = True
    send({known.ad_token: "k"}, delivery_type=1)
    lane.broken = False
    with quiet_hours(workspace):
        assert sweeper.sweep() == 0
    assert lane.got == []


def test_revocation_notices_follow_the_rule(
    send: Send, lane: RecordingLane, known: KnownDevice, workspace: Workspace
) -> None:
    send({known.ad_token: "k"}, delivery_type=1)
    Message.objects.update(status=statuses.ACKED)
    lane.got.clear()
    with quiet_hours(workspace):
        revocations.revoke_message(workspace, "k", known.ad_token)
    assert lane.got == []
    assert len(waiting(known)) == 1


def test_a_broadcast_is_offered_to_no_session_and_to_no_vendor(
    workspace: Workspace, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_vendor_channels", [lambda _workspace: {int(Channel.XIAOMI)}])
    device = registry.register([(workspace, DeviceInfo(platform=Platform.ANDROID, third_token="t"))])[0][0]
    Device.objects.filter(pk=device.id).update(third_channel=Channel.XIAOMI)
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    request = BroadcastPush(delivery_type=1, expired_seconds=300, template_name="news", msgkey="b")
    task = pushes.accept(workspace, request, **RPC)
    assert broadcasts.read_active(())[0] == broadcasts.read_active([task.pk])[0] == [task.pk]
    with quiet_hours(workspace):
        assert broadcasts.read_active(()) == ([], [])
        assert broadcasts.read_active([task.pk]) == ([], [])  # a gateway that holds it writes it to no more sessions
        vendor_walk.walk_all()
    assert lane.got == []
    assert waiting(device) == [Message.objects.get().pk]


def test_messages_that_share_their_content_share_the_object(
    send: Send, lane: RecordingLane, workspace: Workspace
) -> None:
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 3)]
    send({device.ad_token: "k" for device in fleet}, delivery_type=1)
    read = deliverable.by_id([message.pk for message in Message.objects.all()])
    assert len(read) == 3
    assert len({id(message.content) for message in read}) == 1
    assert json.dumps(read[0].content) == json.dumps(Message.objects.all()[0].content)
