"""Segments: conditions that are kept under a name. A push to one goes to those who meet it when the push is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from pushcore.audience import conditions
from pushcore.audience.condition_text import to_json_form
from pushcore.audience.resolve import ids_of_names
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Occurrence, Schedule, Segment, Workspace
from pushcore.storage import clock

# Of a workspace.
MAX_SEGMENTS = 200
MAX_NAME = 64
MAX_DESCRIPTION = 200
# Control characters, and characters that break a line of text.
_UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def create(
    workspace: Workspace, name: str, condition: Mapping[str, Any] | str, description: str = "", *, author: str = ""
) -> Segment:
    """Create a segment.

    Args:
        workspace: Where it belongs.
        name: Its name; blanks around it do not count.
        condition: Its JSON form, or text.
        description: What it is for.
        author: Who creates it: an AccessKey ID or an operator.

    Raises:
        ResultError: SEGMENT_NAME_INVALID, SEGMENT_ALREADY_EXIST, SEGMENT_NUM_TOO_MUCH, CONDITION_INVALID,
            INVALID_PARAM (the description).
    """
    segment = Segment(workspace=workspace, name=clean_name(name), condition=checked_form(workspace, condition))
    segment.description = clean_description(description)
    note_saved(segment, author)
    with transaction.atomic():
        # The workspace's row serialises the count and the check of the name.
        Workspace.objects.select_for_update(no_key=True).only("pk").get(pk=workspace.pk)
        check_free(workspace, segment.name)
        if of_workspace(workspace).count() >= MAX_SEGMENTS:
            raise ResultError(ResultCode.SEGMENT_NUM_TOO_MUCH, f"at most {MAX_SEGMENTS} in a workspace")
        segment.save(force_insert=True)
    return segment


def update(
    workspace: Workspace,
    name: str,
    *,
    condition: Mapping[str, Any] | str | None = None,
    description: str | None = None,
    author: str = "",
) -> Segment:
    """Change a segment's condition or its description, or both. Schedules to it follow.

    Raises:
        ResultError: As `create`; SEGMENT_NOT_EXIST; INVALID_PARAM where neither is given.
    """
    if condition is None and description is None:
        raise ResultError(ResultCode.INVALID_PARAM, "condition or description is needed")
    with transaction.atomic():
        segment = hold(workspace, name)
        if condition is not None:
            segment.condition = checked_form(workspace, condition)
        if description is not None:
            segment.description = clean_description(description)
        note_saved(segment, author)
        segment.save()
    return segment


def note_saved(segment: Segment, author: str) -> None:
    """Note in a segment, unsaved, that somebody saves it now."""
    segment.saved_at, segment.saved_by = clock.now(), author[:150]


def delete(workspace: Workspace, name: str) -> None:
    """Delete a segment. Pushes that were sent to it go on.

    Raises:
        ResultError: SEGMENT_NOT_EXIST; INVALID_PARAM where a schedule still needs it, naming some.
    """
    with transaction.atomic():
        segment = hold(workspace, name)
        check_unused(segment)
        segment.delete()


def of_workspace(workspace: Workspace) -> QuerySet[Segment]:
    """Return the workspace's segments in alphabetical order."""
    return Segment.objects.filter(workspace=workspace).order_by("name")


def named(workspace: Workspace, name: str) -> Segment:
    """Return the segment of that name. Raises `ResultError` (SEGMENT_NOT_EXIST)."""
    return _one(Segment.objects.filter(workspace=workspace), name)


def hold(workspace: Workspace, name: str) -> Segment:
    """Lock the segment until the transaction ends, so that nobody deletes it. Raises as `named`."""
    return _one(Segment.objects.select_for_update(no_key=True).filter(workspace=workspace), name)


def _one(segments: QuerySet[Segment], name: str) -> Segment:
    segment = segments.filter(name=_UNPRINTABLE.sub("", name).strip()[: MAX_NAME + 1]).first()
    if segment is None:
        raise ResultError(ResultCode.SEGMENT_NOT_EXIST, name[:MAX_NAME])
    return segment


def check_free(workspace: Workspace, name: str) -> None:
    """Check that no segment has the name. Raises `ResultError` (SEGMENT_ALREADY_EXIST)."""
    if of_workspace(workspace).filter(name=name).exists():
        raise ResultError(ResultCode.SEGMENT_ALREADY_EXIST, name)


def check_unused(segment: Segment) -> None:
    """Check that no schedule will still need the segment.

    Raises:
        ResultError: Some do (INVALID_PARAM); the message names them.
    """
    needed_by = ", ".join(str(schedule) for schedule in waiting_schedules(segment)[:10])
    if needed_by:
        raise ResultError(
            ResultCode.INVALID_PARAM,
            f"the segment is needed by schedules {needed_by}: cancel them first",
            parameter="segmentName",
        )


def waiting_schedules(segment: Segment) -> QuerySet[Schedule]:
    """Return the schedules that will still need the segment, the oldest first."""
    waiting = Occurrence.objects.filter(schedule=OuterRef("pk"), status=Occurrence.Status.PENDING)
    named_it = Schedule.objects.filter(workspace_id=segment.workspace_id, request__segment_name=segment.name)
    return named_it.filter(Exists(waiting)).order_by("pk")


def clean_name(name: str) -> str:
    """Return a name without the blanks around it. Raises `ResultError` (SEGMENT_NAME_INVALID)."""
    cleaned = name.strip()
    if not 0 < len(cleaned) <= MAX_NAME or _UNPRINTABLE.search(cleaned):
        raise ResultError(ResultCode.SEGMENT_NAME_INVALID, f"1 to {MAX_NAME} characters, in one line")
    return cleaned


def clean_description(description: str) -> str:
    """Return a description without the blanks around it. Raises `ResultError` (INVALID_PARAM)."""
    cleaned = description.strip()
    if len(cleaned) > MAX_DESCRIPTION:
        raise ResultError(ResultCode.INVALID_PARAM, f"description: at most {MAX_DESCRIPTION} characters")
    return cleaned


def checked_form(workspace: Workspace, condition: Mapping[str, Any] | str) -> dict[str, Any]:
    """Return the JSON form of a condition, whose tags and topics the workspace has.

    Raises:
        ResultError: CONDITION_INVALID, with the path of the term that is wrong.
    """
    form = to_json_form(condition) if isinstance(condition, str) else dict(condition)
    ids_of_names(workspace.pk, conditions.parse(form))
    return form
