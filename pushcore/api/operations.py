"""The table of operations: action, API versions, REST path, request schema, service. Adding one is adding a row.

A service takes the workspace, the values its schema read and the caller; it returns what goes into `Data`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pushcore import device_state, devices, push
from pushcore.api import schemas
from pushcore.models import PushTask, Workspace

V2019 = "2019-08-21"
V2020 = "2020-10-28"
VERSIONS = frozenset({V2019, V2020})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, through which door, in which API version (the REST door speaks the newest)."""

    source: PushTask.Source
    author: str
    version: str


class Shape(Enum):
    """How the RPC door wraps what a service returns; the client packages' answer classes decide."""

    PUSH_RESULT = "PushResult"
    DEVICE_STATE = "DeviceState"


Service = Callable[[Workspace, Mapping[str, Any], Caller], str | dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. `required`: parameters whose absence the RPC door answers with `Missing<Parameter>`, by version."""

    action: str
    path: str
    summary: str
    schema: type[schemas.RequestSchema]
    service: Service
    required: Mapping[str, tuple[str, ...]]
    shape: Shape = Shape.PUSH_RESULT

    @property
    def versions(self) -> frozenset[str]:
        return frozenset(self.required)


def push_simple(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    request = schemas.simple_push(values, task_name_required=caller.version == V2019)
    task = push.accept(workspace, request, source=caller.source, author=caller.author)
    return str(task.pk)


def push_template(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    request = schemas.template_push(values, task_name_required=caller.version == V2019)
    return str(push.accept(workspace, request, source=caller.source, author=caller.author).pk)


def push_multiple(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    request = schemas.multiple_push(values, task_name_required=caller.version == V2019)
    return str(push.accept(workspace, request, source=caller.source, author=caller.author).pk)


def push_broadcast(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    request = schemas.broadcast_push(values, task_name_required=caller.version == V2019)
    return str(push.accept(workspace, request, source=caller.source, author=caller.author).pk)


def push_bind(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    devices.server_bind(workspace, values["userId"], values["deliveryToken"], values["osType"])


def push_unbind(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    devices.server_unbind(workspace, values["userId"], values["deliveryToken"])


def push_report(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    devices.server_report(
        workspace,
        values["deliveryToken"],
        values["osType"],
        values["thirdChannel"],
        values["thirdChannelDeviceToken"],
        {"appVersion": values["appVersion"], "model": values["model"]},
    )


def query_device_state(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any] | None:
    found = device_state.of_target(workspace, values["target"], values["targetType"])
    if found is None:
        return None
    return {
        "userId": found.user_id,
        "deviceId": found.device_id,
        "deliveryToken": found.delivery_token,
        "thirdToken": found.third_token,
        "platform": found.platform,
        "manufacturer": found.manufacturer,
        "statue": found.state,
    }


_SCOPE = ("appId", "workspaceId")
_SIMPLE = (*_SCOPE, "title", "content", "deliveryType", "targetMsgkey", "expiredSeconds")
_TEMPLATE = (*_SCOPE, "templateName", "deliveryType", "targetMsgkey", "expiredSeconds")
_MULTIPLE = (*_SCOPE, "templateName", "deliveryType", "targetMsg", "expiredSeconds")
_BROADCAST = (*_SCOPE, "templateName", "deliveryType", "msgkey", "expiredSeconds")

OPERATIONS = (
    Operation(
        "PushSimple",
        "push/simple",
        "Push one message to each of up to 10 targets",
        schemas.PushSimpleSchema,
        push_simple,
        {V2019: (*_SIMPLE, "taskName"), V2020: _SIMPLE},
    ),
    Operation(
        "PushTemplate",
        "push/template",
        "Push a template to each of up to 10 targets",
        schemas.PushTemplateSchema,
        push_template,
        {V2019: (*_TEMPLATE, "taskName"), V2020: _TEMPLATE},
    ),
    Operation(
        "PushMultiple",
        "push/multiple",
        "Push a template, filled in for each of up to 400 targets",
        schemas.PushMultipleSchema,
        push_multiple,
        {V2019: (*_MULTIPLE, "taskName"), V2020: _MULTIPLE},
    ),
    Operation(
        "PushBroadcast",
        "push/broadcast",
        "Push a template to every device of a platform",
        schemas.PushBroadcastSchema,
        push_broadcast,
        {V2019: (*_BROADCAST, "taskName"), V2020: _BROADCAST},
    ),
    Operation(
        "PushBind",
        "bind",
        "Bind a user to a device",
        schemas.PushBindSchema,
        push_bind,
        {V2020: (*_SCOPE, "userId", "deliveryToken", "osType")},
    ),
    Operation(
        "PushUnBind",
        "unbind",
        "End a user's binding to a device",
        schemas.PushUnBindSchema,
        push_unbind,
        {V2020: (*_SCOPE, "userId", "deliveryToken")},
    ),
    Operation(
        "PushReport",
        "report",
        "Report a device",
        schemas.PushReportSchema,
        push_report,
        {V2020: (*_SCOPE, "deliveryToken", "osType")},
    ),
    Operation(
        "PushQueryDeviceState",
        "devices/state",
        "Show what is known of a target's device",
        schemas.PushQueryDeviceStateSchema,
        query_device_state,
        {V2020: (*_SCOPE, "target", "targetType")},
        Shape.DEVICE_STATE,
    ),
)

BY_ACTION = {operation.action: operation for operation in OPERATIONS}
