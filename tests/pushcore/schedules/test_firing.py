"""Scheduled pushes are sent at their time, once each, and a failing one delays no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from pushcore.models import Message, Occurrence, PushTask, Schedule, Template, Workspace
from pushcore.push.requests import AnyPush, FilePush, as_json, from_json
from pushcore.schedules import firing, service
from tests.pushcore.conftest import RecordingLane
from tests.pushcore.schedules.samples import REQUESTS, RPC, SIMPLE, each_day, make_due, soon
from tests.support.threads import at_once


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_each_kind_of_push_is_sent_when_its_time_comes(
    workspace: Workspace, template: Template, lane: RecordingLane, request_: AnyPush
) -> None:
    assert from_json(request_.kind, as_json(request_)) == request_
    schedule = service.create(workspace, request_, soon(), **RPC)
    assert firing.fire_due() == 0
    assert not PushTask.objects.exists()
    occurrence = schedule.occurrences.get()
    make_due(occurrence)
    assert firing.fire_due() == 1
    occurrence.refresh_from_db()
    task = PushTask.objects.get()
    assert (occurrence.status, occurrence.task_id) == (Occurrence.Status.EXECUTED, task.pk)
    assert (task.kind, task.author, occurrence.pk) == (schedule.kind, "test", schedule.pk)
    assert firing.fire_due() == 0


def test_a_cyclic_push_reaches_the_same_targets_each_time(workspace: Workspace, lane: RecordingLane) -> None:
    schedule = service.create(workspace, SIMPLE, each_day(3), **RPC)
    occurrences = list(schedule.occurrences.order_by("at"))
    assert len(occurrences) == 4
    for count, occurrence in enumerate(occurrences, 1):
        make_due(occurrence)
        assert firing.fire_due() == 1
        assert Message.objects.filter(target="ann", msgkey="k1").count() == count


def test_a_scheduled_push_uses_the_template_as_it_is_when_sent(workspace: Workspace, template: Template) -> None:
    schedule = service.create(workspace, REQUESTS[1], soon(), **RPC)
    Template.objects.update(title="Good morning #name#")
    make_due(schedule.occurrences.get())
    firing.fire_due()
    assert PushTask.objects.get().title == "Good morning Ann"


@pytest.mark.usefixtures("transactional_db")
def test_two_beats_send_each_occurrence_once(workspace: Workspace, lane: RecordingLane) -> None:
    schedules = [
        service.create(workspace, replace(SIMPLE, target_msgkey={f"u{n}": f"k{n}"}), soon(), **RPC) for n in range(20)
    ]
    make_due(*(schedule.occurrences.get() for schedule in schedules))
    assert sum(at_once(4, lambda _: firing.fire_due())) == 20
    assert PushTask.objects.count() == 20


@pytest.mark.usefixtures("transactional_db")
def test_a_schedule_whose_worker_dies_is_sent_by_the_next(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = service.create(workspace, SIMPLE, soon(), **RPC)
    make_due(schedule.occurrences.get())
    with monkeypatch.context() as patched:
        patched.setattr(Occurrence, "save", lambda *_a, **_k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            firing.fire_due()
    assert not PushTask.objects.exists()
    assert firing.fire_due() == 1
    assert PushTask.objects.count() == 1


def test_a_schedule_far_past_its_time_is_missed_and_a_slightly_late_one_is_sent(workspace: Workspace) -> None:
    for late, status in ((599, Occurrence.Status.EXECUTED), (601, Occurrence.Status.MISSED)):
        schedule = service.create(workspace, replace(SIMPLE, target_msgkey={"u": str(late)}), soon(), **RPC)
        schedule.occurrences.update(at=timezone.now() - timedelta(seconds=late))
        firing.fire_due()
        assert schedule.occurrences.get().status == status


def test_a_failing_schedule_records_the_reason_and_delays_no_other(workspace: Workspace, template: Template) -> None:
    broken = service.create(workspace, REQUESTS[1], soon(), **RPC)
    good = service.create(workspace, replace(SIMPLE, target_msgkey={"bob": "k2"}), soon(), **RPC)
    Template.objects.update(body="now needs #more#", variables=["more"])
    for schedule in (broken, good):
        make_due(schedule.occurrences.get())
    assert firing.fire_due() == 1
    occurrence = broken.occurrences.get()
    assert (occurrence.status, "#more#" in occurrence.fault) == (Occurrence.Status.FAILED, True)


def test_an_internal_error_delays_no_other_schedule(workspace: Workspace) -> None:
    odd = service.create(workspace, SIMPLE, soon(), **RPC)
    Schedule.objects.update(request={})
    make_due(odd.occurrences.get())
    assert firing.fire_due() == 0
    assert odd.occurrences.get().status == Occurrence.Status.FAILED


def test_a_push_that_the_database_refuses_delays_no_other_schedule(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = firing._commit

    def commit(schedule: Schedule, request: AnyPush | FilePush) -> tuple[int, Callable[[], None]]:
        if schedule.name == "refused":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 'no number'::int")
        return accept(schedule, request)

    monkeypatch.setattr(firing, "_commit", commit)
    refused, other = (
        service.create(workspace, replace(SIMPLE, task_name=name, target_msgkey={name: "k"}), soon(), **RPC)
        for name in ("refused", "other")
    )
    make_due(refused.occurrences.get(), other.occurrences.get())
    assert firing.fire_due() == 1
    assert refused.occurrences.get().status == Occurrence.Status.FAILED
    assert other.occurrences.get().status == Occurrence.Status.EXECUTED


def test_a_disabled_workspace_sends_nothing(workspace: Workspace) -> None:
    schedule = service.create(workspace, SIMPLE, soon(), **RPC)
    Workspace.objects.update(enabled=False)
    make_due(schedule.occurrences.get())
    assert firing.fire_due() == 0
    assert not PushTask.objects.exists()
