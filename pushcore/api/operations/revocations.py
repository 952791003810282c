"""Revoking what was pushed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushcore.api.fields import Id, Text
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2020, Caller, Operation
from pushcore.api.operations.push_schema import EXAMPLE_TASK
from pushcore.api.schema import RequestSchema
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Workspace
from pushcore.push.recipients import check_msgkey
from pushcore.revocation import revocations


class RevokePushMessageSchema(RequestSchema):
    """Revoke a message."""

    messageId = Text(help_text="The caller's own ID of the message (msgkey).")
    targetId = Text(help_text="The target it was pushed to.")


class RevokePushTaskSchema(RequestSchema):
    """Revoke all messages of a push."""

    taskId = Id(help_text="ID of the push task.")


def revoke_message(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    """Revoke the messages of one msgkey to one target."""
    if not values["targetId"].strip():
        raise ResultError(ResultCode.TOKEN_OR_USERID_NULL)
    check_msgkey(values["messageId"])
    revocations.revoke_message(workspace, values["messageId"], values["targetId"])
    return "success"


def revoke_task(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    """Revoke all messages of a push."""
    revocations.revoke_task(workspace, values["taskId"])
    return "success"


OPERATIONS = (
    Operation(
        "RevokePushMessage",
        "revoke/message",
        "Revoke a message",
        RevokePushMessageSchema,
        revoke_message,
        {V2020: (*SCOPE, "messageId", "targetId")},
        example=(EXAMPLE_SCOPE | {"messageId": "1578807462788", "targetId": "user1024"}, "success"),
    ),
    Operation(
        "RevokePushTask",
        "revoke/task",
        "Revoke all messages of a push",
        RevokePushTaskSchema,
        revoke_task,
        {V2020: (*SCOPE, "taskId")},
        example=(EXAMPLE_SCOPE | {"taskId": EXAMPLE_TASK}, "success"),
    ),
)
