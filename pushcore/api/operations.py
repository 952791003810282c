"""The table of operations of both doors: action, API versions, REST path, request schema, service. Adding one is adding
a row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pushcore.api import analysis_schemas, schemas, template_operations, template_schemas
from pushcore.api.operation import V2019, V2020, VERSIONS, Caller, Operation, Shape
from pushcore.api.schemas import between, id_of, needed
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import activities, server_requests, state
from pushcore.models import Occurrence, PushTask, Workspace
from pushcore.ports import analysis
from pushcore.push import limits, pushes
from pushcore.push.recipients import check_msgkey
from pushcore.push.requests import AnyPush
from pushcore.revocation import revocations
from pushcore.schedules import service as schedules

__all__ = [
    "BY_ACTION",
    "OPERATIONS",
    "PACKAGE_OPERATIONS",
    "V2019",
    "V2020",
    "VERSIONS",
    "Caller",
    "Operation",
    "Shape",
]


def push_simple(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    request = schemas.simple_push(values, task_name_required=caller.version == V2019)
    return _submit(workspace, request, values, caller)


def push_template(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    request = schemas.template_push(values, task_name_required=caller.version == V2019)
    return _submit(workspace, request, values, caller)


def push_multiple(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    request = schemas.multiple_push(values, task_name_required=caller.version == V2019)
    return _submit(workspace, request, values, caller)


def push_broadcast(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    request = schemas.broadcast_push(values, task_name_required=caller.version == V2019)
    return _submit(workspace, request, values, caller)


def _submit(workspace: Workspace, request: AnyPush, values: Mapping[str, Any], caller: Caller) -> str:
    """Push now or schedule it; the ID of the task or of the schedule."""
    strategy = schemas.strategy_of(values)
    if strategy is None:
        return str(pushes.accept(workspace, request, source=caller.source, author=caller.author).pk)
    return str(schedules.create(workspace, request, strategy, source=caller.source, author=caller.author).pk)


def list_schedules(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    page = schedules.listed(
        workspace,
        needed(values, "startTime"),
        needed(values, "endTime"),
        kind=_kind(values["type"]),
        unique_id=id_of(values["uniqueId"], "uniqueId") if values["uniqueId"] else None,
        page=between(values, "pageNumber", 1, 1_000_000),
        page_size=between(values, "pageSize", 1, 500),
    )
    return {"totalCount": page.total, "list": [_shown(occurrence) for occurrence in page.occurrences]}


def _shown(occurrence: Occurrence) -> dict[str, Any]:
    schedule = occurrence.schedule
    return {
        "uniqueId": str(occurrence.pk),
        "parentId": str(schedule.pk),
        "pushTime": int(occurrence.at.timestamp() * 1000),
        "pushTitle": schedule.title,
        "pushContent": schedule.body,
        "type": _KINDS.index(schedule.kind),
        "deliveryType": schedule.delivery_type,
        "strategyType": schedule.strategy,
        "executedStatus": occurrence.status,
        "createType": int(schedule.source == PushTask.Source.CONSOLE),
        "gmtCreate": int(schedule.created_at.timestamp() * 1000),
    }


def cancel_schedules(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    limits.one_of("type", values["type"], (0, 1))
    unique_ids = [id_of(part.strip(), "uniqueIds") for part in values["uniqueIds"].split(",") if part.strip()]
    schedules.cancel(workspace, unique_ids, parents=values["type"] == 0)
    return "success"


def revoke_message(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    if not values["targetId"].strip():
        raise ResultError(ResultCode.TOKEN_OR_USERID_NULL)
    check_msgkey(values["messageId"])
    revocations.revoke_message(workspace, values["messageId"], values["targetId"])
    return "success"


def revoke_task(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    revocations.revoke_task(workspace, id_of(values["taskId"], "taskId"))
    return "success"


_KINDS = (PushTask.Kind.SIMPLE, PushTask.Kind.TEMPLATE, PushTask.Kind.MULTIPLE, PushTask.Kind.BROADCAST)


def _kind(number: int | None) -> str | None:
    limits.one_of("type", number, (None, 0, 1, 2, 3))
    return None if number is None else _KINDS[number]


def query_core_index(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    found = analysis().core_index(workspace, analysis_schemas.analysis_filter(values))
    return {
        "pushTotalNum": found.pushed,
        "pushNum": found.succeeded,
        "arrivalNum": found.arrived,
        "arrivalRate": found.arrival_rate,
        "openNum": found.opened,
        "openRate": found.open_rate,
        "ignoreNum": found.ignored,
        "ignoreRate": found.ignore_rate,
    }


def query_task_list(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> list[dict[str, Any]]:
    page, page_size = analysis_schemas.paging(values)
    found = analysis().task_page(
        workspace,
        needed(values, "startTime"),
        task_id=id_of(values["taskId"], "taskId") if values["taskId"] else None,
        name=values["taskName"],
        page=page,
        page_size=page_size,
    )
    return [
        {
            "taskId": str(task.pk),
            "taskName": task.name,
            "templateId": task.content.get("templateCode", ""),
            "templateName": task.content.get("templateCode", ""),
            "type": _KINDS.index(PushTask.Kind(task.kind)),
            "gmtCreate": int(task.created_at.timestamp() * 1000),
        }
        for task in found.tasks
    ]


def query_task_detail(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    task = analysis().task_of(workspace, id_of(values["taskId"], "taskId"))
    if task is None:
        raise ResultError(ResultCode.INVALID_PARAM, "taskId is not a task of this workspace")
    end = task.last_outcome_at or task.created_at
    return {
        "taskId": str(task.pk),
        "startTime": int(task.created_at.timestamp() * 1000),
        "endTime": int(end.timestamp() * 1000),
        "duration": str(timedelta(seconds=round((end - task.created_at).total_seconds()))),
        "pushNum": task.message_count,
        "pushSuccessNum": task.success_count,
        "pushArrivalNum": task.arrival_count,
        "pushExpiredNum": task.expired_count,
    }


def push_bind(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    server_requests.bind(
        workspace, values["userId"], values["deliveryToken"], values["osType"], values["phoneNumber"].strip()
    )


def push_unbind(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    server_requests.unbind(workspace, values["userId"], values["deliveryToken"])


def push_report(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    server_requests.report(
        workspace,
        values["deliveryToken"],
        values["osType"],
        values["thirdChannel"],
        values["thirdChannelDeviceToken"],
        {"appVersion": values["appVersion"], "model": values["model"]},
    )
    if values["activityId"] or values["activityPushToken"]:
        activities.report(workspace, values["activityId"], values["activityPushToken"])


def query_device_state(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any] | None:
    found = state.of_target(workspace, values["target"], values["targetType"])
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
    Operation(
        "RevokePushMessage",
        "revoke/message",
        "Revoke a message",
        schemas.RevokePushMessageSchema,
        revoke_message,
        {V2020: (*_SCOPE, "messageId", "targetId")},
    ),
    Operation(
        "RevokePushTask",
        "revoke/task",
        "Revoke all messages of a push",
        schemas.RevokePushTaskSchema,
        revoke_task,
        {V2020: (*_SCOPE, "taskId")},
    ),
    Operation(
        "QueryPushSchedulerList",
        "schedules/list",
        "List scheduled pushes",
        schemas.QueryPushSchedulerListSchema,
        list_schedules,
        {V2020: (*_SCOPE, "startTime", "endTime")},
        Shape.RESULT_CONTENT,
    ),
    Operation(
        "CancelPushScheduler",
        "schedules/cancel",
        "Cancel scheduled pushes",
        schemas.CancelPushSchedulerSchema,
        cancel_schedules,
        {V2020: (*_SCOPE, "uniqueIds")},
        Shape.RESULT_CONTENT,
    ),
    Operation(
        "QueryPushAnalysisCoreIndex",
        "analysis/core-index",
        "Count what was pushed, arrived, was opened and ignored",
        analysis_schemas.QueryPushAnalysisCoreIndexSchema,
        query_core_index,
        {V2020: (*_SCOPE, "startTime", "endTime")},
        Shape.RESULT_CONTENT,
    ),
    Operation(
        "QueryPushAnalysisTaskList",
        "analysis/tasks",
        "List multiple and broadcast pushes",
        analysis_schemas.QueryPushAnalysisTaskListSchema,
        query_task_list,
        {V2020: (*_SCOPE, "startTime")},
        Shape.RESULT_CONTENT,
    ),
    Operation(
        "QueryPushAnalysisTaskDetail",
        "analysis/task",
        "Show the counters of a push",
        analysis_schemas.QueryPushAnalysisTaskDetailSchema,
        query_task_detail,
        {V2020: (*_SCOPE, "taskId")},
        Shape.RESULT_CONTENT,
        # The package reads a number; Python, Java and @alicloud/pop-core keep its digits.
        rpc_types={"taskId": int},
    ),
)

_TEMPLATE_DRAFT = (*_SCOPE, "templateName", "descInfo", "title", "content")
_NUMBERS = (
    "pushTotalNum", "pushNum", "arrivalNum", "arrivalRate", "openNum", "openRate", "ignoreNum", "ignoreRate",
)  # fmt: skip

# On the RPC door only, for the package has them: templates are on REST in its own way, the others there already.
PACKAGE_OPERATIONS = (
    Operation(
        "CreateTemplate",
        "",
        "Make a template",
        template_schemas.CreateTemplateSchema,
        template_operations.create_template,
        {V2020: _TEMPLATE_DRAFT},
        Shape.TEMPLATE,
    ),
    Operation(
        "GetTemplate",
        "",
        "Show a template",
        template_schemas.NamedTemplateSchema,
        template_operations.get_template,
        {V2020: _SCOPE},
        Shape.TEMPLATE,
    ),
    Operation(
        "ListTemplatePage",
        "",
        "List templates",
        template_schemas.ListTemplatePageSchema,
        template_operations.list_template_page,
        {V2020: _SCOPE},
        Shape.TEMPLATE_PAGE,
    ),
    Operation(
        "DeleteTemplate",
        "",
        "Delete a template",
        template_schemas.NamedTemplateSchema,
        template_operations.delete_template,
        {V2020: _SCOPE},
        Shape.TEMPLATE,
    ),
    Operation(
        "ListAnalysisCoreIndex",
        "",
        "Show the core numbers, as texts",
        analysis_schemas.QueryPushAnalysisCoreIndexSchema,
        query_core_index,
        {V2020: (*_SCOPE, "startTime", "endTime")},
        Shape.ANALYSIS,
        rpc_types=dict.fromkeys(_NUMBERS, str),
    ),
    Operation(
        "QueryMpsSchedulerList",
        "",
        "List scheduled pushes",
        schemas.QueryPushSchedulerListSchema,
        list_schedules,
        {V2020: (*_SCOPE, "startTime", "endTime")},
        Shape.RESULT_CONTENT,
        rpc_types={"executedStatus": str},
    ),
)

BY_ACTION = {operation.action: operation for operation in (*OPERATIONS, *PACKAGE_OPERATIONS)}
