"""A message carries the kind of its push, which the console's list is narrowed by."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from pushcore.broadcast import vendor_walk
from pushcore.channels import Channel, Platform
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Binding, Device, Message, PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush, MultiplePush, SimplePush, TargetMessage, TemplatePush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.conftest import RecordingLane

COMMON: dict[str, Any] = {"delivery_type": 3, "expired_seconds": 300}


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (SimplePush(**COMMON, title="T", content="C", target_msgkey={"ann": "k"}), Message.Kind.SIMPLE),
        (TemplatePush(**COMMON, template_name="hello", target_msgkey={"ann": "k"}), Message.Kind.TEMPLATE),
        (
            MultiplePush(**COMMON, template_name="hello", target_msg=[TargetMessage(target="ann", msgkey="k")]),
            Message.Kind.MULTIPLE,
        ),
    ],
    ids=lambda value: getattr(value, "label", ""),
)
def test_a_message_has_the_kind_of_its_push(workspace: Workspace, request_: Any, kind: Message.Kind) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    task = pushes.accept(workspace, request_, source=PushTask.Source.RPC, author="test")
    assert Message.objects.get(task=task).kind == kind == Message.Kind.of(task)


def test_a_message_of_a_broadcast_to_a_vendors_device_has_its_kind(workspace: Workspace, lane: RecordingLane) -> None:
    [(known, _)] = registry.register([(workspace, DeviceInfo(platform=Platform.IOS, third_token="t"))])
    Device.objects.filter(pk=known.id).update(third_channel=Channel.APNS)
    Binding.objects.create(workspace=workspace, device_id=known.id, user_id="ann", bound_at=timezone.now())
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    request = BroadcastPush(delivery_type=2, expired_seconds=300, template_name="news", msgkey="b")
    pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
    vendor_walk.walk_all()
    assert Message.objects.get().kind == Message.Kind.BROADCAST
