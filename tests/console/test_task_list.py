"""The list of push tasks: what it shows by default, unfolds and finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from pushcore.models import PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from tests.console.conftest import BY_TEST, Everything, a_push

LIST = "/console/pushcore/pushtask/"


def page(browser: Client, **query: Any) -> Any:
    answer = browser.get(LIST, query)
    assert answer.status_code == 200
    return answer


def listed(browser: Client, **query: Any) -> list[int]:
    return [task.pk for task in page(browser, **query).context["cl"].result_list]


@pytest.fixture
def simple(workspace: Workspace) -> PushTask:
    return pushes.accept(workspace, a_push({"nobody": "k"}, task_name="Parcel 4711 on its way"), **BY_TEST)


@pytest.fixture
def broadcast(workspace: Workspace) -> PushTask:
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    request = BroadcastPush(
        delivery_type=1, expired_seconds=600, template_name="news", msgkey="b", task_name="Spring_Sale 100% off"
    )
    return pushes.accept(workspace, request, **BY_TEST)


def test_multiple_and_broadcast_pushes_alone_are_listed_by_default(
    superuser: Client, simple: PushTask, broadcast: PushTask
) -> None:
    assert listed(superuser) == [broadcast.pk]
    assert listed(superuser, kind="simple") == [simple.pk]
    assert listed(superuser, kind="multiple") == []
    assert listed(superuser, kind="all") == [broadcast.pk, simple.pk]
    assert listed(superuser, kind="nonsense") == [broadcast.pk]


def test_a_row_unfolds_to_its_details(superuser: Client, broadcast: PushTask) -> None:
    text = page(superuser).text
    for shown in ("Pushed messages", "Successfully pushed messages", "Arrivals", "Duration", "news", str(broadcast.pk)):
        assert shown in text
    assert text.count(f'data-live="{broadcast.pk}:success"') == 2


@pytest.mark.parametrize("term", ["spring_sale", "SALE", "100%", "Spring_Sale 100% off"])
def test_a_part_of_a_name_finds(superuser: Client, simple: PushTask, broadcast: PushTask, term: str) -> None:
    assert listed(superuser, q=term) == [broadcast.pk]


def test_a_search_finds_simple_pushes_where_no_other_is_meant(
    superuser: Client, simple: PushTask, broadcast: PushTask
) -> None:
    assert listed(superuser, q="parcel 47") == [simple.pk]
    assert listed(superuser, q=str(simple.pk)) == [simple.pk]
    assert listed(superuser, q="parcel 47", kind="bulk") == []
    assert listed(superuser, q="Spring%Sale") == []


def test_names_are_searched_among_the_newest_tasks(
    superuser: Client, broadcast: PushTask, simple: PushTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.admins.push_tasks.SEARCHED_TASKS", 1)
    assert listed(superuser, q="parcel") == [simple.pk]
    pushes.accept(simple.workspace, a_push({"nobody": "l"}), **BY_TEST)
    assert listed(superuser, q="parcel") == []


def test_a_pasted_start_finds_in_the_workspaces_zone(superuser: Client, broadcast: PushTask) -> None:
    Workspace.objects.update(time_zone="Asia/Shanghai")
    start = broadcast.created_at.astimezone(ZoneInfo("Asia/Shanghai"))
    for term in (
        f"{start:%Y-%m-%d}", f"{start:%Y-%m-%d %H:%M}", f"{start:%Y-%m-%d %H:%M:%S} Asia/Shanghai",
        f"{start:%Y/%m/%d %H:%M:%S}", f"{start:%Y年%m月%d日 %H:%M}", f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"{start:%b %d, %Y, %H:%M}", f"{start:%d %B %Y %H:%M:%S}", f"{int(start.timestamp())}",
    ):  # fmt: skip
        assert listed(superuser, q=term) == [broadcast.pk], term
    for term in (f"{start - timedelta(days=1):%Y-%m-%d}", "2020-02-01", "2020-02-31", "9999-12-31"):
        assert listed(superuser, q=term) == [], term


def test_a_range_of_days_narrows_the_list(superuser: Client, broadcast: PushTask) -> None:
    today = broadcast.created_at.date()
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)
    assert listed(superuser, created_from=today, created_until=today) == [broadcast.pk]
    assert listed(superuser, created_from=tomorrow) == []
    assert listed(superuser, created_until=yesterday) == []
    assert listed(superuser, created="today") == [broadcast.pk]
    assert listed(superuser, created="yesterday") == []
    for nonsense in ("x", "2026-02-31", "9999-12-31", "0001-01-01"):
        page(superuser, created_from=nonsense, created_until=nonsense)


def test_a_range_is_kept_by_other_chips_and_left_by_a_period(superuser: Client, mine: Everything) -> None:
    text = page(superuser, created_from="2026-01-01", kind="all").text
    assert 'href="?created_from=2026-01-01&amp;kind=simple"' in text
    assert 'href="?created=today&amp;kind=all"' in text


def test_midnight_of_a_range_is_the_workspaces(superuser: Client, broadcast: PushTask) -> None:
    Workspace.objects.update(time_zone="Pacific/Kiritimati")
    day = broadcast.created_at.astimezone(ZoneInfo("Pacific/Kiritimati")).date()
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Pacific/Kiritimati"))
    assert midnight <= broadcast.created_at < midnight + timedelta(days=1)
    assert listed(superuser, created_from=day, created_until=day) == [broadcast.pk]
    assert listed(superuser, workspace=broadcast.workspace_id, created_until=day - timedelta(days=1)) == []
