"""How many devices a push would reach."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pushcore.broadcast import audience as audiences
from pushcore.channels import Channel, Platform
from pushcore.devices import registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.models import App, Binding, Device, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import audience_estimate
from pushcore.push.requests import BroadcastPush


def device(workspace: Workspace, **info: Any) -> Device:
    known, _ = registry.register([(workspace, DeviceInfo(manufacturer="Nokia", model="3310"))])[0]
    Device.objects.filter(pk=known.id).update(**info)
    return Device.objects.get(pk=known.id)


def audience(workspace: Workspace, platform: Platform, **fields: Any) -> audiences.Audience:
    request = BroadcastPush(delivery_type=platform, expired_seconds=60, template_name="t", msgkey="m", **fields)
    return audiences.audience_of(workspace, request, silent=False)


def test_a_user_counts_as_all_bound_devices(workspace: Workspace) -> None:
    for _ in range(2):
        server_requests.bind(workspace, "ann", device(workspace).ad_token, 1)
    one = device(workspace)
    assert audience_estimate.of_targets(workspace, DeliveryType.USER, ["ann", "nobody"]) == 2
    assert audience_estimate.of_targets(workspace, DeliveryType.ANDROID, [one.ad_token, "unknown"]) == 1


def test_a_broadcast_reaches_the_devices_of_its_platform_and_workspace(workspace: Workspace, app: App) -> None:
    other_workspace = Workspace.objects.create(app=app, workspace_id="other")
    for _ in range(3):
        device(workspace)
    device(workspace, platform=Platform.HARMONYOS)
    device(other_workspace)
    assert audience_estimate.of_broadcast(workspace, audience(workspace, Platform.ANDROID)) == 3


def test_a_broadcast_to_ios_reaches_by_login(workspace: Workspace) -> None:
    now = timezone.now()
    for number, unbound in enumerate([None, timedelta(days=3), timedelta(days=30)]):
        phone = device(workspace, platform=Platform.IOS, third_channel=Channel.APNS, third_token=f"token{number}")
        Binding.objects.create(
            workspace=workspace, device=phone, user_id=f"user{number}", bound_at=now - timedelta(days=40),
            unbound_at=None if unbound is None else now - unbound,
        )  # fmt: skip
    device(workspace, platform=Platform.IOS)  # without a token nobody reaches it
    assert audience_estimate.of_broadcast(workspace, audience(workspace, Platform.IOS)) == 1
    seven_days = audience(workspace, Platform.IOS, push_status=1, unbind_period=1)
    assert audience_estimate.of_broadcast(workspace, seven_days) == 2
    ever = audience(workspace, Platform.IOS, push_status=1, unbind_period=4)
    assert audience_estimate.of_broadcast(workspace, ever) == 3


def test_a_broadcast_by_time_of_binding_reaches_the_devices_bound_then_on_the_self_built_channel_too(
    workspace: Workspace,
) -> None:
    now = timezone.now()
    for number, days in enumerate((1, 40)):
        Binding.objects.create(
            workspace=workspace, device=device(workspace), user_id=f"user{number}", bound_at=now - timedelta(days=days)
        )
    device(workspace)
    assert audience_estimate.of_broadcast(workspace, audience(workspace, Platform.ANDROID, bind_period=1)) == 1
    assert audience_estimate.of_broadcast(workspace, audience(workspace, Platform.ANDROID, bind_period=4)) == 2
    window = (now - timedelta(days=50), now - timedelta(days=30))
    assert audience_estimate.of_broadcast(workspace, audience(workspace, Platform.ANDROID, bind_window=window)) == 1


def test_an_estimate_that_takes_too_long_is_left_out(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = ("pg_sleep(1) IS NOT NULL AND d.workspace_id = %s", [workspace.pk])
    device(workspace)
    monkeypatch.setattr(audiences, "condition", lambda *_: slow)
    monkeypatch.setattr(audience_estimate, "TIMEOUT_MS", 20)
    assert audience_estimate.of_broadcast(workspace, audience(workspace, Platform.ANDROID)) is None
