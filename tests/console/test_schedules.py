"""Schedules in the console: listed with their times, cancelled by operators after a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

from django.test import Client
from django.urls import reverse

from console.components.columns import moment_text
from console.models import AuditEntry
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Occurrence, Schedule, Workspace
from pushcore.schedules import firing, service
from tests.console.conftest import BY_TEST, Everything, a_push, a_schedule
from tests.pushcore.schedules.samples import each_day, make_due


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


def test_the_list_shows_the_next_run_the_last_run_with_its_task_and_the_state(
    member: Callable[[str], Client], workspace: Workspace
) -> None:
    workspace.time_zone = "Asia/Shanghai"
    workspace.save()
    strategy = each_day(3)
    service.create(workspace, replace(a_push({"ann": "k"}), task_name="Mornings"), strategy, **BY_TEST)
    listed, viewer = reverse("admin:pushcore_schedule_changelist"), member("viewer")
    first, second, *_ = Occurrence.objects.order_by("at")
    page = viewer.get(listed).text
    assert "Waits for its time, 0 of" in page
    assert moment_text(first.at, ZoneInfo("Asia/Shanghai")).split(" Asia")[0] in page
    make_due(first)
    firing.fire_due()
    first.refresh_from_db()
    page = viewer.get(listed).text
    assert "Under way, 1 of" in page
    assert moment_text(second.at, ZoneInfo("Asia/Shanghai")).split(" Asia")[0] in page
    assert reverse("admin:pushcore_pushtask_change", args=[first.task_id]) in page
    own = viewer.get(reverse("admin:pushcore_schedule_change", args=[first.schedule_id])).text
    assert reverse("admin:pushcore_pushtask_change", args=[first.task_id]) in own


def test_a_row_offers_to_cancel_only_what_waits_and_only_to_who_may(
    member: Callable[[str], Client], workspace: Workspace
) -> None:
    schedule, operator = a_schedule(workspace), member("operator")
    listed = reverse("admin:pushcore_schedule_changelist")
    cancel = f"{address(schedule)}?from=list"
    assert cancel not in member("viewer").get(listed).text
    assert cancel in operator.get(listed).text
    answer = operator.post(cancel)
    assert (answer.status_code, answer["Location"]) == (302, listed)
    assert cancel not in operator.get(listed).text
    entry = AuditEntry.objects.get(object_type="schedule", action="change")
    assert (entry.username, entry.object_id, entry.details) == ("a-operator", str(schedule.pk), {"what": "Cancelled."})


def test_a_failed_time_says_why_in_plain_words(member: Callable[[str], Client], workspace: Workspace) -> None:
    schedule = a_schedule(workspace)
    Occurrence.objects.update(status=Occurrence.Status.FAILED, fault=str(ResultError(ResultCode.TEMPLATE_NOT_EXIST)))
    page = member("viewer").get(reverse("admin:pushcore_schedule_change", args=[schedule.pk])).text
    assert "Template does not exist" in page
    assert "TEMPLATE_NOT_EXIST" not in page
