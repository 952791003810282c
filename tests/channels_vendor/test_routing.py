"""Which messages go through a vendor and which through the self-built channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from channels_vendor.base.delivery import Style
from channels_vendor.base.notifications import deliveries_of
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.models import VendorMessage
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings
from pushcore.devices.registry import KnownDevice
from pushcore.models import Device, PushTask, Workspace
from pushcore.ports import OutgoingMessage
from pushcore.push import limits, requests
from tests.channels_vendor.sending import Send, work
from tests.channels_vendor.simulator_server import SimulatorServer

pytestmark = pytest.mark.django_db(transaction=True)

HANDED_THROUGH = {"transparentMessagePayload": {"fcm": {"kind": "sync"}}}


@pytest.mark.parametrize(
    ("changes", "by_vendor"),
    [
        ({}, True),
        ({"notify_type": "notify"}, True),
        ({"notify_type": "transparent"}, False),
        ({"silent": 1}, False),
        ({"extended_params": {"badge": "3"}}, False),
        ({"silent": 1, "vendor_options": HANDED_THROUGH}, True),
        ({"extended_params": {"badge": "3"}, "vendor_options": HANDED_THROUGH}, True),
        ({"silent": 1, "vendor_options": {"transparentMessagePayload": {"hms": "x"}}}, False),
        ({"android_channel": 1, "vendor_options": HANDED_THROUGH}, False),
    ],
    ids=str,
)
def test_a_message_takes_the_requested_channel(
    workspace: Workspace,
    vendors: SimulatorServer,
    fcm: SimulatedFcm,
    device: Callable[..., KnownDevice],
    send: Send,
    changes: dict[str, Any],
    by_vendor: bool,
) -> None:
    send(device().ad_token, **changes)
    assert VendorMessage.objects.exists() == by_vendor
    assert work(workspace) == int(by_vendor)
    assert bool(fcm.ledger.accepted) == by_vendor


def test_an_iphone_is_reached_by_apns_whatever_channel_is_requested(
    workspace: Workspace, vendors: SimulatorServer, device: Callable[..., KnownDevice], send: Send
) -> None:
    known = device("ab" * 32, Platform.IOS)
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    send("ann", delivery_type=3, notify_type="transparent")
    assert work(workspace, Channel.APNS) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"delivery_type": 2, "notify_type": "transparent"},
        {"notify_type": "transparent", "vendor_options": HANDED_THROUGH},
        {"notify_type": "loud"},
    ],
    ids=str,
)
def test_an_impossible_channel_is_refused(changes: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        "delivery_type": 1, "expired_seconds": 300, "title": "t", "content": "c", "target_msgkey": {"x": "k"},
    }  # fmt: skip
    with pytest.raises(ResultError) as refused:
        limits.check(requests.SimplePush(**(fields | changes)))
    assert refused.value.result is ResultCode.INVALID_PARAM


def test_the_self_built_channel_carries_the_android_notification_channel(workspace: Workspace, send: Send) -> None:
    send("nobody", vendor_options={"channelId": "orders"})
    assert PushTask.objects.get().content["channelId"] == "orders"


@pytest.mark.parametrize("channel", [channel for channel in Channel if channel != Channel.SELF_BUILT])
def test_big_text_as_a_parameter_applies_to_xiaomi_and_huawei_and_as_a_style_to_all(channel: Channel) -> None:
    def style(**content: Any) -> Style:
        outgoing = OutgoingMessage(1, 7, "", "k", 1, 1, channel, "tok", 1, "simple", timezone.now(), content, {})
        [delivery] = deliveries_of([outgoing], channel)
        return delivery.notification.style

    named = style(params={"big_text": "1"})
    assert named is (Style.BIG_TEXT if channel in (Channel.XIAOMI, Channel.HUAWEI) else Style.PLAIN)
    assert style(style=1) is Style.BIG_TEXT
