"""The calendar of schedules: a month in the workspace's zone, other months, and a day in full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from pushcore.models import Occurrence, Schedule, Workspace
from pushcore.schedules import calendar, service
from pushcore.schedules.times import Timed
from pushcore.storage import clock
from tests.console.conftest import BY_TEST, Everything, a_push

CALENDAR = reverse("admin:schedule_calendar")
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def next_month(workspace: Workspace) -> date:
    workspace.time_zone = ZONE.key
    workspace.save()
    return calendar.next_month(clock.now().astimezone(ZONE).date())


def scheduled(workspace: Workspace, day: date, hour: int, name: str) -> Schedule:
    at = datetime(day.year, day.month, day.day, hour, 30, tzinfo=ZONE)
    return service.create(workspace, replace(a_push({"ann": name}), task_name=name), Timed(at), **BY_TEST)


def test_a_month_shows_what_is_sent_when_in_the_workspaces_zone(
    member: Callable[[str], Client], workspace: Workspace, next_month: date
) -> None:
    schedule = scheduled(workspace, next_month, 7, "Mornings")
    viewer = member("viewer")
    assert "Mornings" not in viewer.get(CALENDAR).text
    page = viewer.get(CALENDAR, {"month": f"{next_month:%Y-%m}"})
    [day] = [one for week in page.context["weeks"] for one in week if one.entries]
    assert (day.day, f"{day.entries[0].at:%H:%M}") == (next_month, "07:30")
    assert reverse("admin:pushcore_schedule_change", args=[schedule.pk]) in page.text
    assert "Asia/Shanghai" in page.text


def test_a_day_with_more_leads_to_all_of_it(
    member: Callable[[str], Client], workspace: Workspace, next_month: date
) -> None:
    for hour in range(calendar.MAX_IN_MONTH + 1):
        scheduled(workspace, next_month, hour, f"Push {hour}")
    viewer = member("viewer")
    page = viewer.get(CALENDAR, {"month": f"{next_month:%Y-%m}"})
    [day] = [one for week in page.context["weeks"] for one in week if one.entries]
    assert (len(day.entries), day.more) == (calendar.MAX_IN_MONTH, 1)
    assert f"Push {calendar.MAX_IN_MONTH}" not in page.text
    assert f"Push {calendar.MAX_IN_MONTH}" in viewer.get(day.address).text


@pytest.mark.parametrize("query", [{"month": "9999-12"}, {"month": "0001-01"}, {"month": "x"}, {"day": "2026-02-30"}])
def test_months_end_where_no_schedule_reaches(
    member: Callable[[str], Client], next_month: date, query: dict[str, str]
) -> None:
    page = member("viewer").get(CALENDAR, query)
    assert page.status_code == 200
    distance = abs(page.context["month"] - next_month)
    assert distance <= timedelta(days=31 * (calendar.MAX_MONTHS + 1))
    assert page.context["before"] or page.context["after"]


def test_strangers_schedules_are_in_no_calendar(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    stranger: Workspace = theirs[Workspace]
    viewer = member("viewer")
    assert viewer.get(CALENDAR, {"workspace": stranger.pk}).status_code == 404
    month = Occurrence.objects.filter(workspace=mine[Workspace]).get().at.astimezone(ZoneInfo("UTC"))
    shown = viewer.get(CALENDAR, {"month": f"{month:%Y-%m}"}).text
    assert str(mine[Schedule].pk) in shown
    assert str(theirs[Schedule].pk) not in shown


def test_a_month_takes_one_query_for_its_pushes(
    member: Callable[[str], Client], workspace: Workspace, next_month: date, django_assert_max_num_queries: Callable
) -> None:
    for hour in range(3):
        scheduled(workspace, next_month + timedelta(days=hour), hour, f"Push {hour}")
    viewer = member("viewer")
    with django_assert_max_num_queries(12):
        viewer.get(CALENDAR, {"month": f"{next_month:%Y-%m}"})
