"""A task's counters always equal its rows, for outcomes that are repeated, late, unordered or concurrent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import intake
from analytics.intake import take
from analytics.models import EVENTS
from pushcore.broadcast import acknowledgements
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Message, PushTask, Workspace
from pushcore.ports import BroadcastArrival, DeviceEvent, Outcome
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush, MultiplePush, TargetMessage
from pushcore.push.templates import TemplateDraft
from pushcore.storage import ids
from tests.pushcore.conftest import RecordingLane
from tests.support.threads import at_once

RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
STATUSES = [statuses.ACKED, statuses.ACKED, statuses.REVOKED, 10000]
CHANNELS = [Channel.SELF_BUILT, Channel.HUAWEI, Channel.FCM]
MESSAGES = 8


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> RecordingLane:
    keeping = RecordingLane()
    monkeypatch.setattr("pushcore.ports._lanes", [(1, keeping)])
    return keeping


def two_tasks(workspace: Workspace) -> list[Message]:
    """Create messages of two tasks."""
    if not workspace.templates.exists():
        templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * MESSAGES)]
    tasks = [
        pushes.accept(
            workspace,
            MultiplePush(
                delivery_type=1, expired_seconds=600, template_name="hello",
                target_msg=[TargetMessage(target=device.ad_token, msgkey=key) for device in part],
            ),
            **RPC,
        )
        for key, part in (("a", fleet[:5]), ("b", fleet[5:]))
    ]  # fmt: skip
    return list(Message.objects.filter(task__in=tasks).order_by("pk"))


def agree(rows: list[Message]) -> None:
    for task_id in {row.task_id for row in rows}:
        task, now = PushTask.objects.get(pk=task_id), Message.objects.filter(task_id=task_id)
        assert task.message_count == now.count()
        assert task.success_count == now.filter(status=statuses.ACKED).count()
        assert task.arrival_count == now.filter(arrived_at__isnull=False).count()
        final = now.exclude(status__in=statuses.PENDING)
        assert (task.last_outcome_at is not None) == final.exists()
        if final:
            assert task.last_outcome_at == max(row.updated_at for row in final)


STEPS = st.lists(
    st.one_of(
        st.lists(
            st.tuples(st.integers(0, MESSAGES - 1), st.sampled_from(STATUSES), st.sampled_from(CHANNELS)), max_size=6
        ).map(lambda batch: ("outcomes", batch)),
        st.lists(
            st.tuples(st.integers(0, MESSAGES - 1), st.sampled_from(["arrived", "opened", "ignored"])), max_size=6
        ).map(lambda batch: ("events", batch)),
    ),
    max_size=12,
)


def apply(workspace: Workspace, rows: list[Message], step: Any) -> None:
    kind, batch = step
    if kind == "outcomes":
        outcomes.record([Outcome(rows[index].pk, status, channel) for index, status, channel in batch])
    else:
        now = timezone.now()
        said = [(rows[index], event) for index, event in batch]
        take([DeviceEvent(workspace.pk, row.device_id or 0, row.pk, event, now) for row, event in said])


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_counters_agree_after_every_step(workspace: Workspace, lane: RecordingLane, steps: list[Any]) -> None:
    rows = two_tasks(workspace)
    for step in steps:
        apply(workspace, rows, step)
        agree(rows)


def test_the_counters_agree_when_all_comes_at_once(
    transactional_db: None, workspace: Workspace, lane: RecordingLane
) -> None:
    rows = two_tasks(workspace)
    everything = [(index, statuses.ACKED, CHANNELS[index % 3]) for index in range(MESSAGES)]
    arrived = [(index, "arrived") for index in range(MESSAGES)]

    def work(number: int) -> None:
        step = (1, -1)[number % 2]
        for part in range(4):
            apply(workspace, rows, ("outcomes", everything[part::4][::step]))
            apply(workspace, rows, ("events", arrived[::step]))

    at_once(4, work)
    agree(rows)
    assert [PushTask.objects.get(pk=pk).arrival_count for pk in sorted({row.task_id for row in rows})] == [5, 3]


def test_arrivals_that_a_vendor_reports_later_are_counted(workspace: Workspace, lane: RecordingLane) -> None:
    rows = two_tasks(workspace)
    outcomes.record([Outcome(rows[0].pk, statuses.ACKED, Channel.HUAWEI), Outcome(rows[1].pk, 2, Channel.FCM)])
    task = PushTask.objects.get(pk=rows[0].task_id)
    assert (task.success_count, task.arrival_count) == (2, 1)
    assert outcomes.record_arrivals([rows[0].pk, rows[1].pk, rows[0].pk]) == 1
    assert outcomes.record_arrivals([rows[0].pk]) == 0
    agree(rows)


def test_an_arrival_that_comes_before_the_outcome_counts_once(workspace: Workspace, lane: RecordingLane) -> None:
    rows = two_tasks(workspace)
    assert outcomes.record_arrivals([rows[0].pk]) == 1
    outcomes.record([Outcome(rows[0].pk, statuses.ACKED)])
    agree(rows)
    assert PushTask.objects.get(pk=rows[0].task_id).arrival_count == 1


def test_a_broadcasts_counters_are_those_of_its_devices(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    request = BroadcastPush(delivery_type=1, expired_seconds=600, template_name="hello", msgkey="b1")
    task = pushes.accept(workspace, request, **RPC)
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 3)]
    acknowledgements.record([BroadcastArrival(device.id, task.pk, (task.pk,)) for device in fleet])
    task.refresh_from_db()
    assert (task.message_count, task.success_count, task.arrival_count) == (3, 3, 3)
    assert task.broadcast.reached == 3


def test_a_late_report_about_a_broadcast_changes_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broadcast's row is kept a little longer than the partition of its reports."""
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    request = BroadcastPush(delivery_type=1, expired_seconds=600, template_name="hello", msgkey="b1")
    broadcast = pushes.accept(workspace, request, **RPC)
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    monkeypatch.setattr(intake, "EVENTS", replace(EVENTS, kept=lambda: timedelta(days=-2)))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {EVENTS.partition(ids.created_at(broadcast.pk))}")
    assert take([DeviceEvent(workspace.pk, device.id, broadcast.pk, "opened", timezone.now())]) == 0
