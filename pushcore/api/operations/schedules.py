"""Scheduled pushes: list and cancel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushcore.api.fields import Id, Ids, Moment, Number, PageNumber
from pushcore.api.operation import EXAMPLE_DAY, EXAMPLE_SCOPE, PUSH_KINDS, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.schema import OPTIONAL, RequestSchema, needed
from pushcore.models import Occurrence, PushTask, Workspace
from pushcore.push import limits
from pushcore.schedules import service as schedules


class QueryPushSchedulerListSchema(RequestSchema):
    """List scheduled pushes."""

    startTime = Moment(help_text="Times of sending from this one on, milliseconds since 1970.", **OPTIONAL)
    endTime = Moment(help_text="Times of sending up to this one, milliseconds since 1970.", **OPTIONAL)
    type = Number(help_text="0 simple, 1 template, 2 multiple, 3 broadcast push.", **OPTIONAL)
    uniqueId = Id(optional=True, help_text="ID of a schedule, or of one of its occurrences.")
    pageNumber = PageNumber(help_text="From 1.", default=1)
    pageSize = PageNumber(most=500, help_text="At most 500.", default=500)


class CancelPushSchedulerSchema(RequestSchema):
    """Cancel scheduled pushes."""

    uniqueIds = Ids(help_text="IDs, at most 30, separated by commas.")
    type = Number(help_text="0: IDs of schedules, 1: IDs of occurrences.", required=False, default=0)


def list_schedules(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """List occurrences of scheduled pushes, a page of them."""
    page = schedules.list_occurrences(
        workspace,
        needed(values, "startTime"),
        needed(values, "endTime"),
        kind=_kind(values["type"]),
        unique_id=values["uniqueId"],
        page=values["pageNumber"],
        page_size=values["pageSize"],
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
        "type": PUSH_KINDS.index(schedule.kind),
        "deliveryType": schedule.delivery_type,
        "strategyType": schedule.strategy,
        "executedStatus": occurrence.status,
        "createType": int(schedule.source == PushTask.Source.CONSOLE),
        "gmtCreate": int(schedule.created_at.timestamp() * 1000),
    }


def cancel_schedules(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    """Cancel schedules, or single occurrences of them."""
    limits.one_of("type", values["type"], (0, 1))
    schedules.cancel(workspace, values["uniqueIds"], parents=values["type"] == 0)
    return "success"


def _kind(number: int | None) -> str | None:
    limits.one_of("type", number, (None, 0, 1, 2, 3))
    return None if number is None else PUSH_KINDS[number]


OPERATIONS = (
    Operation(
        "QueryPushSchedulerList",
        "schedules/list",
        "List scheduled pushes",
        QueryPushSchedulerListSchema,
        list_schedules,
        {V2020: (*SCOPE, "startTime", "endTime")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | EXAMPLE_DAY | {"type": 0, "pageNumber": 1, "pageSize": 500},
            {
                "totalCount": 1,
                "list": [
                    {
                        "uniqueId": "456289270133424130",
                        "parentId": "456289270133424130",
                        "pushTime": 1767258000000,
                        "pushTitle": "Hello",
                        "pushContent": "Your parcel is on its way",
                        "type": 0,
                        "deliveryType": 3,
                        "strategyType": 1,
                        "executedStatus": 0,
                        "createType": 0,
                        "gmtCreate": 1767226000000,
                    }
                ],
            },
        ),
    ),
    Operation(
        "CancelPushScheduler",
        "schedules/cancel",
        "Cancel scheduled pushes",
        CancelPushSchedulerSchema,
        cancel_schedules,
        {V2020: (*SCOPE, "uniqueIds")},
        Envelope.RESULT_CONTENT,
        example=(EXAMPLE_SCOPE | {"uniqueIds": "456289270133424130", "type": 0}, "success"),
    ),
    # Only the client package has it.
    Operation(
        "QueryMpsSchedulerList",
        "",
        "List scheduled pushes",
        QueryPushSchedulerListSchema,
        list_schedules,
        {V2020: (*SCOPE, "startTime", "endTime")},
        Envelope.RESULT_CONTENT,
        rpc_types={"executedStatus": str},
    ),
)
