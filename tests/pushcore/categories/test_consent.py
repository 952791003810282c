"""Consent: a device that refuses marketing messages gets none, and is told apart from one that could not be reached."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from pushcore.categories import consent
from pushcore.codes import statuses
from pushcore.delivery import deliverable
from pushcore.devices import bindings, client_requests, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import (
    AudienceProfile,
    ConsentRefusal,
    Device,
    Message,
    MessageCategory,
    PushTask,
    Receipt,
    Workspace,
)
from pushcore.storage import clock
from tests.pushcore.conftest import RecordingLane

Send = Callable[..., PushTask]
Make = Callable[..., MessageCategory]
OFFER = {"delivery_type": 1, "message_category": "offers"}

pytestmark = pytest.mark.django_db


def statuses_of(task: PushTask) -> list[int]:
    return list(Message.objects.filter(task_id=task.pk).order_by("pk").values_list("status", flat=True))


def test_a_marketing_message_to_a_device_that_refused_ends_with_a_receipt_and_a_count(
    send: Send, lane: RecordingLane, known: KnownDevice, workspace: Workspace, category: Make
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(callback_enabled=True, callback_url="https://example.com/r")
    category(is_marketing=True, daily_cap=1)
    category("orders")
    consent.set_consent([known.id], consent=False)
    refused = send({known.ad_token: "1"}, **OFFER)
    order = send({known.ad_token: "2"}, delivery_type=1, message_category="orders")
    assert statuses_of(refused) == [statuses.NO_CONSENT]
    assert [message.task_id for message in lane.got] == [order.pk]
    refused.refresh_from_db()
    assert (refused.no_consent_count, refused.held_back_count) == (1, 0)
    assert Receipt.objects.count() == 1
    consent.set_consent([known.id], consent=True)
    assert statuses_of(send({known.ad_token: "3"}, **OFFER)) == [statuses.WAITING]  # the refused one took no share


def test_of_a_users_devices_only_those_that_refused_get_nothing(
    send: Send, lane: RecordingLane, workspace: Workspace, category: Make
) -> None:
    category(is_marketing=True)
    devices = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 2)]
    for device in devices:
        bindings.bind(Device.objects.get(pk=device.id), "ann")
    consent.set_consent([devices[0].id], consent=False)
    send({"ann": "k"}, message_category="offers")
    assert [message.device_id for message in lane.got] == [devices[1].id]


def test_refusing_ends_what_waits_and_nothing_else(
    send: Send, lane: RecordingLane, known: KnownDevice, category: Make
) -> None:
    category(is_marketing=True)
    category("orders")
    offers = [send({known.ad_token: f"o{number}"}, **OFFER) for number in range(3)]
    order = send({known.ad_token: "1"}, delivery_type=1, message_category="orders")
    Message.objects.filter(task_id=offers[0].pk).update(status=statuses.ACKED)
    client_requests.update_profile(known, {"marketingConsent": False})
    assert [statuses_of(task)[0] for task in (*offers, order)] == [2, -5, -5, 0]
    waiting = deliverable.by_device([known.id], 10).messages[known.id]
    assert [message.task_id for message in waiting] == [order.pk]


def test_a_push_that_crosses_a_refusal_is_not_delivered_and_ends(
    send: Send, lane: RecordingLane, known: KnownDevice, category: Make
) -> None:
    category(is_marketing=True)
    consent.set_consent([known.id], consent=False)
    task = send({known.ad_token: "k"}, **OFFER)
    # As if it had been decided before the refusal, and committed after it.
    Message.objects.filter(task_id=task.pk).update(status=statuses.WAITING)
    assert deliverable.by_device([known.id], 10).messages == {}
    assert consent.end_all() == 1
    assert statuses_of(task) == [statuses.NO_CONSENT]
    assert ConsentRefusal.objects.exists()
    ConsentRefusal.objects.update(refused_at=clock.now() - consent.LATE_PUSHES - timedelta(seconds=1))
    assert consent.end_all() == 0
    assert not ConsentRefusal.objects.exists()


def test_a_message_that_a_bind_gives_to_a_device_that_refused_ends(
    send: Send, lane: RecordingLane, known: KnownDevice, category: Make
) -> None:
    category(is_marketing=True)
    task = send({"ann": "k"}, message_category="offers")
    consent.set_consent([known.id], consent=False)
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    assert statuses_of(task) == [statuses.NO_CONSENT]
    assert lane.got == []


def test_more_than_a_batch_ends_too(
    send: Send, lane: RecordingLane, known: KnownDevice, category: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    category(is_marketing=True)
    monkeypatch.setattr(consent, "BATCH", 2)
    tasks = [send({known.ad_token: str(number)}, **OFFER) for number in range(5)]
    consent.set_consent([known.id], consent=False)
    assert sum(statuses_of(task)[0] == statuses.NO_CONSENT for task in tasks) == 2
    assert consent.end_all() == 3


def test_a_device_says_consent_with_its_profile_or_alone(known: KnownDevice) -> None:
    assert Device.objects.get(pk=known.id).marketing_consent is None
    client_requests.update_profile(known, {"marketingConsent": True, "attributes": {"city": "Oslo"}})
    assert Device.objects.get(pk=known.id).marketing_consent is True
    assert AudienceProfile.objects.get(device_id=known.id).attributes == {"city": "Oslo"}
    client_requests.update_profile(known, {"marketingConsent": None})
    assert Device.objects.get(pk=known.id).marketing_consent is None
