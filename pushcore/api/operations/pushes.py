"""Pushes to named targets: simple, template and multiple."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from rest_framework import serializers

from pushcore.api.fields import Number, Text, TextMap
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2019, V2020, Caller, Data, Operation
from pushcore.api.operations.push_schema import EXAMPLE_PUSH, EXAMPLE_TASK, EXAMPLE_TEMPLATE, PushSchema, Submission
from pushcore.api.schema import OPTIONAL
from pushcore.codes.results import ResultCode
from pushcore.models import PushTask, Workspace
from pushcore.push import pushes
from pushcore.push.dry_run import dry_run
from pushcore.push.requests import MultiplePush, SimplePush, TargetMessage, TemplatePush
from pushcore.schedules import service as schedules

# The first moments of a schedule that a dry run names.
SHOWN_TIMES = 10


class PushSimpleSchema(PushSchema):
    """A simple push: one message to each of up to 10 targets."""

    request = SimplePush
    codes = PushSchema.codes | {
        "targetMsgkey": ResultCode.TOKEN_OR_USERID_NULL,
        "title": ResultCode.PAYLOAD_NOT_ENOUGH,
        "content": ResultCode.PAYLOAD_NOT_ENOUGH,
    }

    title = Text(help_text="Title, at most 200 characters.")
    content = Text(help_text="Body, at most 200 characters.")
    targetMsgkey = TextMap(
        source="target_msgkey", help_text="Target -> msgkey: at most 10 targets; a msgkey has at most 64 characters."
    )
    pushAction = Number(
        source="push_action", help_text="On tap: 0 web URL, 1 intent activity.", required=False, default=0
    )
    uri = Text(help_text="URL to open on tap.")
    silent = Number(help_text="1: not shown.", required=False, default=0)
    pushStyle = Number(source="push_style", help_text="0 default, 1 big text, 2 rich.", required=False, default=0)
    iconUrls = TextMap(source="icon_urls", help_text="Icon per channel.")
    imageUrls = TextMap(source="image_urls", help_text="Large image per channel.")


class PushTemplateSchema(PushSchema):
    """A template push: a template, filled in once, to each of up to 10 targets."""

    request = TemplatePush
    codes = PushSchema.codes | {
        "targetMsgkey": ResultCode.TOKEN_OR_USERID_NULL,
        "templateName": ResultCode.NEED_TEMPLATE,
        "templateKeyValue": ResultCode.TEMPLATEKV_NOT_ENOUGH,
    }

    templateName = Text(source="template_name", help_text="Name of the template.")
    templateKeyValue = TextMap(source="template_key_value", help_text="Placeholder -> value.")
    targetMsgkey = TextMap(
        source="target_msgkey", help_text="Target -> msgkey: at most 10 targets; a msgkey has at most 64 characters."
    )
    pushAction = Number(
        source="push_action", help_text="On tap: 0 web URL, 1 intent activity; else the template's.", **OPTIONAL
    )
    silent = Number(help_text="1: not shown; else the template's.", **OPTIONAL)


class TargetMsgSchema(serializers.Serializer[Any]):
    """One target of a multiple push."""

    target = Text(help_text="User ID, Ad-token or APNs token.")
    msgKey = Text(source="msgkey", help_text="The caller's own ID of the message, at most 64 characters.")
    templateKeyValue = TextMap(source="template_key_value", help_text="Placeholder -> value.")
    extendedParams = TextMap(source="extended_params", help_text="Extension parameters of this target, at most 10.")

    def validate(self, attrs: Any) -> Any:
        """Return the target as the request has it."""
        return TargetMessage(**attrs)


class PushMultipleSchema(PushSchema):
    """A multiple push: a template, filled in for each of up to 400 targets."""

    request = MultiplePush
    codes = PushSchema.codes | {
        "templateName": ResultCode.NEED_TEMPLATE,
        "targetMsg": ResultCode.TOKEN_OR_USERID_NULL,
    }

    templateName = Text(source="template_name", help_text="Name of the template.")
    targetMsg = TargetMsgSchema(
        source="target_msg", many=True, help_text="The targets, at most 400.", required=False, default=list
    )
    pushAction = Number(
        source="push_action", help_text="On tap: 0 web URL, 1 intent activity; else the template's.", **OPTIONAL
    )
    silent = Number(help_text="1: not shown; else the template's.", **OPTIONAL)


def submit(workspace: Workspace, submission: Submission, caller: Caller) -> Data:
    """Push now, schedule the push, or find out what would become of it.

    Returns:
        The ID of the task or of the schedule; of a dry run what it found.
    """
    push, strategy = submission.push, submission.strategy
    if caller.version == V2019:
        push = replace(push, task_name_required=True)
    if submission.is_dry_run:
        times = () if strategy is None else schedules.next_moments(workspace, strategy)
        found = dry_run(workspace, push, source=caller.source, author=caller.author).as_data()
        found |= {"sendTimes": [int(at.timestamp() * 1000) for at in times[:SHOWN_TIMES]]}
        # The packages of the RPC API read the data of a push as text.
        return found if caller.source == PushTask.Source.REST else json.dumps(found, ensure_ascii=False)
    if strategy is None:
        return str(pushes.accept(workspace, push, source=caller.source, author=caller.author).pk)
    return str(schedules.create(workspace, push, strategy, source=caller.source, author=caller.author).pk)


_SIMPLE = (*SCOPE, "title", "content", "deliveryType", "targetMsgkey", "expiredSeconds")
_TEMPLATE = (*SCOPE, "templateName", "deliveryType", "targetMsgkey", "expiredSeconds")
_MULTIPLE = (*SCOPE, "templateName", "deliveryType", "targetMsg", "expiredSeconds")

OPERATIONS = (
    Operation(
        "PushSimple",
        "push/simple",
        "Push one message to each of up to 10 targets",
        PushSimpleSchema,
        submit,
        {V2019: (*_SIMPLE, "taskName"), V2020: _SIMPLE},
        example=(
            EXAMPLE_SCOPE
            | EXAMPLE_PUSH
            | {
                "title": "Hello",
                "content": "Your parcel is on its way",
                "targetMsgkey": {"user1024": "1578807462788"},
                "extendedParams": {"orderId": "42"},
                "uri": "https://example.com/orders/42",
            },
            EXAMPLE_TASK,
        ),
    ),
    Operation(
        "PushTemplate",
        "push/template",
        "Push a template to each of up to 10 targets",
        PushTemplateSchema,
        submit,
        {V2019: (*_TEMPLATE, "taskName"), V2020: _TEMPLATE},
        example=(
            EXAMPLE_SCOPE | EXAMPLE_PUSH | EXAMPLE_TEMPLATE | {"targetMsgkey": {"user1024": "1578807462789"}},
            EXAMPLE_TASK,
        ),
    ),
    Operation(
        "PushMultiple",
        "push/multiple",
        "Push a template, filled in for each of up to 400 targets",
        PushMultipleSchema,
        submit,
        {V2019: (*_MULTIPLE, "taskName"), V2020: _MULTIPLE},
        example=(
            EXAMPLE_SCOPE
            | EXAMPLE_PUSH
            | {
                "templateName": "offer",
                "targetMsg": [
                    {
                        "target": "user1024",
                        "msgKey": "1578807462790",
                        "templateKeyValue": {"name": "Ann", "percent": "20"},
                        "extendedParams": {"coupon": "A20"},
                    },
                    {
                        "target": "user1025",
                        "msgKey": "1578807462791",
                        "templateKeyValue": {"name": "Bob", "percent": "15"},
                    },
                ],
            },
            EXAMPLE_TASK,
        ),
    ),
)
