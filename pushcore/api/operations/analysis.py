"""Queries of usage analysis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pushcore.api.channel_texts import text_of_channels
from pushcore.api.fields import Choice, Id, Moment, PageNumber, Text
from pushcore.api.operation import EXAMPLE_DAY, EXAMPLE_SCOPE, PUSH_KINDS, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.operations.push_schema import EXAMPLE_TASK
from pushcore.api.schema import OPTIONAL, RequestSchema, needed
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.loading import pace_callback
from pushcore.models import PushTask, Workspace
from pushcore.ports import LONGEST_ANALYSIS, AnalysisFilter, SmsSummary, analysis, sms_complement


def _platforms() -> dict[str, Any]:
    return {platform.name: platform for platform in Platform}


def _channels() -> dict[str, Any]:
    return {channel.analysis_name: channel for channel in Channel}


def _kinds() -> dict[str, Any]:
    return {kind.name: kind for kind in PUSH_KINDS}


class QueryPushAnalysisStatusListSchema(RequestSchema):
    """Ask for messages by status."""

    startTime = Moment(help_text="A time of the first day, milliseconds since 1970.", **OPTIONAL)
    endTime = Moment(help_text="A time of the last day; at most 90 days later.", **OPTIONAL)
    channel = Choice(_channels, help_text=text_of_channels("ANDROID (self-built), {analysis_names}; else all."))
    type = Choice(_kinds, source="kind", help_text="SIMPLE, TEMPLATE, MULTIPLE or BROADCAST; else all.")

    @classmethod
    def build(cls, values: dict[str, Any]) -> AnalysisFilter:
        """Make the filter. Raises `ResultError` (INVALID_PARAM) for a time that is missing, or too long."""
        start, end = needed(values, "startTime"), needed(values, "endTime")
        if start > end:
            raise ResultError(ResultCode.INVALID_PARAM, "startTime is after endTime")
        if end - start > LONGEST_ANALYSIS:
            raise ResultError(ResultCode.INVALID_PARAM, f"more than {LONGEST_ANALYSIS.days} days")
        del values["startTime"], values["endTime"]
        return AnalysisFilter(start=start, end=end, **values)


class QueryPushAnalysisCoreIndexSchema(QueryPushAnalysisStatusListSchema):
    """Ask for the core numbers."""

    platform = Choice(_platforms, help_text="ANDROID, IOS, HARMONYOS, WEB or OTHER; else all.")
    taskId = Id(optional=True, source="task_id", help_text="Of one push task only.")


class QueryPushAnalysisTaskListSchema(RequestSchema):
    """Ask for multiple, broadcast and audience pushes."""

    startTime = Moment(help_text="A time of the day from which on, milliseconds since 1970.", **OPTIONAL)
    taskId = Id(optional=True, help_text="Exactly this task.")
    taskName = Text(help_text="Exactly this name.")
    pageNumber = PageNumber(help_text="From 1.", default=1)
    pageSize = PageNumber(most=500, help_text="At most 500.", default=10)


class QueryPushAnalysisTaskDetailSchema(RequestSchema):
    """Ask for the counters of a push task."""

    taskId = Id(help_text="ID of the push task.")


def query_core_index(workspace: Workspace, wanted: AnalysisFilter, caller: Caller) -> dict[str, Any]:
    """Count what was pushed, arrived, was opened and ignored in the filter's days."""
    index = analysis().core_index(workspace, wanted)
    return {
        "pushTotalNum": index.pushed,
        "pushNum": index.succeeded,
        "arrivalNum": index.arrived,
        "arrivalRate": index.arrival_rate,
        "openNum": index.opened,
        "openRate": index.open_rate,
        "ignoreNum": index.ignored,
        "ignoreRate": index.ignore_rate,
    }


def query_status_list(workspace: Workspace, wanted: AnalysisFilter, caller: Caller) -> list[dict[str, Any]]:
    """Count the messages of the pushes of the filter's days by channel and status."""
    counts = analysis().status_list(workspace, wanted)
    return [
        {
            "channel": one.channel.analysis_name,
            "statusCode": one.status.code,
            "statusDesc": one.status.label,
            "meaning": one.status.meaning,
            "num": one.count,
        }
        for one in counts
    ]


