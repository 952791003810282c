"""What the server API asks of usage analysis (`pushcore.ports.Analysis`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from analytics import task_queries
from analytics.models import MessageEvent
from analytics.queries import report_of_days, statuses_of, totals
from pushcore.models import PushTask, Workspace
from pushcore.ports import AnalysisFilter, CoreIndex, ReportedEvent, StatusCount, TaskPage
from pushcore.storage import ids


def core_index(workspace: Workspace, filters: AnalysisFilter) -> CoreIndex:
    """Return the numbers of the days from `filters.start` to `filters.end` (the workspace's days, both included)."""
    if filters.task_id is not None:
        return _of_task(workspace, filters)
    narrowed = {"platform": filters.platform, "channel": filters.channel, "kind": filters.kind}
    return totals(report_of_days(workspace, filters.start, filters.end, **narrowed))


def status_list(workspace: Workspace, filters: AnalysisFilter) -> list[StatusCount]:
    """Return the statuses of the messages of the pushes of these days; see `statuses_of`."""
    return statuses_of(
        report_of_days(workspace, filters.start, filters.end, channel=filters.channel, kind=filters.kind)
    )


def task_page(
    workspace: Workspace, start: datetime, *, task_id: int | None, name: str, page: int, page_size: int
) -> TaskPage:
    """Return a page of the multiple, broadcast and audience pushes made since the day of `start`, the newest first."""
    since = ids.first_id_at(report_of_days(workspace, start, start).start)
    tasks = PushTask.objects.filter(workspace=workspace, kind__in=PushTask.BULK_KINDS, pk__gte=since)
    if task_id is not None:
        tasks = tasks.filter(pk=task_id)
    if name:
        tasks = tasks.filter(name=name)
    first = (page - 1) * page_size
    return TaskPage(tasks.count(), list(tasks.order_by("-pk")[first : first + page_size]))


def task_of(workspace: Workspace, task_id: int) -> PushTask | None:
    """Return a task with its counters; None where the workspace has none of that id."""
    return PushTask.objects.filter(workspace=workspace, pk=task_id).exclude(kind=PushTask.Kind.REVOKE).first()


def index_by_bucket(task: PushTask) -> dict[int, CoreIndex]:
    """Return the numbers of a push's messages by their devices' buckets in its A/B test."""
    return task_queries.by_bucket(task)


def events_of(message_ids: Sequence[int]) -> list[ReportedEvent]:
    """Return what devices reported of messages, in the order it happened."""
    events = MessageEvent.objects.filter(message_id__in=message_ids).order_by("at", "pk")
    return [ReportedEvent(*row) for row in events.values_list("message_id", "kind", "at")]


def _of_task(workspace: Workspace, filters: AnalysisFilter) -> CoreIndex:
    assert filters.task_id is not None
    task = task_of(workspace, filters.task_id)
    days = report_of_days(workspace, filters.start, filters.end)
    if task is None or not days.start <= task.created_at < days.end or filters.kind not in (None, task.kind):
        return CoreIndex(0, 0, 0, 0, 0)
    wanted = [
        entry.index
        for entry in task_queries.by_channel(task, filters.platform)
        if filters.channel in (None, entry.channel)
    ]
    return CoreIndex(*(sum(getattr(index, name) for index in wanted) for name in CoreIndex.__dataclass_fields__))
