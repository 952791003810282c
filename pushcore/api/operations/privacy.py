"""What is kept of a user: export and erasure.

The published packages have no such actions: these are our own (docs/privacy.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pushcore.api.fields import Text
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.operations.audience import attributes_shown
from pushcore.api.schema import RequestSchema
from pushcore.channels import Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Binding, Message, Workspace
from pushcore.privacy import erasure, export
from pushcore.privacy.export import KeptBinding, KeptMessage, KeptOfUser


class _UserSchema(RequestSchema):
    """Name a user."""

    codes = {"userId": ResultCode.NEED_USERID}

    userId = Text(help_text="The user's ID, not an alias.")


class PushExportUserSchema(_UserSchema):
    """Export what is kept of a user."""

    nextToken = Text(required=False, help_text="`nextToken` of the page before.")


class PushEraseUserSchema(_UserSchema):
    """Erase what is kept of a user."""


def export_user(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Return what is kept of a user: all of it with the first page, then further messages."""
    token = values["nextToken"]
    if token and not (token.isascii() and token.isdigit() and len(token) < 20):
        raise ResultError(ResultCode.INVALID_PARAM, "nextToken is none that was answered", parameter="nextToken")
    kept = export.of_user(workspace, values["userId"], up_to=int(token) if token else None)
    messages = {
        "messages": [message_shown(one) for one in kept.messages],
        "nextToken": str(kept.next_message_id or ""),
    }
    return messages if token else user_shown(kept) | messages


def user_shown(kept: KeptOfUser) -> dict[str, Any]:
    """Return what is kept of a user besides messages, as answers have it."""
    return {
        "aliases": list(kept.aliases),
        "tags": kept.profile.tags,
        "topics": kept.profile.topics,
        "attributes": attributes_shown(kept.profile.attributes),
        "openHours": [round(hour, 2) for hour in kept.open_hours],
        "bindings": [_binding(one) for one in kept.bindings],
    }


def erase_user(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Erase what is kept of a user."""
    made = erasure.erase(workspace, values["userId"], source=caller.source, author=caller.author)
    return {
        "erasureId": str(made.pk),
        "finished": made.finished_at is not None,
        "bindings": made.bindings,
        "messages": made.messages,
    }


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


def _binding(kept: KeptBinding) -> dict[str, Any]:
    binding: Binding = kept.binding
    device = binding.device
    return {
        "deliveryToken": device.ad_token,
        "platform": Platform(device.platform).name.lower(),
        "manufacturer": device.manufacturer,
        "model": device.model,
        "osVersion": device.os_version,
        "appVersion": device.app_version,
        "boundAt": _milliseconds(binding.bound_at),
        "unboundAt": _milliseconds(binding.unbound_at),
        "phoneNumber": kept.phone_number,
    }


def message_shown(kept: KeptMessage) -> dict[str, Any]:
    """Return a message with what devices reported of it, as answers have it."""
    message: Message = kept.message
    return {
        "messageId": str(message.pk),
        "taskId": str(message.task_id),
        "msgkey": message.msgkey,
        "createdAt": _milliseconds(message.created_at),
        "status": message.status_entry.code,
        "statusName": message.status_entry.label,
        "arrivedAt": _milliseconds(message.arrived_at),
        "content": [{"name": name, "value": value} for name, value in sorted(message.content.items())],
        "events": [{"kind": event.kind, "at": _milliseconds(event.at)} for event in kept.events],
    }


OPERATIONS = (
    Operation(
        "PushExportUser",
        "privacy/export",
        "Export all that is kept of a user",
        PushExportUserSchema,
        export_user,
        {V2020: (*SCOPE, "userId")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"userId": "user1024"},
            {
                "aliases": ["ann@example.com"],
                "tags": ["vip"],
                "topics": [],
                "attributes": [{"name": "age", "type": "number", "value": 30}],
                "openHours": [0.0] * 20 + [2.5] + [0.0] * 3,
                "bindings": [
                    {
                        "deliveryToken": "Zx3f9dQ2c0",
                        "platform": "android",
                        "manufacturer": "Google",
                        "model": "Pixel 9",
                        "osVersion": "16",
                        "appVersion": "2.1.0",
                        "boundAt": 1767225600000,
                        "unboundAt": None,
                        "phoneNumber": "",
                    }
                ],
                "messages": [
                    {
                        "messageId": "798325487132467200",
                        "taskId": "798325487132467199",
                        "msgkey": "order-1",
                        "createdAt": 1767225600000,
                        "status": 2,
                        "statusName": "Acked",
                        "arrivedAt": 1767225601000,
                        "content": [{"name": "title", "value": "Your order"}],
                        "events": [{"kind": "opened", "at": 1767225660000}],
                    }
                ],
                "nextToken": "",
            },
        ),
    ),
    Operation(
        "PushEraseUser",
        "privacy/erase",
        "Erase all that is kept of a user",
        PushEraseUserSchema,
        erase_user,
        {V2020: (*SCOPE, "userId")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"userId": "user1024"},
            {"erasureId": "1", "finished": True, "bindings": 1, "messages": 12},
        ),
    ),
)
