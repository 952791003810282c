"""Segments: saved conditions. The published packages have no such actions: these are our own (docs/audiences.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pushcore.api.fields import ConditionValue, Text
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.schema import OPTIONAL, RequestSchema
from pushcore.audience import segments
from pushcore.codes.results import ResultCode
from pushcore.models import Workspace


class _SegmentSchema(RequestSchema):
    """Name a segment."""

    codes = {"segmentName": ResultCode.SEGMENT_NAME_INVALID, "condition": ResultCode.CONDITION_INVALID}

    segmentName = Text(help_text="Name of the segment: 1 to 64 characters.")


class PushCreateSegmentSchema(_SegmentSchema):
    """Save a condition as a segment."""

    condition = ConditionValue(help_text="The condition: an object, or text (docs/audiences.md).")
    description = Text(help_text="What it is for, at most 200 characters.")


class PushUpdateSegmentSchema(_SegmentSchema):
    """Change a segment."""

    condition = ConditionValue(help_text="The condition; without one, it stays.", **OPTIONAL)
    description = Text(help_text="What it is for; without one, it stays.", **OPTIONAL)


class PushDeleteSegmentSchema(_SegmentSchema):
    """Delete a segment."""


def create_segment(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Save a condition as a segment."""
    segments.create(workspace, values["segmentName"], values["condition"], values["description"], author=caller.author)


def update_segment(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Change a segment."""
    segments.update(
        workspace,
        values["segmentName"],
        condition=values["condition"],
        description=values["description"],
        author=caller.author,
    )


def delete_segment(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Delete a segment."""
    segments.delete(workspace, values["segmentName"])


def list_segments(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> list[dict[str, Any]]:
    """List the workspace's segments. A condition is JSON text, as each call takes it.

    (The RPC API capitalises the names of members.)
    """
    return [
        {
            "segmentName": segment.name,
            "description": segment.description,
            "condition": json.dumps(segment.condition, ensure_ascii=False),
            "gmtCreate": int(segment.created_at.timestamp() * 1000),
            "gmtModified": int(segment.saved_at.timestamp() * 1000),
        }
        for segment in segments.of_workspace(workspace)
    ]


_EXAMPLE = EXAMPLE_SCOPE | {"segmentName": "faithful"}
_CONDITION = {"and": [{"tag": "vip"}, {"last_seen_within_days": 30}]}

OPERATIONS = (
    Operation(
        "PushCreateSegment",
        "audience/segments/create",
        "Save a condition as a segment",
        PushCreateSegmentSchema,
        create_segment,
        {V2020: (*SCOPE, "segmentName", "condition")},
        Envelope.RESULT_CONTENT,
        example=(_EXAMPLE | {"condition": _CONDITION, "description": "seen this month"}, None),
    ),
    Operation(
        "PushUpdateSegment",
        "audience/segments/update",
        "Change a segment's condition or description",
        PushUpdateSegmentSchema,
        update_segment,
        {V2020: (*SCOPE, "segmentName")},
        Envelope.RESULT_CONTENT,
        example=(_EXAMPLE | {"description": "seen lately"}, None),
    ),
    Operation(
        "PushDeleteSegment",
        "audience/segments/delete",
        "Delete a segment",
        PushDeleteSegmentSchema,
        delete_segment,
        {V2020: (*SCOPE, "segmentName")},
        Envelope.RESULT_CONTENT,
        example=(_EXAMPLE, None),
    ),
    Operation(
        "PushQuerySegments",
        "audience/segments",
        "List the workspace's segments",
        RequestSchema,
        list_segments,
        {V2020: SCOPE},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE,
            [
                {
                    "segmentName": "faithful",
                    "description": "seen this month",
                    "condition": json.dumps(_CONDITION),
                    "gmtCreate": 1767225600000,
                    "gmtModified": 1767225600000,
                }
            ],
        ),
    ),
)
