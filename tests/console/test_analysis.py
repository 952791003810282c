"""The usage analysis page: page, chart, details and export agree, and everybody sees his own apps alone."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics import export_jobs
from analytics.models import Export, MinuteRollup, QuarterRollup
from console.models import AuditEntry
from console.pages import analysis_export
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.models import Message, PushTask, Workspace
from pushcore.ports import Outcome
from pushcore.push import pushes
from pushcore.push.requests import SimplePush
from tests.analytics.test_export import sheets
from tests.console.conftest import Everything

PAGE = "/console/analysis/"
TODAY = timezone.now().date().isoformat()


def test_page_chart_details_and_export_agree(superuser: Client, mine: Everything) -> None:
    asked = {"workspace": mine[Workspace].pk, "first": TODAY, "last": TODAY}
    page = superuser.get(PAGE, asked | {"step": "day"})
    shown = {total.title: total.value for total in page.context["totals"]}
    assert shown == {"Pushed": "1", "Arrived": "1", "Opened": "0", "Ignored": "0"}
    assert [index.pushed for _, index in page.context["rows"]] == [1]
    quantity = {series["label"]: sum(series["data"]) for series in page.context["chart"]["quantity"]}
    assert quantity == {"Pushed": 1, "Arrived": 1, "Opened": 0, "Ignored": 0}
    file = superuser.post(f"{PAGE}export/", asked | {"form": "xlsx"})
    assert dict(sheets(file.content)["Summary"])["Pushed"] == 1
    for step in ("hour", "minute"):
        narrow = superuser.get(PAGE, asked | {"step": step})
        assert sum(index.pushed for _, index in narrow.context["rows"]) == 1


def test_messages_are_listed_by_status_with_what_to_do(superuser: Client, mine: Everything) -> None:
    asked = {"workspace": mine[Workspace].pk, "first": TODAY, "last": TODAY}
    before = superuser.get(PAGE, asked).context["statuses"]
    request = SimplePush(
        delivery_type=3, expired_seconds=600, title="T", content="C", target_msgkey={"nobody": "k1", "no-one": "k2"}
    )
    task = pushes.accept(mine[Workspace], request, source=PushTask.Source.CONSOLE, author="test")
    outcomes.record([Outcome(message.pk, statuses.EXPIRED) for message in Message.objects.filter(task=task)[:1]])
    page = superuser.get(PAGE, asked | {"kind": "simple"})
    rows = {row.word: row for row in page.context["statuses"]}
    assert [rows[word].count for word in ("Expired", "Waiting for the user's device")] == [1, 1]
    assert rows["Expired"].channel == "Self-built channel"
    assert rows["Expired"].share == f"{100 / (2 + sum(row.count for row in before)):.2f}%"
    assert "longer validity" in rows["Expired"].advice
    assert rows["Expired"].advice in html.unescape(page.text)
    assert superuser.get(rows["Expired"].listed).context["cl"].result_count == 1
    assert "Of all platforms and versions" not in page.text
    assert "Of all platforms and versions" in superuser.get(PAGE, asked | {"platform": "1"}).text
    sheet = sheets(superuser.post(f"{PAGE}export/", asked | {"form": "xlsx"}).content)["Statuses"]
    assert ["-3 Expired", "ANDROID", 1] in [row[:3] for row in sheet]


def test_hours_and_minutes_are_offered_for_a_single_day_only_and_end_now(superuser: Client, mine: Everything) -> None:
    asked = {"workspace": mine[Workspace].pk, "first": "2026-03-02", "last": "2026-03-03"}
    page = superuser.get(PAGE, asked)
    assert [value for value, _ in page.context["form"].fields["step"].choices] == ["day"]
    page = superuser.get(PAGE, asked | {"last": "2026-03-02"})
    assert [value for value, _ in page.context["form"].fields["step"].choices] == ["day", "hour", "minute"]
    assert len(page.context["rows"]) == 24
    Workspace.objects.update(time_zone="UTC")
    tomorrow = (timezone.now().date() + timedelta(days=1)).isoformat()
    begun = superuser.get(PAGE, asked | {"first": TODAY, "last": TODAY, "step": "hour"})
    assert begun.context["rows"][-1][0] <= timezone.now().strftime("%H:00")
    days = superuser.get(PAGE, asked | {"first": TODAY, "last": tomorrow})
    assert [label for label, _ in days.context["rows"]] == [TODAY]
    nothing_yet = superuser.get(PAGE, asked | {"first": tomorrow, "last": tomorrow})
    assert nothing_yet.context["rows"] == []


def test_there_is_no_rate_of_nothing(superuser: Client, mine: Everything) -> None:
    asked = {"workspace": mine[Workspace].pk, "first": "2026-03-02", "last": "2026-03-03"}
    page = superuser.get(PAGE, asked)
    assert [total.rate for total in page.context["totals"]] == ["", "-", "-", "-"]
    assert [series["data"] for series in page.context["chart"]["rate"]] == [[None, None]] * 3
    assert "0.0%" not in page.content.decode()
    book = sheets(superuser.post(f"{PAGE}export/", asked | {"form": "xlsx"}).content)
    assert dict(book["Summary"])["Arrival rate"] == ""


def test_only_what_occurs_is_offered(superuser: Client, mine: Everything) -> None:
    form = superuser.get(PAGE, {"workspace": mine[Workspace].pk}).context["form"]
    assert [label for _, label in form.fields["channel"].choices] == ["All push channels", "MPS self-built channel"]
    assert [label for _, label in form.fields["kind"].choices] == ["All push types", "SIMPLE"]
    nowhere = {"workspace": mine[Workspace].pk, "first": "2020-01-01", "last": "2020-01-02"}
    form = superuser.get(PAGE, nowhere).context["form"]
    assert len(form.fields["channel"].choices) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"first": "2026-03-02", "last": "2026-03-01"}, {"first": "2026-01-01", "last": "2026-06-01"},
        {"first": "9999-12-30", "last": "9999-12-31"}, {"first": "0001-01-01", "last": "0001-01-02"},
        {"first": "2200-01-01", "last": "2200-01-01", "step": "minute"},
        {"first": "soon"}, {"last": ""}, {"first": "2026-03-01", "last": "2026-03-02", "step": "hour"},
        {"channel": "99"}, {"step": "year"}, {"platform": "x"}, {"version": "v9"}, {"kind": "\0"},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said_at_its_field(superuser: Client, mine: Everything, asked: dict[str, str]) -> None:
    page = superuser.get(PAGE, {"workspace": mine[Workspace].pk} | asked)
    assert page.status_code == 200
    assert page.context["form"].errors
    assert "totals" not in page.context
    answer = superuser.post(f"{PAGE}export/", {"workspace": mine[Workspace].pk} | asked)
    assert answer.status_code == 400


def test_a_time_that_comes_twice_is_shown_with_its_offset(superuser: Client, mine: Everything) -> None:
    Workspace.objects.update(time_zone="Europe/Berlin")
    asked = {"workspace": mine[Workspace].pk, "first": "2026-10-25", "last": "2026-10-25", "step": "hour"}
    labels = [label for label, _ in superuser.get(PAGE, asked).context["rows"]]
    assert len(labels) == len(set(labels)) == 25
    assert labels[1:5] == ["01:00", "02:00 (UTC+02:00)", "02:00 (UTC+01:00)", "03:00"]


def test_ninety_days_are_allowed_and_one_more_is_not(superuser: Client, mine: Everything) -> None:
    last = timezone.now().date()
    for days, valid in ((89, True), (90, False)):
        asked = {"workspace": mine[Workspace].pk, "first": str(last - timedelta(days=days)), "last": str(last)}
        assert ("totals" in superuser.get(PAGE, asked).context) == valid


def test_the_time_before_is_compared(superuser: Client, mine: Everything) -> None:
    start = (timezone.now() - timedelta(days=1)).replace(hour=3, minute=0, second=0, microsecond=0)
    for model in (MinuteRollup, QuarterRollup):
        model.objects.create(
            workspace_id=mine[Workspace].pk, start=start, platform=1, channel=0, kind="simple", pushed=4
        )
    asked = {"workspace": mine[Workspace].pk, "first": TODAY, "last": TODAY, "compare": "on", "step": "day"}
    page = superuser.get(PAGE, asked)
    assert page.context["totals"][0].change == "-75.0%"
    assert page.context["chart"]["before"][0]["data"] == [4]


def test_anothers_workspace_does_not_exist(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("analyst")
    assert browser.get(PAGE, {"workspace": theirs[Workspace].pk}).status_code == 404
    assert browser.post(f"{PAGE}export/", {"workspace": theirs[Workspace].pk}).status_code == 404
    assert "strange" not in browser.get(PAGE).text


def test_a_viewer_looks_and_exports_nothing(member: Callable[[str], Client], mine: Everything) -> None:
    browser = member("viewer")
    assert browser.get(PAGE).status_code == 200
    assert browser.post(f"{PAGE}export/", {"workspace": mine[Workspace].pk}).status_code == 403


def test_a_file_that_failed_is_said_in_an_operators_words(member: Callable[[str], Client], mine: Everything) -> None:
    browser, workspace = member("analyst"), mine[Workspace]
    made = Export.objects.create(
        workspace=workspace, author="a-analyst", file_format="csv", parameters={}, rows=1, fault="ZeroDivisionError",
        created_at=timezone.now(), finished_at=timezone.now(),
    )  # fmt: skip
    told = browser.get(reverse("admin:export_state", args=[made.pk])).json()
    assert (told["fault"], told["file"]) == ("The file could not be written. Ask for it again.", "")
    assert "ZeroDivisionError" not in browser.get(PAGE, {"workspace": workspace.pk}).text


def test_a_long_file_is_made_in_the_background_for_who_asked(
    member: Callable[[str], Client], superuser: Client, mine: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis_export, "MAX_IMMEDIATE_ROWS", 3)
    browser = member("analyst")
    answer = browser.post(f"{PAGE}export/", {"workspace": mine[Workspace].pk, "form": "xlsx"})
    assert answer.status_code == 202
    state = answer.json()["state"]
    assert browser.get(state).json() == {"done": 0, "rows": 7, "fault": "", "file": ""}
    made = Export.objects.get()
    assert browser.get(f"{state}file/").status_code == 404
    export_jobs.make(made.pk)
    told: dict[str, Any] = browser.get(state).json()
    file = b"".join(browser.get(told["file"]).streaming_content)  # type: ignore[attr-defined]
    assert dict(sheets(file)["Summary"])["Pushed"] == 1
    assert superuser.get(state).status_code == 404
    assert superuser.get(told["file"]).status_code == 404
    assert AuditEntry.objects.filter(action="export", username="a-analyst").count() == 1
