"""The simple push page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from pushcore.models import Device, Message, PushTask, Workspace
from tests.console.conftest import Everything

PAGE = "/console/simple-push/"


def form(into: Workspace, **changes: str) -> dict[str, str]:
    return {
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
            icon_url="https://shop.example/icon.png",
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
    assert (task.content["style"], task.content["url"]) == (2, "https://shop.example/1")
    assert task.options["androidChannel"] == 1
    assert f"task {task.pk}" in answer.text
    assert [row.pk for row in answer.context["cl"].result_list] == [message.pk]


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
    ("changes", "code"),
    [
        ({"target": ""}, "3021"),
        ({"title": " "}, "3024"),
        ({"body": ""}, "3024"),
        ({"body": "x" * 201}, "3043"),
        ({"title": "x" * 201}, "3028"),
        ({"msgkey": "x" * 65}, "3028"),
        ({"valid_seconds": "0"}, "3020"),
        ({"valid_seconds": "999999999"}, "3026"),
        ({"parameters-0-key": "taskId", "parameters-0-value": "1"}, "3044"),
        ({"parameters-0-key": "badge_add_num", "parameters-0-value": "1"}, "3059"),
        ({"url": "x" * 2049}, "3028"),
    ],
)
def test_what_the_service_refuses_is_said_with_its_code(
    superuser: Client, workspace: Workspace, changes: dict[str, str], code: str
) -> None:
    answer = superuser.post(PAGE, form(workspace, **changes))
    assert answer.status_code == 200
    assert f"(code {code}, " in answer.text
    assert not PushTask.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_seconds": "soon"}, {"workspace": "0"}, {"workspace": "x"}, {"target_type": "planet"}, {"style": "9"},
        {"target": "a\0b"}, {"parameters-TOTAL_FORMS": "x"}, {"parameters-TOTAL_FORMS": "9999"},
        {"parameters-0-value": "without a key"}, {"icon_url": "no address"}, {"platform": "5"},
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
    assert "(code 3035, " in superuser.post(PAGE, form(workspace, **rows)).text


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
