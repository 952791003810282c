"""Request schemas of the analysis queries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pushcore.api.channel_texts import text_of_channels
from pushcore.api.schemas import OPTIONAL, RequestSchema, between, id_of, needed
from pushcore.api.values import Moment, Number, Text
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import PushTask
from pushcore.ports import AnalysisFilter

LONGEST = timedelta(days=90)
_PLATFORMS = {platform.name: platform for platform in Platform}
_KINDS = {kind.name: kind for kind in PushTask.Kind if kind is not PushTask.Kind.REVOKE}


class QueryPushAnalysisCoreIndexSchema(RequestSchema):
    """Ask for the core numbers."""

    startTime = Moment(help_text="A time of the first day, milliseconds since 1970.", **OPTIONAL)
    endTime = Moment(help_text="A time of the last day; at most 90 days later.", **OPTIONAL)
    platform = Text(help_text="ANDROID, IOS or HARMONYOS; else all.")
    channel = Text(help_text=text_of_channels("ANDROID (self-built), {analysis_names}; else all."))
    type = Text(help_text="SIMPLE, TEMPLATE, MULTIPLE or BROADCAST; else all.")
    taskId = Text(help_text="Of one push task only.")


class QueryPushAnalysisTaskListSchema(RequestSchema):
    """Ask for multiple and broadcast pushes."""

    startTime = Moment(help_text="A time of the day from which on, milliseconds since 1970.", **OPTIONAL)
    taskId = Text(help_text="Exactly this task.")
    taskName = Text(help_text="Exactly this name.")
    pageNumber = Number(help_text="From 1.", required=False, default=1)
    pageSize = Number(help_text="At most 500.", required=False, default=10)


class QueryPushAnalysisTaskDetailSchema(RequestSchema):
    """Ask for the counters of a push task."""

    taskId = Text(help_text="ID of the push task.")


def analysis_filter(values: Mapping[str, Any]) -> AnalysisFilter:
    """What `QueryPushAnalysisCoreIndexSchema` read. Raises `ResultError` (INVALID_PARAM) naming the parameter."""
    start, end = needed(values, "startTime"), needed(values, "endTime")
    if start > end:
        raise ResultError(ResultCode.INVALID_PARAM, "startTime is after endTime")
    if end - start > LONGEST:
        raise ResultError(ResultCode.INVALID_PARAM, f"more than {LONGEST.days} days")
    return AnalysisFilter(
        start=start,
        end=end,
        platform=_named(values, "platform", _PLATFORMS),
        channel=_named(values, "channel", {channel.analysis_name: channel for channel in Channel}),
        kind=_named(values, "type", _KINDS),
        task_id=id_of(values["taskId"], "taskId") if values["taskId"] else None,
    )


def paging(values: Mapping[str, Any]) -> tuple[int, int]:
    """Page number and page size. Raises `ResultError` (INVALID_PARAM)."""
    return between(values, "pageNumber", 1, 1_000_000), between(values, "pageSize", 1, 500)


def _named(values: Mapping[str, Any], name: str, known: Mapping[str, Any]) -> Any:
    if not values[name]:
        return None
    found = known.get(values[name].upper())
    if found is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is one of {', '.join(known)}")
    return found
