"""PushBroadcast through both APIs."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from django.utils import timezone

from pushcore.models import Broadcast, PushTask, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020


@pytest.fixture(autouse=True)
def template(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("news", "d", "News", "About #content#"))


@pytest.fixture
def form() -> dict[str, str]:
    return {
        "AppId": "ONEX570DA89211721", "WorkspaceId": "test", "TaskName": "task", "TemplateName": "news",
        "TemplateKeyValue": '{"content": "tea"}', "DeliveryType": "1", "Msgkey": "b1", "ExpiredSeconds": "600",
    }  # fmt: skip


def test_the_older_version_broadcasts(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    answer = rpc2019.call("PushBroadcast", form).json()
    assert answer["ResultCode"] == "100"
    task = PushTask.objects.get(pk=answer["PushResult"]["Data"])
    assert (task.kind, task.content["content"], task.broadcast.msgkey) == ("broadcast", "About tea", "b1")
    repeated = ElementTree.fromstring(rpc2019.call("PushBroadcast", form, Format="XML").content)
    assert repeated.findtext("PushResult/Data") == str(task.pk)


@pytest.mark.parametrize("name", ["TaskName", "TemplateName", "DeliveryType", "Msgkey", "ExpiredSeconds"])
def test_a_missing_parameter_is_named(rpc2019: Rpc2019, form: dict[str, str], name: str) -> None:
    del form[name]
    refused = rpc2019.call("PushBroadcast", form)
    assert (refused.status_code, refused.json()["Code"]) == (400, f"Missing{name}")


def test_the_newer_version_has_windows_of_binding(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    now = int(timezone.now().timestamp() * 1000)
    del form["TaskName"]
    form |= {
        "DeliveryType": "2", "PushStatus": "2", "UnBindStartTime": str(now - 1000), "UnBindEndTime": str(now),
        "TimeMode": "1",
    }  # fmt: skip
    answer = rpc2020.call("PushBroadcast", form).json()
    assert answer["ResultCode"] == "OK"
    row = Broadcast.objects.get()
    assert row.bound is None
    assert row.unbound is not None
    assert row.unbound[0] < row.unbound[1]


@pytest.mark.parametrize(
    ("changes", "code", "name"),
    [
        ({"deliveryType": 3}, "3030", "BROADCAST_ONLY_SUPPORT_BY_DEVICE"),
        ({"pushStatus": 1}, "3051", "BROADCAST_ALL_USER_NEED_UNBIND_PERIOD"),
        ({"pushStatus": 1, "unBindPeriod": 9}, "3052", "BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID"),
        ({"pushStatus": 1, "unBindPeriod": "x"}, "3052", "BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID"),
        (
            {"pushStatus": 1, "unBindPeriod": 1, "androidChannel": 1},
            "3053",
            "BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID",
        ),
        ({"androidChannel": 9}, "3057", "ANDROID_CHANNEL_PARAM_INVALID"),
        ({"bindStartTime": 1}, "3028", "INVALID_PARAM"),
        ({"bindStartTime": 2, "bindEndTime": 1}, "3028", "INVALID_PARAM"),
        ({"bindStartTime": -1, "bindEndTime": 1}, "3028", "INVALID_PARAM"),
    ],
)
def test_the_rest_api_answers_the_codes_of_broadcasts(
    rest: Rest, changes: dict[str, Any], code: str, name: str
) -> None:
    body = {
        "appId": "ONEX570DA89211721", "workspaceId": "test", "templateName": "news", "msgkey": "b1",
        "templateKeyValue": {"content": "tea"}, "deliveryType": 1, "expiredSeconds": 600,
    }  # fmt: skip
    answer = rest.call("push/broadcast", body | changes)
    assert (answer["code"], answer["name"]) == (code, name)
    assert not PushTask.objects.exists()
    assert rest.call("push/broadcast", body)["success"] is True