def query_task_list(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> list[dict[str, Any]]:
    """List multiple, broadcast and audience pushes, a page of them."""
    page = analysis().task_page(
        workspace,
        needed(values, "startTime"),
        task_id=values["taskId"],
        name=values["taskName"],
        page=values["pageNumber"],
        page_size=values["pageSize"],
    )
    return [
        {
            "taskId": str(task.pk),
            "taskName": task.name,
            "templateId": task.content.get("templateCode", ""),
            "templateName": task.content.get("templateCode", ""),
            "type": PUSH_KINDS.index(PushTask.Kind(task.kind)),
            "gmtCreate": int(task.created_at.timestamp() * 1000),
        }
        for task in page.tasks
    ]


def query_task_detail(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Show the counters of a push."""
    task = analysis().task_of(workspace, values["taskId"])
    if task is None:
        raise ResultError(ResultCode.INVALID_PARAM, "taskId is not a task of this workspace")
    end = task.last_outcome_at or task.created_at
    since = pace_callback.held_since(task.pk)
    sms = sms_complement().summary(task)
    return {
        "taskId": str(task.pk),
        "startTime": int(task.created_at.timestamp() * 1000),
        "endTime": int(end.timestamp() * 1000),
        "duration": str(timedelta(seconds=round((end - task.created_at).total_seconds()))),
        "pushNum": task.message_count,
        "pushSuccessNum": task.success_count,
        "pushArrivalNum": task.arrival_count,
        "pushExpiredNum": task.expired_count,
        "pushHeldBackNum": task.held_back_count,
        "pushNoConsentNum": task.no_consent_count,
        "paceHeldSince": since and int(since.timestamp() * 1000),
        **({"sms": _sms(sms)} if sms else {}),
    }


def _sms(sms: SmsSummary) -> dict[str, Any]:
    """Return what became of a task's SMS: counts by state (`maybeSent` is UNKNOWN), and what they cost."""
    return {
        "waiting": sms.counts["WAITING"] + sms.counts["SENDING"],
        "sent": sms.counts["SENT"],
        "delivered": sms.counts["DELIVERED"],
        "failed": sms.counts["FAILED"],
        "maybeSent": sms.counts["UNKNOWN"],
        "notNeeded": sms.counts["NOT_NEEDED"],
        "withdrawn": sms.counts["WITHDRAWN"],
        "noNumber": sms.counts["NO_NUMBER"],
        "segments": sms.segments,
        "costs": {currency: str(cost) for currency, cost in sorted(sms.costs.items())},
    }


_NUMBERS = (
    "pushTotalNum", "pushNum", "arrivalNum", "arrivalRate", "openNum", "openRate", "ignoreNum", "ignoreRate",
)  # fmt: skip

OPERATIONS = (
    Operation(
        "QueryPushAnalysisCoreIndex",
        "analysis/core-index",
        "Count what was pushed, arrived, was opened and ignored",
        QueryPushAnalysisCoreIndexSchema,
        query_core_index,
        {V2020: (*SCOPE, "startTime", "endTime")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | EXAMPLE_DAY | {"platform": "ANDROID", "type": "MULTIPLE"},
            {
                "pushTotalNum": 1000,
                "pushNum": 950,
                "arrivalNum": 950,
                "arrivalRate": 95.0,
                "openNum": 190,
                "openRate": 20.0,
                "ignoreNum": 95,
                "ignoreRate": 10.0,
            },
        ),
    ),
    Operation(
        "QueryPushAnalysisStatusList",
        "analysis/statuses",
        "Count messages by channel and status",
        QueryPushAnalysisStatusListSchema,
        query_status_list,
        {V2020: (*SCOPE, "startTime", "endTime")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | EXAMPLE_DAY | {"type": "MULTIPLE"},
            [
                {
                    "channel": "ANDROID",
                    "statusCode": -3,
                    "statusDesc": "Expired",
                    "meaning": "not delivered within its validity period; not sent any more",
                    "num": 50,
                }
            ],
        ),
    ),
    Operation(
        "QueryPushAnalysisTaskList",
        "analysis/tasks",
        "List pushes to many devices: multiple, broadcast and audience pushes",
        QueryPushAnalysisTaskListSchema,
        query_task_list,
        {V2020: (*SCOPE, "startTime")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"startTime": 1767225600000, "pageNumber": 1, "pageSize": 10},
            [
                {
                    "taskId": EXAMPLE_TASK,
                    "taskName": "june offers",
                    "templateId": "offer",
                    "templateName": "offer",
                    "type": 2,
                    "gmtCreate": 1767226000000,
                }
            ],
        ),
    ),
    Operation(
        "QueryPushAnalysisTaskDetail",
        "analysis/task",
        "Show the counters of a push",
        QueryPushAnalysisTaskDetailSchema,
        query_task_detail,
        {V2020: (*SCOPE, "taskId")},
        Envelope.RESULT_CONTENT,
        # The package reads a number; Python, Java and @alicloud/pop-core keep its digits.
        rpc_types={"taskId": int},
        example=(
            EXAMPLE_SCOPE | {"taskId": EXAMPLE_TASK},
            {
                "taskId": EXAMPLE_TASK,
                "startTime": 1767226000000,
                "endTime": 1767226012000,
                "duration": "0:00:12",
                "pushNum": 1000,
                "pushSuccessNum": 950,
                "pushArrivalNum": 950,
                "pushExpiredNum": 20,
                "pushHeldBackNum": 0,
                "pushNoConsentNum": 0,
                "paceHeldSince": None,
            },
        ),
    ),
    # Only the client package has it.
    Operation(
        "ListAnalysisCoreIndex",
        "",
        "Show the core numbers, as texts",
        QueryPushAnalysisCoreIndexSchema,
        query_core_index,
        {V2020: (*SCOPE, "startTime", "endTime")},
        Envelope.ANALYSIS,
        rpc_types=dict.fromkeys(_NUMBERS, str),
    ),
)
