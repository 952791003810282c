"""Create a message: simple push."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from console.pages.create.explanations import EXPLANATIONS, explain
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Device, Message, Occurrence, PushTask, Schedule, Workspace
from tests.console.conftest import Everything

PAGE = "/console/create/simple/"
# What the APIs answer, and no operator reads.
CODED = re.compile(rf"\(code |\b({'|'.join(code.name for code in ResultCode if '_' in code.name)})\b")


def form(into: Workspace, **changes: str) -> dict[str, str]:
    return {
        "step": "send",
        "workspace": str(into.pk),
        "target_type": "user",
        "target": "alice",
        "msgkey": "console_1",
        "android_channel": "0",
        "silent": "0",
        "style": "0",
        "title": "Parcel",
        "body": "On its way",
        "action": "0",
        "url": "https://shop.example/1",
        "valid_seconds": "180",
        "sending-when": "now",
        "parameters-TOTAL_FORMS": "1",
        "parameters-INITIAL_FORMS": "0",
        "parameters-0-key": "",
        "parameters-0-value": "",
    } | changes


def test_a_push_becomes_a_task_and_its_message(member: Callable[[str], Client], mine: Everything) -> None:
    workspace, device = mine[Workspace], mine[Device]
    before = PushTask.objects.count()
    answer = member("operator").post(
        PAGE,
        form(
            workspace,
            target_type="device",
            platform="1",
            target=f" {device.ad_token[:10]} {device.ad_token[10:]}",
            style="2",
            icon_defaultUrl="https://shop.example/icon.png",
            image_iosUrl="https://shop.example/large.png",
            android_channel="1",
            **{"parameters-0-key": "orderId", "parameters-0-value": "42"},
        ),
        follow=True,
    )
    assert PushTask.objects.count() == before + 1
    task = PushTask.objects.latest("id")
    message = Message.objects.get(task=task)
    assert (message.target, message.msgkey, message.device_id, message.status) == (
        device.ad_token, "console_1", device.pk, 0,
    )  # fmt: skip
    assert (task.source, task.author, task.workspace) == ("console", "a-operator", workspace)
    assert task.content["params"] == {"orderId": "42"}
    assert task.content["icon"] == {"defaultUrl": "https://shop.example/icon.png"}
    assert task.content["image"] == {"iosUrl": "https://shop.example/large.png"}
    assert (task.content["style"], task.content["url"]) == (2, "https://shop.example/1")
    assert task.options["androidChannel"] == 1
    assert f"task {task.pk}" in answer.text
    assert answer.redirect_chain[-1][0] == f"/console/pushcore/pushtask/{task.pk}/change/"


def test_submitting_twice_pushes_once(superuser: Client, workspace: Workspace) -> None:
    first = superuser.post(PAGE, form(workspace))
    second = superuser.post(PAGE, form(workspace))
    assert first["Location"] == second["Location"]
    assert Message.objects.count() == 1


def test_each_form_has_a_customer_message_id_of_its_own(superuser: Client, workspace: Workspace) -> None:
    first, second = (superuser.get(PAGE).context["form"]["msgkey"].value() for _ in range(2))
    assert first != second
    assert 0 < len(first) <= 64


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"target": ""}, "target", "Enter a target ID."),
        ({"target": "x" * 257}, "target", "This target ID is too long."),
        ({"title": " "}, "title", "Enter a title."),
        ({"title": "x" * 201}, "title", "The title is too long: 200 characters at most."),
        ({"body": ""}, "body", "Enter a body."),
        ({"body": "x" * 201}, "body", "The body is too long: 200 characters at most."),
        ({"msgkey": "x" * 65}, "msgkey", "Ensure this value has at most 64 characters (it has 65)."),
        ({"task_name": "x" * 201}, "task_name", "The name is too long: 200 characters at most."),
        ({"valid_seconds": "0"}, "valid_seconds", "Enter for how many seconds the message is valid: 1 or more."),
        ({"valid_seconds": "999999999"}, "valid_seconds", "A message is valid for 604,800 seconds at most."),
        ({"url": "x" * 2049}, "url", "The URL is too long: 2,048 characters at most."),
    ],
)
@pytest.mark.parametrize("step", ["review", "send"])
def test_a_refusal_stands_at_its_field_in_plain_words(
    superuser: Client, workspace: Workspace, settings: Any, changes: dict[str, str], field: str, says: str, step: str
) -> None:
    settings.MAX_EXPIRED_SECONDS = 604_800
    answer = superuser.post(PAGE, form(workspace, step=step, **changes))
    assert answer.context["form"].errors == {field: [says]}
    assert not CODED.search(answer.text)
    assert not PushTask.objects.exists()


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("taskId", "The service uses this key itself. Choose another."),
        ("badge", "The value of badge is a number."),
        ("badge_add_num", "badge_add_num needs badge_class beside it."),
    ],
)
def test_a_refused_parameter_says_so_in_its_row(superuser: Client, workspace: Workspace, key: str, says: str) -> None:
    value = "1" if key != "badge" else "many"
    rows = {"parameters-TOTAL_FORMS": "2", "parameters-0-key": "orderId", "parameters-0-value": "42"}
    answer = superuser.post(PAGE, form(workspace, **rows, **{"parameters-1-key": key, "parameters-1-value": value}))
    assert answer.context["parameters"].errors == [{}, {"key": [says]}]
    assert not CODED.search(answer.text)


def test_an_id_that_was_used_for_another_message_says_so(superuser: Client, workspace: Workspace) -> None:
    superuser.post(PAGE, form(workspace))
    answer = superuser.post(PAGE, form(workspace, title="Another"))
    assert "Enter another ID." in answer.context["form"].errors["msgkey"][0]
    assert not CODED.search(answer.text)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_limits_are_grouped_by_thousands_in_every_language(language: str, settings: Any) -> None:
    settings.MAX_EXPIRED_SECONDS = 604_800
    with override(language):
        assert "604,800" in str(explain(ResultError(ResultCode.EXPIREDTIME_TOO_LONG)).sentence)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_no_explanation_names_a_code(language: str) -> None:
    with override(language):
        for (result, parameter), explanation in EXPLANATIONS.items():
            told = explain(ResultError(result, "a detail", parameter=parameter))
            assert told.field == explanation.field
            assert not CODED.search(str(told.sentence))
            assert "{" not in str(told.sentence)
            assert (language == "en") == str(told.sentence).isascii()
        assert "a detail" in str(explain(ResultError(ResultCode.SYSTEM_ERROR, "a detail")).sentence)


def test_a_named_push_is_found_by_its_name(superuser: Client, workspace: Workspace) -> None:
    superuser.post(PAGE, form(workspace, task_name="Singles' Day"))
    task = PushTask.objects.get()
    assert task.name == "Singles' Day"
    assert f"/pushtask/{task.pk}/" in superuser.get("/console/pushcore/pushtask/", {"q": "Singles' Day"}).text


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_seconds": "soon"}, {"workspace": "0"}, {"workspace": "x"}, {"target_type": "planet"}, {"style": "9"},
        {"target": "a\0b"}, {"parameters-TOTAL_FORMS": "x"}, {"parameters-TOTAL_FORMS": "9999"},
        {"parameters-0-value": "without a key"}, {"style": "2", "icon_defaultUrl": "no address"}, {"platform": "5"},
    ],
)  # fmt: skip
def test_nonsense_is_refused_and_never_an_error(
    superuser: Client, workspace: Workspace, changes: dict[str, str]
) -> None:
    answer = superuser.post(PAGE, form(workspace, **changes))
    assert answer.status_code in (200, 302)
    if "parameters-TOTAL_FORMS" not in changes:
        assert answer.status_code == 200
        assert not PushTask.objects.exists()


def test_more_than_twenty_parameters_are_refused(superuser: Client, workspace: Workspace) -> None:
    rows = {f"parameters-{n}-key": f"key{n}" for n in range(21)} | {"parameters-TOTAL_FORMS": "21"}
    answer = superuser.post(PAGE, form(workspace, **rows))
    assert list(answer.context["parameters"].non_form_errors()) == ["There are more than 20 parameters."]


def test_nobody_pushes_into_another_apps_workspace(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    before = PushTask.objects.count()
    browser = member("operator")
    assert "strange" not in browser.get(PAGE).text
    assert browser.post(PAGE, form(theirs[Workspace])).status_code == 200
    assert PushTask.objects.count() == before


def test_a_disabled_workspace_is_not_pushed_into(superuser: Client, workspace: Workspace) -> None:
    Workspace.objects.update(enabled=False)
    assert superuser.post(PAGE, form(workspace)).status_code == 200
    assert not PushTask.objects.exists()


def test_a_push_from_another_site_is_refused(superuser: Client, workspace: Workspace) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = superuser.cookies
    assert browser.post(PAGE, form(workspace)).status_code == 403
    assert not PushTask.objects.exists()


def test_nothing_is_pushed_before_somebody_says_yes(superuser: Client, mine: Everything) -> None:
    workspace, device = mine[Workspace], mine[Device]
    before = PushTask.objects.count()
    values = form(workspace, step="review", target_type="device", platform="1", target=device.ad_token, body="a\r\nb")
    asked = superuser.post(PAGE, values)
    assert asked.context["reach"].number == "1"
    assert PushTask.objects.count() == before
    hidden = dict(asked.context["hidden"])
    assert hidden == {name: value for name, value in values.items() if name not in ("step", "workspace")}
    hidden["workspace"] = str(workspace.pk)
    again = superuser.post(PAGE, hidden | {"step": "edit"})
    assert again.context["form"]["title"].value() == "Parcel"
    assert PushTask.objects.count() == before
    superuser.post(PAGE, hidden | {"step": "send"})
    assert PushTask.objects.latest("id").content["content"] == "a\nb"


def test_a_push_that_reaches_nobody_yet_says_so(superuser: Client, workspace: Workspace) -> None:
    asked = superuser.post(PAGE, form(workspace, step="review"))
    assert "No device is bound to this user now" in asked.text


def test_the_preview_shows_what_the_devices_get(superuser: Client, workspace: Workspace) -> None:
    values = form(workspace, **{"parameters-0-key": "badge", "parameters-0-value": "3"})
    made = superuser.post(PAGE + "preview/", values).json()
    assert (made["title"], made["body"], made["silent"]) == ("Parcel", "On its way", False)
    android, ios = json.loads(made["android"]), json.loads(made["ios"])
    assert android["bData"]["params"] == {"badge": "3"}
    assert android["bData"]["url"] == "https://shop.example/1"
    assert ios["aps"]["alert"] == {"title": "Parcel", "body": "On its way"}
    assert ios["aps"]["badge"] == 3


def test_a_form_hardly_begun_has_a_preview(superuser: Client, workspace: Workspace) -> None:
    answer = superuser.post(PAGE + "preview/", {"workspace": workspace.pk, "title": "x" * 5000})
    assert answer.status_code == 200
    assert answer.json()["title"] == "x" * 5000


def test_a_timed_push_becomes_a_schedule(superuser: Client, workspace: Workspace) -> None:
    Workspace.objects.update(time_zone="Asia/Shanghai")
    day = timezone.localdate() + timedelta(days=3)
    values = form(workspace, **{"sending-when": "timed", "sending-at": f"{day}T09:30"})
    asked = superuser.post(PAGE, values | {"step": "review"})
    assert "09:30" in asked.text
    assert "Asia/Shanghai" in asked.text
    answer = superuser.post(PAGE, values)
    schedule = Schedule.objects.get()
    assert answer["Location"] == f"/console/pushcore/schedule/{schedule.pk}/change/"
    at = Occurrence.objects.get(schedule=schedule).at.astimezone(ZoneInfo("Asia/Shanghai"))
    assert (at.date(), at.hour, at.minute) == (day, 9, 30)
    assert not PushTask.objects.exists()


def test_a_cyclic_push_has_an_occurrence_for_each_of_its_days(superuser: Client, workspace: Workspace) -> None:
    first = timezone.localdate() + timedelta(days=1)
    values = form(workspace) | {
        "sending-when": "cyclic",
        "sending-first_day": str(first),
        "sending-last_day": str(first + timedelta(days=13)),
        "sending-circle": "2",
        "sending-weekdays": ["1", "5"],
        "sending-time_of_day": "08:00",
    }
    superuser.post(PAGE, values)
    found = [occurrence.at.isoweekday() for occurrence in Occurrence.objects.order_by("at")]
    assert sorted(found) == [1, 1, 5, 5]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sending-when": "timed"}, "This field is required."),
        ({"sending-when": "timed", "sending-at": "2020-01-01T00:00"}, "Choose a time that is still to come"),
        ({"sending-when": "timed", "sending-at": "2100-01-01T00:00"}, "366 days ahead at most"),
        ({"sending-when": "timed", "sending-at": "soon"}, "Enter a valid date/time."),
        ({"sending-when": "cyclic"}, "This field is required."),
        ({"sending-when": "cyclic", "sending-first_day": "2020-01-01", "sending-last_day": "2020-02-01",
          "sending-time_of_day": "08:00"}, "No time of sending is left by then"),
        ({"sending-when": "cyclic", "sending-first_day": "2020-02-01", "sending-last_day": "2020-01-01",
          "sending-time_of_day": "08:00"}, "Choose a day after the first one."),
        ({"sending-when": "cyclic", "sending-first_day": "2020-01-01", "sending-last_day": "2020-02-01",
          "sending-time_of_day": "08:00", "sending-circle": "2"}, "Choose at least one day."),
        ({"sending-when": "cyclic", "sending-first_day": "2020-01-01", "sending-last_day": "2020-02-01",
          "sending-time_of_day": "08:00", "sending-circle": "3", "sending-monthdays": "32"}, "from 1 to 31"),
        ({"sending-when": "cyclic", "sending-first_day": "2020-01-01", "sending-last_day": "2020-02-01",
          "sending-time_of_day": "08:00", "sending-circle": "3", "sending-monthdays": "first"}, "separated by commas"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", ["review", "send"])
def test_a_time_that_cannot_be_is_refused(
    superuser: Client, workspace: Workspace, changes: dict[str, str], says: str, step: str
) -> None:
    answer = superuser.post(PAGE, form(workspace, step=step, **changes))
    assert answer.status_code == 200
    assert says in answer.text
    assert not CODED.search(answer.text)
    assert not Schedule.objects.exists()
    assert not PushTask.objects.exists()


def test_with_several_workspaces_one_is_chosen_first(superuser: Client, mine: Everything, theirs: Everything) -> None:
    page = superuser.get(PAGE)
    assert page.context["form"] is None
    page = superuser.get(PAGE, {"workspace": mine[Workspace].pk})
    assert page.context["form"].workspace == mine[Workspace]
