"""A revocation on its way to devices."""

from __future__ import annotations

import mqtt5
import pytest

from pushcore import ports
from pushcore.models import Message, PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from pushcore.revocation import revocations
from tests.gateway.conftest import Connect, Known, RunningGateway
from tests.gateway.pushing import send, status_of, wait_for
from tests.support.raw_device import RawDevice


@pytest.mark.usefixtures("sink")
def test_a_device_is_notified_of_revoked_messages_it_has_and_gets_no_pending_ones(
    connect: Connect, workspace: Workspace
) -> None:
    device = connect()
    message = send(workspace, device.ad_token, "k1")
    device.wait_for_key("k1")
    assert wait_for(lambda: status_of(message) == 2)
    revocations.revoke_task(workspace, message.task_id)
    device.wait_for_key("")
    _, data, _ = device.received[-1]
    assert (data["pushType"], data["revokes"]) == ("revoke", str(message.pk))
    assert wait_for(lambda: status_of(Message.objects.get(task__kind=PushTask.Kind.REVOKE)) == 2)
    device.disconnect()
    device_id = message.device_id
    assert device_id is not None
    assert wait_for(lambda: not ports.online([device_id]))
    waiting = send(workspace, device.ad_token, "k2")
    revocations.revoke_message(workspace, "k2", device.ad_token)
    again = connect(known=device)
    send(workspace, device.ad_token, "k3")
    again.wait_for_key("k3")
    assert again.keys() == ["k3"]
    assert status_of(waiting) == -2


def test_revoked_messages_queued_for_a_slow_device_are_dropped(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=1)
        send(workspace, known[0].ad_token, "k1")
        first = device.next_publish()
        waiting = send(workspace, known[0].ad_token, "k2")
        assert wait_for(lambda: gateway.session_of(known[0]).holds(waiting.pk))
        revocations.revoke_message(workspace, "k2", known[0].ad_token)
        assert wait_for(lambda: not gateway.session_of(known[0]).holds(waiting.pk))
        assert first.packet_id is not None
        device.send(mqtt5.PubAckPacket(first.packet_id))
        assert f'"revokes":"{waiting.pk}"'.encode() in device.next_publish().payload


@pytest.mark.usefixtures("sink")
def test_devices_are_notified_of_a_revoked_broadcast_and_no_other_gets_it(
    connect: Connect, workspace: Workspace
) -> None:
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    request = BroadcastPush(delivery_type=1, expired_seconds=300, template_name="news", msgkey="b1")
    device = connect()
    task = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="")
    device.wait_for_key("b1")
    revocations.revoke_task(workspace, task.pk)
    device.wait_for_key("")
    assert device.received[-1][1]["revokes"] == str(task.pk)
    later = connect()
    later.wait_for_key("")
    assert later.keys() == [""]
