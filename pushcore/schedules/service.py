"""Create, list and cancel schedules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from pushcore.audience import segments
from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push import upload
from pushcore.models import FileImport, Occurrence, PushTask, Schedule, Workspace
from pushcore.push import limits, requests, templates
from pushcore.push.idempotency import claim
from pushcore.push.requests import AnyPush, FilePush
from pushcore.push.validation import validate
from pushcore.schedules.filters import OccurrenceFilter
from pushcore.schedules.times import Strategy, Timed, moments
from pushcore.storage import clock, ids

# Schedules of a workspace that are not over.
MAX_OPEN = 500
MAX_CANCELLED_AT_ONCE = 30
PENDING = Occurrence.Status.PENDING


@dataclass(frozen=True, slots=True)
class OccurrencePage:
    """One page of a list of occurrences, and how many there are in all."""

    total: int
    occurrences: Sequence[Occurrence]


def next_moments(workspace: Workspace, strategy: Strategy) -> list[datetime]:
    """Return when a push with this strategy would be sent, ascending.

    Raises:
        ResultError: As `create`, of the strategy alone.
    """
    return moments(strategy, ZoneInfo(workspace.time_zone), clock.now())


def create(
    workspace: Workspace, request: AnyPush, strategy: Strategy, *, source: PushTask.Source, author: str
) -> Schedule:
    """Schedule a push. It is validated now and rendered from its template when it is sent.

    Returns:
        The committed schedule; for a repeated request within 24 hours the first one.

    Raises:
        ResultError: As the push itself would; INVALID_PARAM for a strategy without a future time.
    """
    now = clock.now()
    at = moments(strategy, ZoneInfo(workspace.time_zone), now)
    push = validate(workspace, request)
    schedule = _new(workspace, request, push.content, strategy, now)
    schedule.source, schedule.author = source, author[:150]
    with transaction.atomic():
        schedule.pk, *children = ids.new_ids(len(at) + 1)
        first = claim(
            workspace, push.idempotency_keys, task_id=schedule.pk, fingerprint=bytes(schedule.fingerprint), now=now
        )
        if first is not None:
            return Schedule.objects.get(pk=first.pk)
        _insert(schedule, at, children)
    return schedule


def create_of_file(
    workspace: Workspace,
    request: FilePush,
    file: FileImport,
    strategy: Strategy,
    *,
    source: PushTask.Source,
    author: str,
) -> Schedule:
    """Schedule the push of a kept file (`file_push.upload.keep`). The file is kept for as long as it will be pushed.

    Returns:
        The committed schedule; for the same file again, while it is waiting, the first one.

    Raises:
        ResultError: As `create`; INVALID_PARAM for a file that was pushed or deleted, or too many files that wait.
    """
    now = clock.now()
    at = moments(strategy, ZoneInfo(workspace.time_zone), now)
    limits.check(request)
    schedule = _new(workspace, request, upload.content_of(workspace, request).shared, strategy, now)
    schedule.source, schedule.author, schedule.file_id = source, author[:150], file.pk
    with transaction.atomic():
        # The file's row serialises what is done with it.
        kept = FileImport.objects.select_for_update().filter(pk=file.pk, workspace=workspace, accepted_at__isnull=True)
        if not kept.exists():
            raise ResultError(
                ResultCode.INVALID_PARAM, "the file was pushed already, or is not kept any more", parameter="file"
            )
        first = Schedule.objects.filter(workspace=workspace, file_id=file.pk, fingerprint=schedule.fingerprint).first()
        if first is not None:
            return first
        if len(upload.scheduled_files().filter(workspace=workspace)) >= upload.MAX_OPEN:
            raise ResultError(
                ResultCode.INVALID_PARAM,
                f"{upload.MAX_OPEN} files wait for their time already",
                parameter="scheduled files",
            )
        schedule.pk, *children = ids.new_ids(len(at) + 1)
        _insert(schedule, at, children)
    return schedule


def _new(
    workspace: Workspace,
    request: AnyPush | FilePush,
    content: Mapping[str, Any],
    strategy: Strategy,
    now: datetime,
) -> Schedule:
    """Make the row of a schedule, without its id and its origin."""
    fingerprint = hashlib.blake2b(request.fingerprint() + repr(strategy).encode(), digest_size=16).digest()
    return Schedule(
        workspace=workspace,
        kind=request.kind,
        strategy=Schedule.Strategy.TIMED if isinstance(strategy, Timed) else Schedule.Strategy.CYCLIC,
        delivery_type=request.delivery_type,
        name=request.task_name,
        title=str(content["title"])[:500],
        body=str(content["content"])[:500],
        template_name=getattr(request, "template_name", ""),
        request=requests.as_json(request),
        fingerprint=fingerprint,
        created_at=now,
    )


def _insert(schedule: Schedule, at: Sequence[datetime], children: Sequence[int]) -> None:
    """Insert a schedule and its occurrences: part of the caller's transaction. A timed one's has the schedule's id."""
    workspace = schedule.workspace
    if schedule.template_name:
        templates.hold(workspace, schedule.template_name)
    if segment_name := schedule.request.get("segment_name"):
        segments.hold(workspace, segment_name)
    if Schedule.objects.filter(workspace=workspace, occurrences__status=PENDING).distinct().count() >= MAX_OPEN:
        raise ResultError(ResultCode.INVALID_PARAM, f"{MAX_OPEN} schedules are waiting already", parameter="schedules")
    schedule.save(force_insert=True)
    own = [schedule.pk] if schedule.strategy == Schedule.Strategy.TIMED else children
    Occurrence.objects.bulk_create(
        Occurrence(id=child, schedule=schedule, workspace=workspace, at=moment)
        for child, moment in zip(own, at, strict=True)
    )


