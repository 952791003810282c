"""Changes of messages' counts, noted in the transaction that makes them.

Two statement triggers on the messages' table (`migrations/0001_message_counts.sql`) compare rows as they were with rows
as they are. Whatever writes messages (an accepted push, COPY, an outcome, a bind, a revocation) is therefore counted
exactly once, by what the rows say, and pushcore knows nothing of it. They only note; `rollups.fold` sums up later.
Broadcasts of the self-built channel have no rows: pushcore tells of them through a port. Events come from `intake`.

Definitions (source document, 6.2), each in its own minute:

pushed     the message has a device, and was not revoked undelivered, held back by its category's rules nor refused for
           a dead token; its creation
accepted   the device, or the vendor's service, took it; when that became known
arrived    it is known to be on the device; when that became known
opened     the device says so, on any channel; when it happened
ignored    likewise, on the self-built channel only

Each message also counts in the status it has, whether it has a device or not, in the quarter of an hour in which its
push was accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag

from django.db import connection

from pushcore.codes import statuses
from pushcore.storage.sql import statements

_SQL = statements(__file__)


class Metric(IntFlag):
    """What an entry of `Change` counts; several metrics where all else is equal. A negative entry takes back.

    STATUS: the entry's message has the entry's status. WAITED: it had the status 0 before, which is taken back.
    """

    PUSHED = 1
    ACCEPTED = 2
    ARRIVED = 4
    OPENED = 8
    IGNORED = 16
    STATUS = 32
    WAITED = 64


# What a broadcast counts as, of a device that acknowledged it.
BROADCAST_ARRIVED = Metric.PUSHED | Metric.ACCEPTED | Metric.ARRIVED | Metric.STATUS


def pushed_minute(row: str) -> str:
    """Return SQL for the minute a row of messages counts as pushed in, or NULL."""
    return f"analytics_pushed_minute({row}.id, {row}.device_id, {row}.status, {row}.channel)"


def accepted_minute(row: str) -> str:
    """Return SQL for the minute a row of messages counts as accepted in, or NULL."""
    return f"analytics_accepted_minute({row}.device_id, {row}.status, {row}.updated_at)"


def arrived_minute(row: str) -> str:
    """Return SQL for the minute a row of messages counts as arrived in, or NULL."""
    return f"analytics_arrived_minute({row}.device_id, {row}.arrived_at)"


def note_broadcasts(arrivals: Sequence[tuple[int, int]]) -> None:
    """Note devices that acknowledged broadcasts on the self-built channel: pushed, accepted and arrived at once.

    Called by pushcore within its own transaction.

    Args:
        arrivals: Pairs of a task's and a device's primary key.
    """
    if not arrivals:
        return
    task_ids, device_ids = zip(*arrivals, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["note_broadcasts"],
            {
                "metric": int(BROADCAST_ARRIVED),
                "status": statuses.ACKED,
                "tasks": list(task_ids),
                "devices": list(device_ids),
            },
        )


def note_events(event_ids: Sequence[int]) -> None:
    """Note events that are new, within the caller's transaction."""
    if not event_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["note_events"],
            {"events": list(event_ids), "opened": int(Metric.OPENED), "ignored": int(Metric.IGNORED)},
        )
