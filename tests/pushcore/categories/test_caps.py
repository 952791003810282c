"""Frequency caps: no user or device gets more of a category a day and a week than it allows, whatever is pushed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from pushcore import retention
from pushcore.categories import caps
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import CapCount, Device, Message, MessageCategory, PushTask, Receipt, Workspace
from tests.pushcore.conftest import Clock, RecordingLane

Send = Callable[..., PushTask]
Make = Callable[..., MessageCategory]


def held(task: PushTask) -> int:
    task.refresh_from_db()
    counted = Message.objects.filter(task_id=task.pk, status=statuses.HELD_BACK).count()
    assert task.held_back_count == counted
    return counted


@pytest.mark.django_db
def test_what_a_cap_holds_back_has_a_status_a_receipt_and_a_count(
    send: Send, lane: RecordingLane, known: KnownDevice, workspace: Workspace, category: Make
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(callback_enabled=True, callback_url="https://example.com/r")
    category(daily_cap=1)
    first = send({known.ad_token: "1"}, delivery_type=1, message_category="offers")
    second = send({known.ad_token: "2"}, delivery_type=1, message_category="offers")
    other = send({known.ad_token: "3"}, delivery_type=1)
    assert (held(first), held(second), held(other)) == (0, 1, 0)
    assert [message.task_id for message in lane.got] == [first.pk, other.pk]
    receipt = Receipt.objects.get()
    assert receipt.message_id == Message.objects.get(task_id=second.pk).pk
    second.refresh_from_db()
    assert second.last_outcome_at is None  # nobody reported anything


@pytest.mark.django_db
def test_the_devices_of_one_user_count_once(
    send: Send, lane: RecordingLane, workspace: Workspace, category: Make
) -> None:
    category(daily_cap=2)
    for device, _ in registry.register([(workspace, DeviceInfo())] * 3):
        bindings.bind(Device.objects.get(pk=device.id), "ann")
    tasks = [send({"ann": str(number), "bob": str(number)}, message_category="offers") for number in range(3)]
    assert [held(task) for task in tasks] == [0, 0, 4]
    assert [task.message_count for task in tasks] == [4, 4, 4]
    assert len(lane.got) == 6


@pytest.mark.django_db
def test_a_device_named_by_two_tokens_is_one_device(
    send: Send, lane: RecordingLane, workspace: Workspace, category: Make
) -> None:
    category(daily_cap=1)
    token = "ab" * 32
    device = registry.register([(workspace, DeviceInfo(platform=2, third_token=token))])[0][0]  # type: ignore[arg-type]
    send({device.ad_token: "1"}, delivery_type=2, message_category="offers")
    assert held(send({token: "2"}, delivery_type=2, message_category="offers")) == 1


@pytest.mark.django_db
def test_a_day_is_the_workspaces_and_a_week_is_the_last_seven_days(
    send: Send, lane: RecordingLane, known: KnownDevice, workspace: Workspace, category: Make, at: Clock
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(time_zone="Asia/Shanghai")
    at.at = datetime.combine(at.at.astimezone(UTC).date(), datetime.min.time(), ZoneInfo("Asia/Shanghai"))
    at.pass_by(hours=23)
    category(daily_cap=2, weekly_cap=5)

    def push(key: str) -> int:
        return held(send({known.ad_token: key}, delivery_type=1, message_category="offers", expired_seconds=86_400))

    assert [push(f"a{number}") for number in range(3)] == [0, 0, 1]
    at.pass_by(hours=1, minutes=1)  # midnight in Shanghai, the same day in UTC
    assert [push(f"b{number}") for number in range(3)] == [0, 0, 1]
    at.pass_by(days=1)
    assert [push(f"c{number}") for number in range(3)] == [0, 1, 1]  # five in the week
    at.pass_by(days=4)
    assert push("d") == 1
    at.pass_by(days=1)  # the first day is seven days ago
    assert [push(f"e{number}") for number in range(3)] == [0, 0, 1]


@pytest.mark.django_db
def test_a_request_that_is_repeated_counts_once(
    send: Send, lane: RecordingLane, known: KnownDevice, category: Make
) -> None:
    category(daily_cap=2)
    tasks = {
        send({known.ad_token: "k"}, delivery_type=1, message_category="offers", task_name="same").pk for _ in range(3)
    }
    assert len(tasks) == 1
    assert CapCount.objects.get().counts[0] == 1


@pytest.mark.django_db
def test_a_cap_that_is_lowered_counts_at_once(
    send: Send, lane: RecordingLane, known: KnownDevice, category: Make
) -> None:
    offers = category(daily_cap=5)
    for number in range(3):
        send({known.ad_token: str(number)}, delivery_type=1, message_category="offers")
    MessageCategory.objects.filter(pk=offers.pk).update(daily_cap=2)
    assert held(send({known.ad_token: "x"}, delivery_type=1, message_category="offers")) == 1
    assert CapCount.objects.get().counts[0] == 3


@pytest.mark.django_db
def test_an_unknown_category_is_refused_and_nothing_is_pushed(send: Send, known: KnownDevice, category: Make) -> None:
    category("Offers")
    with pytest.raises(ResultError) as refusal:
        send({known.ad_token: "k"}, delivery_type=1, message_category="offers")
    assert refusal.value.result is ResultCode.MESSAGE_CATEGORY_NOT_EXIST
    assert not PushTask.objects.exists()


@pytest.mark.django_db
def test_counts_that_decide_nothing_any_more_are_deleted(
    send: Send, lane: RecordingLane, known: KnownDevice, category: Make
) -> None:
    category(daily_cap=1)
    send({known.ad_token: "k"}, delivery_type=1, message_category="offers")
    retention.purge()
    assert CapCount.objects.count() == 1
    CapCount.objects.update(day=datetime.now(UTC).date() - caps.KEPT - timedelta(days=1))
    retention.purge()
    assert not CapCount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_pushes_at_the_same_time_are_granted_no_more_than_the_cap(
    send: Send, lane: RecordingLane, workspace: Workspace, category: Make
) -> None:
    category(daily_cap=5)
    fleet = [device.ad_token for device, _ in registry.register([(workspace, DeviceInfo())] * 4)]

    def push(number: int) -> PushTask:
        try:
            # In turn forwards and backwards: rows are locked in one order all the same.
            tokens = fleet if number % 2 else fleet[::-1]
            return send({token: str(number) for token in tokens}, delivery_type=1, message_category="offers")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        tasks = list(threads.map(push, range(24)))
    assert sum(held(task) for task in tasks) == 4 * (24 - 5)
    assert {tuple(one.counts) for one in CapCount.objects.all()} == {(5, 0, 0, 0, 0, 0, 0)}
    for token in fleet:
        assert Message.objects.filter(target=token, status=statuses.WAITING).count() == 5
