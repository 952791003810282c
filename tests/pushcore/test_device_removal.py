"""Devices are removed when they unregister or were not seen for long, and no push counts them afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gateway.cluster import presence
from pushcore import ports
from pushcore.broadcast.audience import Audience
from pushcore.channels import Platform
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices import registry, removal, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Binding, BroadcastCursor, Device, Message, Watermark, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import audience_estimate
from pushcore.storage import valkey
from tests.pushcore.conftest import RecordingLane

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(days=366)


@pytest.fixture
def old(workspace: Workspace) -> KnownDevice:
    """Return a device that was bound, and was not seen for more than a year."""
    [(device, _)] = registry.register([(workspace, DeviceInfo(third_channel=4, third_token="mi"))])
    server_requests.bind(workspace, "ann", device.ad_token, 1)
    then = timezone.now() - LONG_AGO
    Device.objects.update(created_at=then, last_seen_at=then, third_reported_at=then)
    Binding.objects.update(bound_at=then)
    BroadcastCursor.objects.create(device_id=device.id)
    return device


def test_a_device_nobody_has_seen_for_long_is_removed_with_its_bindings(
    workspace: Workspace, old: KnownDevice, known: KnownDevice
) -> None:
    assert removal.remove_unseen() == 1
    assert [device.pk for device in Device.objects.all()] == [known.id]
    assert not Binding.objects.exists()
    assert audience_estimate.of_targets(workspace, DeliveryType.USER, ["ann"]) == 0


@pytest.mark.parametrize("days", [0, 400])
def test_devices_are_kept_as_long_as_the_setting_says(old: KnownDevice, settings: Any, days: int) -> None:
    settings.DEVICE_RETENTION_DAYS = days
    assert removal.remove_unseen() == 0


@pytest.mark.parametrize("sign", ["connected once", "reported", "bound", "delivered to", "connected", "activity"])
def test_a_device_that_shows_a_sign_of_life_stays(
    workspace: Workspace, old: KnownDevice, lane: RecordingLane, send: Any, sign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    match sign:
        case "connected once":
            Device.objects.update(last_seen_at=now)
        case "reported":
            Device.objects.update(third_reported_at=now)
        case "bound":
            Binding.objects.update(bound_at=now, unbound_at=now)
        case "delivered to":
            send({"ann": "k1"})
            outcomes.record([ports.Outcome(Message.objects.get().pk, statuses.ACKED)])
        case "connected":
            valkey.client().set(presence.presence_key(old.id), "node/session")
            valkey.client().xadd(presence.stream_key("node"), {"hello": b""})
        case _:
            Device.objects.update(activity_id="ride-7")
    assert removal.remove_unseen() == 0
    assert Device.objects.exists()


def test_a_message_that_only_waits_is_no_sign_of_life(old: KnownDevice, lane: RecordingLane, send: Any) -> None:
    send({"ann": "k1"})
    assert removal.remove_unseen() == 1
    assert Message.objects.get().status == statuses.WAITING


def test_without_valkey_no_device_is_removed(old: KnownDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> set[int]:
        raise valkey.ValkeyDown[0]

    monkeypatch.setattr(removal, "online", away)
    assert removal.remove_unseen() == 0
    assert Device.objects.exists()
    assert Watermark.objects.get(name="device_retention").leased_until is None


def test_the_removal_continues_where_it_stopped_and_starts_over_at_the_end(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "PAGE", 2)
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 5)]
    removal.remove_unseen(budget_seconds=0)
    assert Watermark.objects.get(name="device_retention").position == 0
    removal.remove_unseen()
    assert Watermark.objects.get(name="device_retention").position == 0
    Device.objects.filter(pk=fleet[4].id).update(last_seen_at=timezone.now() - LONG_AGO)
    assert removal.remove_unseen() == 1


def test_bindings_that_ended_long_ago_go_and_the_last_of_a_device_stays(
    workspace: Workspace, known: KnownDevice
) -> None:
    for user in ("ann", "bob", "cleo"):
        server_requests.bind(workspace, user, known.ad_token, 1)
    server_requests.unbind(workspace, "cleo", known.ad_token)
    then = timezone.now() - LONG_AGO
    Binding.objects.update(bound_at=then, unbound_at=then)
    removal.remove_unseen()
    assert [binding.user_id for binding in Binding.objects.all()] == ["cleo"]


def test_a_users_waiting_messages_go_to_the_next_device(
    workspace: Workspace, old: KnownDevice, known: KnownDevice, lane: RecordingLane, send: Any
) -> None:
    send({"ann": "k1"})
    lane.got.clear()
    assert removal.remove([old.id, 0]) == 1
    server_requests.bind(workspace, "ann", known.ad_token, 1)
    assert [one.device_id for one in lane.got] == [known.id]


def test_no_broadcast_counts_a_device_that_has_ended(workspace: Workspace, old: KnownDevice) -> None:
    audience = Audience("k", Platform.ANDROID, False, (4,), None, None)
    assert audience_estimate.of_broadcast(workspace, audience) == 1
    removal.remove([old.id])
    assert audience_estimate.of_broadcast(workspace, audience) == 0
