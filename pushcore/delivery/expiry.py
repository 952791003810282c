"""Messages whose validity ended before they were delivered: they become Expired, and those who ask are told.

Tasks are walked in the order their validity ends, along an index, up to a checkpoint; of a task only what still waits
is touched. So the work is that of the messages that expire, not of all there are. Until a task is walked, its messages
are told to be expired by their time (`Message.is_expired`).

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
from pushcore.storage import ids, partitions

# An acknowledgement may be on its way when the validity ends.
GRACE = timedelta(minutes=2)
TASKS = 500
BATCH = 1000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The checkpoint: when the validity ended of the task that is walked (microseconds since 1970), that task, and up to
# which of its messages. The first row is locked while a batch lasts.
_ENDED, _TASK, _MESSAGE = "expiry", "expiry.task", "expiry.message"


class _Due(NamedTuple):
    """A task whose validity is over. `waiting`: at most so many of its messages wait."""

    id: int
    ended: int
    last_message_id: int
    waiting: int


def expire_due(*, budget_seconds: float = 8.0) -> int:
    """Expire what is due until nothing is left or the time is spent; returns how many messages became Expired.

    Safe to run at once with itself and to be cut off: a batch is one transaction. While acknowledgements wait to be
    recorded, nothing expires: what they are about would look undelivered.
    """
    if sweeper.lanes_are_behind():
        return 0
    deadline, expired = time.monotonic() + budget_seconds, 0
    while time.monotonic() < deadline:
        step = _step()
        if step is None:
            break
        expired += step
    return expired


def expire(message_ids: Sequence[int]) -> int:
    """Let these messages expire, those of them that wait; returns how many did."""
    return outcomes.record([Outcome(message_id, statuses.EXPIRED) for message_id in message_ids])


def _step() -> int | None:
    """Expire the next batch and move the checkpoint; None where nothing is due, or somebody else is at it."""
    Watermark.objects.bulk_create([Watermark(name=name) for name in (_ENDED, _TASK, _MESSAGE)], ignore_conflicts=True)
    with transaction.atomic():
        if Watermark.objects.select_for_update(skip_locked=True).filter(name=_ENDED).first() is None:
            return None
        at = dict(Watermark.objects.filter(name__in=(_ENDED, _TASK, _MESSAGE)).values_list("name", "position"))
        due = _due(at[_ENDED], at[_TASK])
        if not due:
            return None
        run = due[:1] if at[_MESSAGE] else _run(due)
        found = _waiting(run, after=at[_MESSAGE])
        expire(found)
        if len(found) < BATCH:
            at = {_ENDED: run[-1].ended, _TASK: run[-1].id, _MESSAGE: 0}
        elif len(run) == 1:
            at[_MESSAGE] = found[-1]
        for name, position in at.items():
            Watermark.objects.filter(name=name).update(position=position)
    return len(found)


def _due(ended: int, task_id: int) -> list[_Due]:
    """The next tasks after the checkpoint, in the order their validity ended."""
    after = _EPOCH + timedelta(microseconds=ended)
    # A task is at most as old as its validity: partitions before need not be looked at.
    oldest = max(0, ids.first_id_at(after - partitions.longest_validity() - timedelta(days=1)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, (extract(epoch FROM expire_at) * 1000000)::bigint, last_message_id,"
            " greatest(0, message_count - success_count) FROM pushcore_pushtask"
            " WHERE (expire_at, id) > (%s, %s) AND expire_at <= now() - %s * interval '1 second' AND id >= %s"
            f" ORDER BY expire_at, id LIMIT {TASKS}",
            [after, task_id, GRACE.total_seconds(), oldest],
        )
        return list(map(_Due._make, cursor.fetchall()))


def _run(due: Sequence[_Due]) -> list[_Due]:
    """The first of the tasks: as many as have less than a batch together, or the first alone."""
    room, run = BATCH - 1, list[_Due]()
    for task in due:
        room -= task.waiting
        if run and room < 0:
            break
        run.append(task)
    return run


def _waiting(run: Sequence[_Due], after: int) -> list[int]:
    """Messages of the tasks that wait, at most a batch, in ascending order."""
    left = [task for task in run if task.waiting]
    if not left:
        return []
    firsts = [max(task.id, after) for task in left]
    lasts = [task.last_message_id for task in left]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.id FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS t(id, first, last)"
            " CROSS JOIN LATERAL (SELECT id FROM pushcore_message WHERE id > t.first AND id <= t.last"
            f"  AND id BETWEEN %s AND %s AND task_id = t.id AND status IN ({', '.join(map(str, statuses.PENDING))})"
            f"  ORDER BY id LIMIT {BATCH}) m ORDER BY m.id LIMIT {BATCH}",
            [[task.id for task in left], firsts, lasts, min(firsts), max(lasts)],
        )
        return [row[0] for row in cursor.fetchall()]
