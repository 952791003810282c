"""What was pushed, arrived, was opened and ignored: questions of report page, export and API, answered in one place.

Definitions (source document, 6.2): a message is pushed when it has a device to go to; a user without one, or a message
that was revoked before it was delivered, is not pushed. Arrivals are what a device acknowledged on the self-built
channel, and what a vendor says on its own. Opened and ignored are what devices report, ignored on the self-built
channel only. Broadcasts count, on the self-built channel, the devices that acknowledged them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from pushcore import ids
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.models import PushTask, Workspace
from pushcore.ports import AnalysisFilter, CoreIndex, TaskPage

LISTED_KINDS = (PushTask.Kind.MULTIPLE, PushTask.Kind.BROADCAST)


@dataclass(slots=True)
class _Where:
    """Conditions of a query and their parameters."""

    conditions: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def add(self, condition: str, *params: Any) -> None:
        self.conditions.append(condition)
        self.params += params

    def __str__(self) -> str:
        return " AND ".join(self.conditions)


def core_index(workspace: Workspace, asked: AnalysisFilter) -> CoreIndex:
    """The four numbers of the days from `asked.start` to `asked.end` (the workspace's days, both included)."""
    low, high = _ids_of_days(workspace, asked.start, asked.end)
    pushed, succeeded, arrived = _count_messages(_message_conditions(workspace, asked, low, high))
    opened, ignored = _count_events(_message_conditions(workspace, asked, low, high))
    if asked.channel in (None, Channel.SELF_BUILT) and asked.kind in (None, PushTask.Kind.BROADCAST):
        where = _broadcast_conditions(workspace, asked, low, high)
        reached, its_opened, its_ignored = _count_broadcasts(where)
        pushed, succeeded, arrived = pushed + reached, succeeded + reached, arrived + reached
        opened, ignored = opened + its_opened, ignored + its_ignored
    return CoreIndex(pushed, succeeded, arrived, opened, ignored)


def task_page(
    workspace: Workspace, start: datetime, *, task_id: int | None, name: str, page: int, page_size: int
) -> TaskPage:
    """Multiple and broadcast pushes made since the beginning of the day of `start`, the newest first."""
    found = PushTask.objects.filter(
        workspace=workspace, kind__in=LISTED_KINDS, pk__gte=_ids_of_days(workspace, start, start)[0]
    )
    if task_id is not None:
        found = found.filter(pk=task_id)
    if name:
        found = found.filter(name=name)
    first = (page - 1) * page_size
    return TaskPage(found.count(), list(found.order_by("-pk")[first : first + page_size]))


def task_of(workspace: Workspace, task_id: int) -> PushTask | None:
    """A task with its counters; None where the workspace has none of that id."""
    return PushTask.objects.filter(workspace=workspace, pk=task_id).exclude(kind=PushTask.Kind.REVOKE).first()


def _ids_of_days(workspace: Workspace, start: datetime, end: datetime) -> tuple[int, int]:
    """Ids from the first moment of a day to before the end of another, as the workspace's time zone has days."""
    zone = ZoneInfo(workspace.time_zone)
    first = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    last = end.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return ids.first_id_at(first), ids.first_id_at(last + timedelta(days=1))


def _message_conditions(workspace: Workspace, asked: AnalysisFilter, low: int, high: int) -> _Where:
    where = _Where()
    where.add("m.workspace_id = %s AND m.id >= %s AND m.id < %s AND t.kind <> %s", workspace.pk, low, high, "revoke")
    if asked.task_id is not None:
        where.add("m.task_id = %s", asked.task_id)
    if asked.kind is not None:
        where.add("t.kind = %s", str(asked.kind))
    if asked.channel is not None:
        where.add("m.channel = %s", int(asked.channel))
    if asked.platform is not None:
        where.add(
            "EXISTS (SELECT 1 FROM pushcore_device d WHERE d.id = m.device_id AND d.platform = %s)", int(asked.platform)
        )
    return where


def _count_messages(where: _Where) -> Sequence[int]:
    """Pushed, succeeded, arrived."""
    not_pushed = f"{statuses.NO_BIND_INFO}, {statuses.REVOKED}"
    return _row(
        f"SELECT count(*) FILTER (WHERE m.device_id IS NOT NULL AND m.status NOT IN ({not_pushed})),"
        f" count(*) FILTER (WHERE m.status = {statuses.ACKED}), count(*) FILTER (WHERE m.arrived_at IS NOT NULL)"
        f" FROM pushcore_message m JOIN pushcore_pushtask t ON t.id = m.task_id WHERE {where}",
        where.params,
    )


def _count_events(where: _Where) -> Sequence[int]:
    """Opened and ignored."""
    return _row(
        "SELECT count(*) FILTER (WHERE e.kind = 'opened'),"
        f" count(*) FILTER (WHERE e.kind = 'ignored' AND m.channel = {Channel.SELF_BUILT.value})"
        " FROM pushcore_message m JOIN pushcore_pushtask t ON t.id = m.task_id"
        f" JOIN analytics_messageevent e ON e.message_id = m.id AND e.device_id = m.device_id WHERE {where}",
        where.params,
    )


def _broadcast_conditions(workspace: Workspace, asked: AnalysisFilter, low: int, high: int) -> _Where:
    where = _Where()
    where.add("b.workspace_id = %s AND b.task_id >= %s AND b.task_id < %s AND t.kind = %s", workspace.pk, low, high,
              "broadcast")  # fmt: skip
    if asked.task_id is not None:
        where.add("b.task_id = %s", asked.task_id)
    if asked.platform is not None:
        where.add("b.platform = %s", int(asked.platform))
    return where


def _count_broadcasts(where: _Where) -> Sequence[int]:
    """Reached over the self-built channel, opened, ignored."""
    joined = f"FROM pushcore_broadcast b JOIN pushcore_pushtask t ON t.id = b.task_id WHERE {where}"
    [reached] = _row(f"SELECT coalesce(sum(b.reached), 0) {joined}", where.params)
    opened, ignored = _row(
        "SELECT count(*) FILTER (WHERE e.kind = 'opened'), count(*) FILTER (WHERE e.kind = 'ignored')"
        f" FROM analytics_messageevent e WHERE e.message_id IN (SELECT b.task_id {joined})",
        where.params,
    )
    return reached, opened, ignored


def _row(sql: str, params: Sequence[Any]) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return tuple(int(value) for value in cursor.fetchone())
