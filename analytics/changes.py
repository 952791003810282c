"""What changes the counts of messages: noted where it happens, in the transaction that changes them.

Two statement triggers on the messages' table (`migrations/0001_message_counts.sql`) compare rows as they were with rows
as they are. Whatever writes messages (an accepted push, COPY, an outcome, a bind, a revocation) is therefore counted
exactly once, by what the rows say, and pushcore knows nothing of it. They note only; `rollups.fold` sums up later.
Broadcasts of the self-built channel have no rows: pushcore tells of them through a port. Events come from `intake`.

Definitions (source document, 6.2), each in its own minute:

pushed     the message has a device, and was not revoked undelivered nor refused for a dead token; its creation
accepted   the device, or the vendor's service, took it; when that became known
arrived    it is known to be on the device; when that became known
opened     the device says so, on any channel; when it happened
ignored    likewise, on the self-built channel only
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag

from django.db import connection

from pushcore.channels import Channel


class Metric(IntFlag):
    """What an entry counts; several at once where they share all else. Negative: it no longer does."""

    PUSHED = 1
    ACCEPTED = 2
    ARRIVED = 4
    OPENED = 8
    IGNORED = 16


def pushed(row: str) -> str:
    """Return SQL for the minute a row of messages counts as pushed in, or NULL."""
    return f"analytics_pushed_minute({row}.id, {row}.device_id, {row}.status, {row}.channel)"


def accepted(row: str) -> str:
    """Return SQL for the minute a row of messages counts as accepted in, or NULL."""
    return f"analytics_accepted_minute({row}.device_id, {row}.status, {row}.updated_at)"


def arrived(row: str) -> str:
    """Return SQL for the minute a row of messages counts as arrived in, or NULL."""
    return f"analytics_arrived_minute({row}.device_id, {row}.arrived_at)"


# Of a change: its columns, and each entry's values in their order. What all entries have in common is kept once.
COLUMNS = "metrics, minutes, tasks, channels, devices"
_SHARED = "CASE WHEN min({0}) = max({0}) THEN ARRAY[min({0})] ELSE array_agg({0}) END"
ENTRIES = (
    "SELECT coalesce(metric, metrics[1]) AS metric, coalesce(minute, minutes[1]) AS minute,"
    " coalesce(task_id, tasks[1]) AS task_id, coalesce(channel, channels[1]) AS channel, device_id FROM {changes},"
    " unnest(metrics, minutes, tasks, channels, devices) AS u(metric, minute, task_id, channel, device_id)"
)
_NOTE = (
    f"INSERT INTO analytics_change ({COLUMNS}) SELECT"
    f" {', '.join(_SHARED.format(value) for value in ('metric', 'minute', 'task_id', 'channel'))}, array_agg(device_id)"
    " FROM ({entries}) entries HAVING count(*) > 0"
)


def note_broadcasts(arrivals: Sequence[tuple[int, int]]) -> None:
    """Devices that acknowledged broadcasts on the self-built channel: (task id, device id). Pushed, accepted and
    arrived at once; part of the caller's transaction."""
    if not arrivals:
        return
    task_ids, device_ids = zip(*arrivals, strict=True)
    entries = (
        f"SELECT {Metric.PUSHED | Metric.ACCEPTED | Metric.ARRIVED}::smallint AS metric,"
        f" analytics_minute(now()) AS minute, said.task_id, {Channel.SELF_BUILT.value}::smallint AS channel,"
        " said.device_id FROM unnest(%s::bigint[], %s::bigint[]) AS said(task_id, device_id)"
    )
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(entries=entries), [list(task_ids), list(device_ids)])


# Of events `e`: those that are counted.
COUNTED_EVENTS = f"(e.kind = 'opened' OR (e.kind = 'ignored' AND e.channel = {Channel.SELF_BUILT.value}))"


def note_events(event_ids: Sequence[int]) -> None:
    """Events that are new; part of the caller's transaction."""
    if not event_ids:
        return
    entries = (
        f"SELECT (CASE e.kind WHEN 'opened' THEN {Metric.OPENED} ELSE {Metric.IGNORED} END)::smallint AS metric,"
        " analytics_minute(e.at) AS minute, coalesce(e.task_id, 0) AS task_id, e.channel, e.device_id"
        f" FROM analytics_messageevent e WHERE e.id = ANY(%s) AND {COUNTED_EVENTS}"
    )
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(entries=entries), [list(event_ids)])
