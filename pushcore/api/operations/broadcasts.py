"""Broadcasts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pushcore.api.fields import Moment, Number, Text, TextMap
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2019, V2020, Operation
from pushcore.api.operations.push_schema import EXAMPLE_PUSH, EXAMPLE_TASK, EXAMPLE_TEMPLATE, PushSchema, Submission
from pushcore.api.operations.pushes import submit
from pushcore.api.schema import OPTIONAL
from pushcore.codes.results import ResultCode, ResultError
from pushcore.push.requests import BroadcastPush


class PushBroadcastSchema(PushSchema):
    """A broadcast: a template, filled in once, to every device of a platform."""

    request = BroadcastPush
    codes = PushSchema.codes | {
        "templateName": ResultCode.NEED_TEMPLATE,
        "templateKeyValue": ResultCode.TEMPLATEKV_NOT_ENOUGH,
        "unBindPeriod": ResultCode.BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID,
        "androidChannel": ResultCode.ANDROID_CHANNEL_PARAM_INVALID,
    }

    deliveryType = Number(
        source="delivery_type", help_text="The platform: 1 Android, 2 iOS, 7 HarmonyOS, 8 web, 9 other."
    )
    templateName = Text(source="template_name", help_text="Name of the template.")
    templateKeyValue = TextMap(source="template_key_value", help_text="Placeholder -> value.")
    msgkey = Text(help_text="The caller's own ID of the message, at most 64 characters.")
    pushStatus = Number(
        source="push_status",
        help_text="By login: 0 bound users (all but iOS: every device), 1 bound or unbound, 2 unbound.",
        required=False,
        default=0,
    )
    unBindPeriod = Number(
        source="unbind_period", help_text="Unbound within the last 1: 7, 2: 15, 3: 60 days, 4: ever.", **OPTIONAL
    )
    bindPeriod = Number(
        source="bind_period", help_text="Bound within the last 1: 7, 2: 15, 3: 60 days, 4: ever.", **OPTIONAL
    )
    bindStartTime = Moment(
        source="bind_window.bindStartTime", help_text="Bound from this time on, milliseconds since 1970.", **OPTIONAL
    )
    bindEndTime = Moment(
        source="bind_window.bindEndTime", help_text="Bound until this time, milliseconds since 1970.", **OPTIONAL
    )
    unBindStartTime = Moment(
        source="unbind_window.unBindStartTime",
        help_text="Unbound from this time on, milliseconds since 1970.",
        **OPTIONAL,
    )
    unBindEndTime = Moment(
        source="unbind_window.unBindEndTime", help_text="Unbound until this time, milliseconds since 1970.", **OPTIONAL
    )
    timeMode = Number(
        source="time_mode",
        help_text="Which counts where periods and times are given: 0 periods, 1 times.",
        required=False,
        default=1,
    )
    androidChannel = Number(
        source="android_channel", help_text="1 self-built channel only, 2 default; not on iOS.", **OPTIONAL
    )
    pushAction = Number(
        source="push_action", help_text="On tap: 0 web URL, 1 intent activity; else the template's.", **OPTIONAL
    )
    silent = Number(help_text="1: not shown; else the template's.", **OPTIONAL)

    @classmethod
    def build(cls, values: dict[str, Any]) -> Submission:
        """Make the broadcast. Raises `ResultError` where half a window is given, or another `androidChannel`."""
        for window in ("bind_window", "unbind_window"):
            values[window] = _window(values[window])
        if values["android_channel"] not in (None, 1, 2):
            raise ResultError(ResultCode.ANDROID_CHANNEL_PARAM_INVALID)
        values["android_channel"] = values["android_channel"] or 0
        return super().build(values)


def _window(ends: Mapping[str, datetime | None]) -> tuple[datetime, datetime] | None:
    """Return the two ends of a window, whose names come with them; None where neither is given."""
    start, end = ends.values()
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"{' and '.join(ends)} come together")
    return start, end


_BROADCAST = (*SCOPE, "templateName", "deliveryType", "msgkey", "expiredSeconds")

OPERATIONS = (
    Operation(
        "PushBroadcast",
        "push/broadcast",
        "Push a template to every device of a platform",
        PushBroadcastSchema,
        submit,
        {V2019: (*_BROADCAST, "taskName"), V2020: _BROADCAST},
        example=(
            EXAMPLE_SCOPE
            | EXAMPLE_PUSH
            | EXAMPLE_TEMPLATE
            | {"deliveryType": 1, "msgkey": "1578807462792", "strategyType": 0},
            EXAMPLE_TASK,
        ),
    ),
)