def list_occurrences(
    workspace: Workspace,
    start: datetime,
    end: datetime,
    *,
    kind: str | None = None,
    unique_id: int | None = None,
    page: int = 1,
    page_size: int = 500,
) -> OccurrencePage:
    """List occurrences between two times of sending, the latest schedule first, without cancelled ones.

    Args:
        workspace: Whose occurrences.
        start: The first time of sending.
        end: The last time of sending.
        kind: Only pushes of this kind.
        unique_id: The id of a schedule (all its occurrences) or of one occurrence.
        page: The page, from 1.
        page_size: Occurrences on a page.
    """
    mine = Occurrence.objects.filter(workspace=workspace).exclude(status=Occurrence.Status.CANCELLED)
    wanted = {"start": start, "end": end, "kind": kind, "unique_id": unique_id}
    occurrences = OccurrenceFilter(wanted, mine).qs
    first = (page - 1) * page_size
    ordered = occurrences.select_related("schedule").order_by("-schedule_id", "at")
    return OccurrencePage(occurrences.count(), list(ordered[first : first + page_size]))


def cancel(workspace: Workspace, unique_ids: Sequence[int], *, parents: bool) -> int:
    """Cancel what is still to be sent of schedules (`parents`) or of single occurrences, all or nothing.

    Returns:
        How many occurrences were cancelled.

    Raises:
        ResultError: INVALID_PARAM, naming the first id that is unknown or has nothing left to send.
    """
    if not unique_ids:
        raise ResultError(ResultCode.INVALID_PARAM, "uniqueIds is empty")
    if len(unique_ids) > MAX_CANCELLED_AT_ONCE:
        raise ResultError(ResultCode.INVALID_PARAM, f"at most {MAX_CANCELLED_AT_ONCE} uniqueIds")
    column = "schedule_id" if parents else "pk"
    with transaction.atomic():
        # An occurrence that is being sent is waited for, and is no longer pending then.
        waiting: QuerySet[Occurrence] = Occurrence.objects.filter(
            workspace=workspace, status=PENDING, **{f"{column}__in": unique_ids}
        )
        locked = list(waiting.select_for_update().order_by("pk").values_list("pk", column))
        missing = sorted(set(unique_ids) - {owner for _, owner in locked})
        if missing:
            raise ResultError(ResultCode.INVALID_PARAM, f"{missing[0]} is not a schedule with something left to send")
        return Occurrence.objects.filter(pk__in=[pk for pk, _ in locked]).update(status=Occurrence.Status.CANCELLED)
