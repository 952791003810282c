"""Create, list and cancel schedules."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Occurrence, PushTask, Schedule, Workspace
from pushcore.push import requests, templates
from pushcore.push.idempotency import claim
from pushcore.push.requests import AnyPush
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
    fingerprint = hashlib.blake2b(push.fingerprint + repr(strategy).encode(), digest_size=16).digest()
    timed = isinstance(strategy, Timed)
    template_name = getattr(request, "template_name", "")
    with transaction.atomic():
        schedule_id, *children = ids.new_ids(1 if timed else 1 + len(at))
        first = claim(workspace, push.idempotency_keys, task_id=schedule_id, fingerprint=fingerprint, now=now)
        if first is not None:
            return Schedule.objects.get(pk=first.pk)
        if template_name:
            templates.hold(workspace, template_name)
        if Schedule.objects.filter(workspace=workspace, occurrences__status=PENDING).distinct().count() >= MAX_OPEN:
            raise ResultError(ResultCode.INVALID_PARAM, f"{MAX_OPEN} schedules are waiting already")
        schedule = Schedule.objects.create(
            id=schedule_id,
            workspace=workspace,
            kind=push.kind,
            strategy=Schedule.Strategy.TIMED if timed else Schedule.Strategy.CYCLIC,
            delivery_type=push.delivery_type,
            name=push.task_name,
            title=str(push.content["title"])[:500],
            body=str(push.content["content"])[:500],
            template_name=template_name,
            request=requests.as_json(request),
            fingerprint=fingerprint,
            source=source,
            author=author[:150],
            created_at=now,
        )
        Occurrence.objects.bulk_create(
            Occurrence(id=child, schedule=schedule, workspace=workspace, at=moment)
            for child, moment in zip([schedule_id] if timed else children, at, strict=True)
        )
    return schedule


def listed(
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
    found = OccurrenceFilter(wanted, mine).qs
    first = (page - 1) * page_size
    ordered = found.select_related("schedule").order_by("-schedule_id", "at")
    return OccurrencePage(found.count(), list(ordered[first : first + page_size]))


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
