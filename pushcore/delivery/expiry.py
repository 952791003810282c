"""Messages whose validity ended before they were delivered: they become Expired, and those who ask are told.

Tasks are walked in the order their validity ends, along an index, up to a checkpoint; of a task only what still waits
is touched. So the work is that of the messages that expire, not of all there are. Until a task is walked, its messages
are recognized as expired by their time (`Message.is_expired`).

The source document has no status for it: a message "will not be resent" and stays as it was (status 0 or 1).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from pushcore.codes import statuses
from pushcore.delivery import outcomes, sweeper
from pushcore.models import Watermark
from pushcore.ports import Outcome
from pushcore.storage import clock, ids, partitions
from pushcore.storage.sql import statements
from pushcore.webhooks import events as webhook_events

# An acknowledgement may be on its way when the validity ends.
GRACE = timedelta(minutes=2)
TASKS = 500
BATCH = 1000

_SQL = statements(__file__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The checkpoint: when the validity ended of the task that is walked (microseconds since 1970), that task, and up to
# which of its messages. The first row is locked while a batch lasts.
_ENDED, _TASK, _MESSAGE = "expiry", "expiry.task", "expiry.message"


class _DueTask(NamedTuple):
    """A task whose validity is over: a row of the statement `due_tasks`.

    Attributes:
        ended: When its validity ended, in microseconds since 1970.
        waiting: At most so many of its messages wait.
    """

    id: int
    ended: int
    last_message_id: int
    waiting: int


def expire_due(*, budget_seconds: float = 8.0) -> int:
    """Expire what is due until nothing is left or the time is spent.

    Safe to run at once with itself and to be cut off: a batch is one transaction. While acknowledgements wait to be
    recorded, nothing expires: what they are about would look undelivered.

    Returns:
        How many messages became Expired.
    """
    if sweeper.lanes_are_behind():
        return 0
    deadline, expired = time.monotonic() + budget_seconds, 0
    while time.monotonic() < deadline:
        batch = _expire_batch()
        if batch is None:
            break
        expired += batch
    return expired


def expire(message_ids: Sequence[int]) -> int:
    """Expire those of the messages that wait, and return how many did."""
    return outcomes.record([Outcome(message_id, statuses.EXPIRED) for message_id in message_ids])


def _expire_batch() -> int | None:
    """Expire the next batch and move the checkpoint; None where nothing is due, or somebody else is at it."""
    Watermark.objects.bulk_create([Watermark(name=name) for name in (_ENDED, _TASK, _MESSAGE)], ignore_conflicts=True)
    with transaction.atomic():
        if Watermark.objects.select_for_update(skip_locked=True).filter(name=_ENDED).first() is None:
            return None
        at = dict(Watermark.objects.filter(name__in=(_ENDED, _TASK, _MESSAGE)).values_list("name", "position"))
        due = _due_tasks(at[_ENDED], at[_TASK])
        if not due:
            return None
        batch = due[:1] if at[_MESSAGE] else _as_many_as_fit(due)
        waiting = _waiting(batch, after=at[_MESSAGE])
        expire(waiting)
        if len(waiting) < BATCH:
            at = {_ENDED: batch[-1].ended, _TASK: batch[-1].id, _MESSAGE: 0}
        elif len(batch) == 1:
            at[_MESSAGE] = waiting[-1]
        if not at[_MESSAGE]:
            _tell_finished([task.id for task in batch])
        for name, position in at.items():
            Watermark.objects.filter(name=name).update(position=position)
    return len(waiting)


def _tell_finished(task_ids: Sequence[int]) -> None:
    """Tell webhooks that want it that tasks whose validity is over are finished, if that was not told before."""
    with connection.cursor() as cursor:
        webhook_events.tasks_finished(cursor, task_ids, clock.now(), over=True)


def _due_tasks(ended: int, task_id: int) -> list[_DueTask]:
    """Read the next tasks after the checkpoint, in the order their validity ended."""
    after = _EPOCH + timedelta(microseconds=ended)
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["due_tasks"],
            {
                "ended": after,
                "task": task_id,
                "grace": GRACE.total_seconds(),
                # A task is at most as old as its validity: partitions before need not be looked at.
                "oldest": max(0, ids.first_id_at(after - partitions.longest_validity() - timedelta(days=1))),
                "at_most": TASKS,
            },
        )
        return list(map(_DueTask._make, cursor.fetchall()))


def _as_many_as_fit(due: Sequence[_DueTask]) -> list[_DueTask]:
    """Return the first of the tasks: as many as have less than a batch together, or the first alone."""
    room, batch = BATCH - 1, list[_DueTask]()
    for task in due:
        room -= task.waiting
        if batch and room < 0:
            break
        batch.append(task)
    return batch


def _waiting(tasks: Sequence[_DueTask], after: int) -> list[int]:
    """Read the messages of the tasks that wait, at most a batch, in ascending order."""
    unfinished = [task for task in tasks if task.waiting]
    if not unfinished:
        return []
    firsts = [max(task.id, after) for task in unfinished]
    lasts = [task.last_message_id for task in unfinished]
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["waiting"],
            {
                "tasks": [task.id for task in unfinished],
                "firsts": firsts,
                "lasts": lasts,
                "lowest": min(firsts),
                "highest": max(lasts),
                "pending": sorted(statuses.PENDING),
                "at_most": BATCH,
            },
        )
        return [message_id for (message_id,) in cursor.fetchall()]
