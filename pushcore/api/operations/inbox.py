"""Inboxes of users and devices, for backends with a message centre of their own. Our own actions (docs/inbox.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from pushcore.api.fields import Number, Text, TextList
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.schema import RequestSchema
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.server_requests import find_device
from pushcore.devices.state import TargetType
from pushcore.devices.target_names import clean_user_id
from pushcore.inbox import pages, requests
from pushcore.inbox.owners import InboxOwner
from pushcore.models import Workspace


class _InboxSchema(RequestSchema):
    """Name whose inbox."""

    codes = {
        "target": ResultCode.TOKEN_OR_USERID_NULL,
        "targetType": ResultCode.DELIVERY_TYPE_NOT_SUPPORTED,
    }

    target = Text(help_text="User ID, Ad-token or APNs token.")
    targetType = Number(help_text="What the target is: 1 device of any platform (its own messages), 2 user.")


class PushQueryInboxSchema(_InboxSchema):
    """Read a page of an inbox."""

    before = Text(help_text="The cursor `next` of the page before; without it the newest.", required=False, default="")
    limit = Number(help_text="Messages a page: 0 to 50, by default 20.", required=False, default=pages.DEFAULT_LIMIT)


class PushUpdateInboxSchema(_InboxSchema):
    """Mark messages of an inbox as read, delete them."""

    readIds = TextList(help_text="IDs (k) of messages to mark as read, at most 100.", required=False)
    readAll = serializers.BooleanField(help_text="true: all are read.", required=False, default=False)
    deleteIds = TextList(help_text="IDs (k) of messages to delete from the inbox, at most 100.", required=False)


def query_inbox(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Read a page. The content is JSON text: the RPC API would spell the names of its members otherwise."""
    owner, limit = _owner(workspace, values), requests.limit_of(values["limit"])
    page = pages.read(owner, before=requests.cursor_of(values["before"]), limit=limit) if limit else None
    return {
        "messages": [
            requests.described(entry) | {"bData": json.dumps(entry.content, ensure_ascii=False)}
            for entry in (page.entries if page else ())
        ],
        "next": str((page and page.next) or ""),
        "unread": pages.count_unread(owner),
    }


def update_inbox(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Mark messages as read, delete them. What is not in the inbox is left out."""
    owner = _owner(workspace, values)
    read = requests.ALL if values["readAll"] else values["readIds"]
    requests.change(owner, read=read, delete=values["deleteIds"])
    return {"unread": pages.count_unread(owner)}


def _owner(workspace: Workspace, values: Mapping[str, Any]) -> InboxOwner:
    if values["targetType"] == TargetType.USER:
        return InboxOwner(workspace.pk, user_id=clean_user_id(values["target"]))
    if values["targetType"] == TargetType.DEVICE:
        return InboxOwner(workspace.pk, device_id=find_device(workspace, values["target"]).pk)
    raise ResultError(ResultCode.DELIVERY_TYPE_NOT_SUPPORTED, "targetType is 1 (devices) or 2 (users)")


_TARGET = (*SCOPE, "target", "targetType")

OPERATIONS = (
    Operation(
        "PushQueryInbox",
        "inbox",
        "Read the inbox of a user or a device",
        PushQueryInboxSchema,
        query_inbox,
        {V2020: _TARGET},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"target": "user1024", "targetType": 2, "limit": 20},
            {
                "messages": [
                    {
                        "k": "457366737118076001",
                        "msgKey": "order-1001",
                        "at": 1795926540120,
                        "read": False,
                        "of": "user",
                        "bData": '{"title": "Parcel", "content": "On its way"}',
                    }
                ],
                "next": "",
                "unread": 1,
            },
        ),
    ),
    Operation(
        "PushUpdateInbox",
        "inbox/update",
        "Mark messages of an inbox as read, delete them",
        PushUpdateInboxSchema,
        update_inbox,
        {V2020: _TARGET},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"target": "user1024", "targetType": 2, "readIds": ["457366737118076001"]},
            {"unread": 0},
        ),
    ),
)
