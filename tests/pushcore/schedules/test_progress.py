"""The progress of schedules: the next time, the last one, and a state for what became of all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pushcore.models import Occurrence, Workspace
from pushcore.schedules import firing, service
from pushcore.schedules.progress import ScheduleProgress, State, progress_of
from tests.pushcore.schedules.samples import RPC, SIMPLE, each_day, make_due

PENDING, EXECUTED, CANCELLED, MISSED, FAILED = (status.value for status in Occurrence.Status)


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({PENDING: 3}, State.WAITING),
        ({PENDING: 2, EXECUTED: 1}, State.UNDER_WAY),
        ({PENDING: 2, FAILED: 1}, State.UNDER_WAY),
        ({EXECUTED: 3}, State.SENT),
        ({EXECUTED: 2, MISSED: 1}, State.PARTLY_SENT),
        ({FAILED: 1, MISSED: 1}, State.FAILED),
        ({MISSED: 2}, State.MISSED),
        ({EXECUTED: 1, CANCELLED: 2}, State.CANCELLED),
    ],
)
def test_a_schedule_has_one_state_for_all_its_times(counts: dict[int, int], state: State) -> None:
    assert ScheduleProgress(counts).state == state


def test_the_next_and_the_last_time_follow_what_is_sent(workspace: Workspace) -> None:
    schedule = service.create(workspace, SIMPLE, each_day(3), **RPC)
    first, second, *_ = Occurrence.objects.order_by("at")
    waits = progress_of([schedule.pk])[schedule.pk]
    assert (waits.next_at, waits.last, waits.sent) == (first.at, None, 0)
    make_due(first)
    assert firing.fire_due() == 1
    begun = progress_of([schedule.pk])[schedule.pk]
    assert begun.last is not None
    assert (begun.next_at, begun.last.pk, begun.sent) == (second.at, first.pk, 1)
    assert begun.last.task_id is not None
    service.cancel(workspace, [schedule.pk], parents=True)
    over = progress_of([schedule.pk])[schedule.pk]
    assert (over.next_at, over.waiting, over.state) == (None, 0, State.CANCELLED)


def test_many_schedules_take_as_many_queries_as_one(workspace: Workspace) -> None:
    made = [
        service.create(workspace, replace(SIMPLE, target_msgkey={"ann": f"k{n}"}), each_day(2), **RPC).pk
        for n in range(4)
    ]
    with CaptureQueriesContext(connection) as queries:
        assert set(progress_of(made)) == set(made)
    assert len(queries) == 2
