"""Schedules in the console: listed with their times, cancelled by operators after a question."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from pushcore.models import Occurrence, Schedule, Workspace
from tests.console.conftest import Everything, a_schedule


def address(schedule: Schedule) -> str:
    return f"/console/pushcore/schedule/{schedule.pk}/cancel/"


def test_an_operator_cancels_a_schedule_by_posting_only(member: Callable[[str], Client], workspace: Workspace) -> None:
    schedule, operator = a_schedule(workspace), member("operator")
    assert str(schedule.pk) in operator.get(reverse("admin:pushcore_schedule_changelist")).text
    assert "Cancel this schedule?" in operator.get(address(schedule)).text
    assert Occurrence.objects.get().status == Occurrence.Status.PENDING
    assert "times of sending given up: 1." in operator.post(address(schedule), follow=True).text
    assert Occurrence.objects.get().status == Occurrence.Status.CANCELLED
    assert "Not cancelled" in operator.post(address(schedule), follow=True).text


def test_a_viewer_cancels_none_and_strangers_schedules_do_not_exist(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    assert member("viewer").post(address(mine[Schedule])).status_code == 403
    assert member("operator").post(address(theirs[Schedule])).status_code == 404
    assert not Occurrence.objects.exclude(status=Occurrence.Status.PENDING).exists()
