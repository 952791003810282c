"""The page of a push task: a report of what arrived, by which channel, and why the rest did not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics import task_queries
from analytics.intake import take
from console.components import task_report
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.models import Message, PushTask, Workspace
from pushcore.ports import DeviceEvent, Outcome
from pushcore.push import pushes
from tests.console.conftest import BY_TEST, Everything, a_push

TASKS = "/console/pushcore/pushtask/"


def page_of(browser: Client, task: PushTask) -> Any:
    answer = browser.get(reverse("admin:pushcore_pushtask_change", args=[task.pk]))
    assert answer.status_code == 200
    return answer


@pytest.fixture
def task(mine: Everything) -> PushTask:
    """A push of which FCM refused one message, one waits, and one has expired."""
    workspace = mine[Workspace]
    made = pushes.accept(workspace, a_push({f"user-{workspace.pk}": "=cmd", "nobody": "k2", "late": "k3"}), **BY_TEST)
    refused = Message.objects.get(task=made, msgkey="=cmd")
    outcomes.record([Outcome(refused.pk, 90000003, Channel.FCM)])
    Message.objects.filter(task=made, target="late").update(expire_at=timezone.now() - timedelta(seconds=1))
    return made


def test_the_report_says_why_messages_were_not_delivered_and_what_to_do(superuser: Client, task: PushTask) -> None:
    page = page_of(superuser, task)
    rows = {row.word: row for row in page.context["report"].undelivered}
    assert {word: (row.count, row.channel) for word, row in rows.items()} == {
        "Target is no longer registered": (1, "Google FCM"),
        "Waiting for the user's device": (1, "Self-built channel"),
        "Expired": (1, "Self-built channel"),
    }
    assert "compare the app's vendor settings" in rows["Target is no longer registered"].advice
    for row in rows.values():
        assert row.advice.replace("'", "&#x27;") in page.text
        assert row.code in page.text


def test_the_report_stands_before_anything_else_and_json_at_the_end(superuser: Client, task: PushTask) -> None:
    text = page_of(superuser, task).text
    places = [text.index(part) for part in ("Funnel", "By channel", "Why not", "console-json")]
    assert places == sorted(places)


def test_each_status_leads_to_its_messages(superuser: Client, task: PushTask) -> None:
    for row in page_of(superuser, task).context["report"].undelivered:
        address = urljoin(reverse("admin:pushcore_pushtask_change", args=[task.pk]), row.listed)
        assert superuser.get(address).context["cl"].result_count == row.count


def test_the_report_and_the_analysis_say_the_same_numbers(superuser: Client, task: PushTask) -> None:
    message = Message.objects.filter(task=task, device__isnull=False).first()
    assert message is not None
    take([DeviceEvent(message.workspace_id, int(message.device_id or 0), message.pk, "opened", timezone.now())])
    report = page_of(superuser, task).context["report"]
    by_channel = task_queries.by_channel(task)
    assert report.channels == by_channel
    assert [step.count for step in report.funnel] == [
        sum(getattr(entry.index, name) for entry in by_channel) for name in ("pushed", "succeeded", "arrived", "opened")
    ]
    assert (report.waiting, report.expired, report.failed) == (1, 1, 1)


def targets(browser: Client, task: PushTask, channel: int, status: int) -> list[str]:
    answer: Any = browser.get(f"{TASKS}{task.pk}/targets/", {"channel": channel, "status": status})
    return b"".join(answer.streaming_content).decode().splitlines()[1:]


def test_targets_of_a_status_are_downloaded_by_those_who_may_export(
    member: Callable[[str], Client], task: PushTask
) -> None:
    analyst, address = member("analyst"), f"{TASKS}{task.pk}/targets/"
    assert targets(analyst, task, 6, 90000003) == [f"user-{task.workspace_id},'=cmd"]
    assert targets(analyst, task, 0, statuses.EXPIRED) == ["late,k3"]
    assert targets(analyst, task, 0, statuses.NO_BIND_INFO) == ["nobody,k2"]
    assert analyst.get(address, {"channel": "x"}).status_code == 404
    assert "Download targets" in page_of(analyst, task).text
    viewer = member("viewer")
    assert viewer.get(address, {"channel": 6, "status": 90000003}).status_code == 403
    assert "Download targets" not in page_of(viewer, task).text


def test_a_download_of_targets_is_bounded(
    superuser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = pushes.accept(workspace, a_push({"a": "1", "b": "2", "c": "3"}), **BY_TEST)
    monkeypatch.setattr(task_queries, "EXPORTED_TARGETS", 2)
    assert targets(superuser, task, 0, statuses.NO_BIND_INFO) == ["a,1", "b,2"]
    assert "the first 2" in page_of(superuser, task).text


def test_a_task_too_large_to_break_down_shows_its_counters(
    superuser: Client, mine: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(task: PushTask) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1)")

    monkeypatch.setattr(task_report, "BREAKDOWN_TIMEOUT_MS", 20)
    monkeypatch.setattr(task_queries, "by_channel", slow)
    page = page_of(superuser, mine[PushTask])
    assert "too large to be broken down" in page.text
    assert [step.count for step in page.context["report"].funnel] == [1, 1, 1]
