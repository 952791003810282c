"""Revocation: pending messages are never sent, and devices are notified of the others, whatever process dies."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pushcore.broadcast import broadcasts
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.codes.results import ResultError
from pushcore.delivery import deliverable, outcomes, sweeper
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Broadcast, Device, Message, PushTask, Receipt, Revocation, Workspace
from pushcore.ports import Outcome
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush, MultiplePush, TargetMessage
from pushcore.push.templates import TemplateDraft
from pushcore.revocation import notices, revocations, task_rows
from pushcore.storage import ids
from tests.pushcore.conftest import RecordingLane

Send = Callable[..., PushTask]
RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "wake_worker", lambda: None)


@pytest.fixture
def fleet(workspace: Workspace) -> list[KnownDevice]:
    return [device for device, _ in registry.register([(workspace, DeviceInfo())] * 5)]


@pytest.fixture
def to_fleet(workspace: Workspace, fleet: list[KnownDevice]) -> Callable[..., PushTask]:
    """Return a function that makes a multiple push to every device."""
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))

    def send(key: str = "k") -> PushTask:
        request = MultiplePush(
            delivery_type=1, expired_seconds=600, template_name="hello",
            target_msg=[TargetMessage(target=device.ad_token, msgkey=key) for device in fleet],
        )  # fmt: skip
        return pushes.accept(workspace, request, **RPC)

    return send


def acknowledge(*rows: Message) -> None:
    outcomes.record([Outcome(row.pk, statuses.ACKED) for row in rows])


def devices_told() -> dict[str, int | None]:
    """Return the revocation notices: the `k` revoked -> the device."""
    rows = Message.objects.filter(task__kind=PushTask.Kind.REVOKE)
    return {row.content["revokes"]: row.device_id for row in rows}


def test_pending_messages_of_a_task_are_revoked_and_devices_are_notified_of_delivered_ones(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane
) -> None:
    task = to_fleet()
    first, second, *waiting = task.own_messages().order_by("pk")
    acknowledge(first, second)
    lane.got.clear()
    revocations.revoke_task(workspace, task.pk)
    assert [row.status for row in task.messages.order_by("pk")] == [2, 2, -2, -2, -2]
    assert devices_told() == {str(first.pk): first.device_id, str(second.pk): second.device_id}
    assert Message.objects.filter(kind=Message.Kind.REVOKE).count() == 2
    assert [(outgoing.kind, outgoing.msgkey) for outgoing in lane.got] == [("revoke", "")] * 2
    assert {message_id for _, message_id in lane.withdrawn} == {row.pk for row in waiting}
    assert Revocation.objects.get().finished_at is not None
    task.refresh_from_db()
    assert (task.success_count, task.revoked_at is not None) == (2, True)
    revocations.revoke_task(workspace, task.pk)
    assert len(devices_told()) == 2


def test_from_the_moment_a_task_is_marked_nothing_of_it_is_delivered(
    workspace: Workspace, to_fleet: Send, fleet: list[KnownDevice], lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, other = to_fleet("a"), to_fleet("b")
    monkeypatch.setattr(task_rows, "work_off", lambda *_a, **_k: False)  # the rows are not touched yet
    revocations.revoke_task(workspace, task.pk)
    lane.got.clear()
    waiting = deliverable.by_device([device.id for device in fleet], 1).messages
    assert {outgoing.task_id for batch in waiting.values() for outgoing in batch} == {other.pk}
    assert len(waiting) == 5
    assert deliverable.by_id([row.pk for row in task.messages.all()]) == []
    everything = deliverable.by_range(0, ids.first_id_at(timezone.now() + timedelta(hours=1)), 100).messages
    assert {outgoing.task_id for outgoing in everything} == {other.pk}


def test_devices_are_notified_of_messages_in_flight_too(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = to_fleet()
    connected, written, *_ = task.messages.order_by("pk")
    outcomes.mark_sent([written.pk])
    monkeypatch.setattr(notices, "online", lambda _devices: {connected.device_id})
    revocations.revoke_task(workspace, task.pk)
    assert set(devices_told()) == {str(connected.pk), str(written.pk)}


@pytest.mark.parametrize("where", ["insert", "withdraw"])
def test_a_revocation_continues_after_a_worker_died(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(task_rows, "BATCH", 1)
    task = to_fleet()
    rows = list(task.messages.order_by("pk"))
    acknowledge(*rows[:3])
    working, calls = getattr(notices, where), itertools.count(1)

    def dying(*arguments: Any) -> Any:
        if next(calls) % 2 == 0:
            raise KeyboardInterrupt
        return working(*arguments)

    monkeypatch.setattr(notices, where, dying)
    with pytest.raises(KeyboardInterrupt):
        revocations.revoke_task(workspace, task.pk)
    for _ in range(20):
        try:
            task_rows.work_off_all()
        except KeyboardInterrupt:
            continue
        break
    assert [row.status for row in task.messages.order_by("pk")] == [2, 2, 2, -2, -2]
    assert sorted(devices_told()) == sorted(str(row.pk) for row in rows[:3])
    own = PushTask.objects.get(kind=PushTask.Kind.REVOKE)
    assert own.message_count == own.own_messages().count() == own.messages.count() == 3


def test_a_worker_gives_a_revocation_back_when_its_time_is_spent(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_rows, "BATCH", 1)
    monkeypatch.setattr(revocations, "INLINE_SECONDS", 0.0)
    task = to_fleet()
    revocations.revoke_task(workspace, task.pk)
    assert task.messages.filter(status=0).count() == 4
    task_rows.work_off_all()
    assert task.messages.filter(status=-2).count() == 5


def test_a_worker_that_finds_another_at_what_waits_does_not_end_the_revocation(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_rows, "BATCH", 2)
    monkeypatch.setattr(revocations, "INLINE_SECONDS", 0.0)
    task = to_fleet()
    acknowledge(*task.own_messages().order_by("pk")[:1])
    revocations.revoke_task(workspace, task.pk)
    with monkeypatch.context() as locked:
        # As it is while the other's batch holds the row's lock, which is free again afterwards.
        locked.setattr(task_rows, "_stop_waiting", lambda _task_id: False)
        task_rows.work_off(task.pk, budget_seconds=10)
    assert Revocation.objects.get().finished_at is None
    task_rows.work_off_all()
    assert [row.status for row in task.messages.order_by("pk")] == [2, -2, -2, -2, -2]
    assert len(devices_told()) == 1


def test_a_message_is_revoked_by_its_msgkey_and_target(
    workspace: Workspace, send: Send, fleet: list[KnownDevice], lane: RecordingLane
) -> None:
    for device in fleet[:2]:
        bindings.bind(Device.objects.get(pk=device.id), "ann")
    task = send({"ann": "k1", "bob": "k1"})
    one, two = task.messages.filter(target="ann").order_by("pk")
    acknowledge(one)
    assert revocations.revoke_message(workspace, "k1", "ann") == 2
    assert [Message.objects.get(pk=row.pk).status for row in (one, two)] == [2, -2]
    assert devices_told() == {str(one.pk): one.device_id}
    # To the device that has it, though the user has left it.
    assert one.device_id is not None
    bindings.unbind(Device.objects.get(pk=one.device_id), "ann")
    waiting = deliverable.by_device([one.device_id], 10).messages[one.device_id]
    assert [outgoing.content["revokes"] for outgoing in waiting] == [str(one.pk)]
    assert task.messages.get(target="bob").status == statuses.NO_BIND_INFO
    bindings.bind(Device.objects.get(pk=fleet[2].id), "ann")
    assert Message.objects.get(pk=two.pk).device_id == two.device_id


def test_only_the_last_seven_days_can_be_revoked(
    workspace: Workspace, to_fleet: Send, fleet: list[KnownDevice]
) -> None:
    task = to_fleet()
    PushTask.objects.update(created_at=timezone.now() - timedelta(days=7, seconds=1))
    for call in (
        lambda: revocations.revoke_task(workspace, task.pk),
        lambda: revocations.revoke_task(workspace, 5),
        lambda: revocations.revoke_message(workspace, "k", "nobody"),
        lambda: revocations.revoke_message(workspace, "other", fleet[0].ad_token),
    ):
        with pytest.raises(ResultError) as refused:
            call()
        assert refused.value.result.code == "3028"
    PushTask.objects.update(created_at=timezone.now() - timedelta(days=6, hours=23))
    revocations.revoke_task(workspace, task.pk)


def test_another_workspaces_push_is_unknown(workspace: Workspace, to_fleet: Send, fleet: list[KnownDevice]) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    task = to_fleet()
    with pytest.raises(ResultError):
        revocations.revoke_task(other, task.pk)
    with pytest.raises(ResultError):
        revocations.revoke_message(other, "k", fleet[0].ad_token)


def test_an_acknowledgement_comes_before_a_revocation_but_not_after_it(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane
) -> None:
    task = to_fleet()
    revocations.revoke_task(workspace, task.pk)
    acknowledge(*task.messages.all())
    assert set(task.messages.values_list("status", flat=True)) == {-2}
    task.refresh_from_db()
    assert task.success_count == 0


def test_devices_of_vendors_get_no_notice_through_the_gateway(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane
) -> None:
    task = to_fleet()
    outcomes.record([Outcome(row.pk, statuses.ACKED, Channel.HUAWEI) for row in task.messages.all()])
    revocations.revoke_task(workspace, task.pk)
    assert devices_told() == {}


def test_the_backend_gets_a_receipt_for_its_message_and_not_for_the_notice(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushcore.callbacks.sender_signals.wake_sender", lambda: None)
    Workspace.objects.update(callback_enabled=True, callback_url="https://example.com/")
    task = to_fleet()
    first, *_ = task.messages.order_by("pk")
    acknowledge(first)
    revocations.revoke_task(workspace, task.pk)
    acknowledge(*Message.objects.filter(task__kind=PushTask.Kind.REVOKE))
    bodies = list(Receipt.objects.values_list("body", flat=True))
    assert len(bodies) == 5
    assert sum('"statusCode":"-2"' in body for body in bodies) == 4


def test_a_revoked_broadcast_is_no_longer_delivered_and_devices_are_notified(
    workspace: Workspace, to_fleet: Send
) -> None:
    to_fleet()
    request = BroadcastPush(delivery_type=1, expired_seconds=600, template_name="hello", msgkey="b1")
    task = pushes.accept(workspace, request, **RPC)
    revocations.revoke_task(workspace, task.pk)
    told_by = Broadcast.objects.exclude(pk=task.pk).get()
    assert told_by.task.content["revokes"] == str(task.pk)
    assert broadcasts.read_active(())[0] == [told_by.pk]
    later = pushes.accept(workspace, replace(request, msgkey="b2"), **RPC)
    assert broadcasts.read_active(())[0] == [told_by.pk, later.pk]


def test_the_sweeper_dispatches_revocation_notices(
    workspace: Workspace, to_fleet: Send, lane: RecordingLane, settings: Any
) -> None:
    settings.SWEEP_AFTER_SECONDS = -1
    task = to_fleet()
    acknowledge(*task.messages.all())
    lane.broken = True
    revocations.revoke_task(workspace, task.pk)
    lane.broken = False
    lane.got.clear()
    sweeper.sweep()
    assert {outgoing.kind for outgoing in lane.got} == {"revoke"}
    assert len(lane.got) == 5
