"""Revoking through both APIs."""

from __future__ import annotations

from typing import Any

import pytest

from pushcore.models import Message, PushTask
from tests.pushcore.api.callers import Rest, Rpc2020

SCOPE = {"AppId": "ONEX570DA89211721", "WorkspaceId": "test"}


def test_a_message_and_a_task_are_revoked_by_the_package(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    task = rpc2020.call("PushSimple", form | {"TargetMsgkey": '{"ann": "k1", "bob": "k2"}'}).json()["PushResult"][
        "Data"
    ]
    answer = rpc2020.call("RevokePushMessage", SCOPE | {"MessageId": "k1", "TargetId": "ann"}).json()
    assert (answer["ResultCode"], answer["PushResult"]["Success"]) == ("OK", True)
    assert dict(Message.objects.values_list("target", "status")) == {"ann": -2, "bob": 1}
    assert rpc2020.call("RevokePushTask", SCOPE | {"TaskId": task}).json()["ResultCode"] == "OK"
    assert dict(Message.objects.values_list("target", "status")) == {"ann": -2, "bob": -2}


def test_the_rest_api_revokes_too(rest: Rest, body: dict[str, Any]) -> None:
    scope = {"appId": body["appId"], "workspaceId": body["workspaceId"]}
    task = rest.call("push/simple", body)["data"]
    assert rest.call("revoke/message", scope | {"messageId": "k1", "targetId": "ann"})["code"] == "100"
    assert rest.call("revoke/task", scope | {"taskId": task})["code"] == "100"
    assert PushTask.objects.get(pk=task).revoked_at is not None


@pytest.mark.parametrize(
    ("path", "changes", "code"),
    [
        ("message", {"messageId": "k1", "targetId": " "}, "3021"),
        ("message", {"messageId": " ", "targetId": "ann"}, "3028"),
        ("message", {"messageId": "k1", "targetId": "ann"}, "3028"),
        ("message", {"messageId": "k" * 65, "targetId": "ann"}, "3028"),
        ("task", {"taskId": ""}, "3028"),
        ("task", {"taskId": "x"}, "3028"),
        ("task", {"taskId": "9" * 30}, "3028"),
        ("task", {"taskId": "1"}, "3028"),
    ],
)
def test_an_impossible_revocation_is_refused(
    rest: Rest, body: dict[str, Any], path: str, changes: dict[str, str], code: str
) -> None:
    scope = {"appId": body["appId"], "workspaceId": body["workspaceId"]}
    assert rest.call(f"revoke/{path}", scope | changes)["code"] == code
