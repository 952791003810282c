"""The rows of a revoked task: what waits becomes Revoked, then devices are told of what arrived, batch by batch."""

from __future__ import annotations

import time

from django.db import transaction

from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import deliverable, dispatch, outcomes
from pushcore.models import PushTask, Revocation
from pushcore.ports import Outcome
from pushcore.revocation import notices
from pushcore.storage import clock

BATCH = 1000


def any_unfinished() -> bool:
    """Return whether a revocation is not finished."""
    return Revocation.objects.filter(finished_at__isnull=True).exists()


def work_off_all(*, budget_seconds: float = 20.0) -> None:
    """Go on with revocations that are not finished, until the time is spent. Called periodically."""
    deadline = time.monotonic() + budget_seconds
    waiting = Revocation.objects.filter(finished_at__isnull=True).order_by("pk")
    for task_id in waiting.values_list("pk", flat=True)[:1000]:
        left = deadline - time.monotonic()
        if left <= 0 or not work_off(task_id, budget_seconds=left):
            return


def work_off(task_id: int, *, budget_seconds: float) -> bool:
    """Revoke what waits of a task, then tell devices of what arrived.

    Safe to run at once with itself and to be cut off: a batch is one transaction, and rows change their status once.

    Returns:
        Whether it came to the end before the time was spent.
    """
    deadline = time.monotonic() + budget_seconds
    for step in (_stop_waiting, _tell_arrived):
        while step(task_id):
            if time.monotonic() >= deadline:
                return False
    return True


def _stop_waiting(task_id: int) -> bool:
    """Revoke the next batch of what waits; return whether there may be more."""
    with transaction.atomic():
        revocation = _open(task_id)
        if revocation is None or revocation.stopped_at is not None:
            return False
        waiting = revocation.task.own_messages().filter(status__in=statuses.PENDING)
        rows = list(waiting.filter(pk__gt=revocation.position).order_by("pk")[:BATCH])
        outcomes.record([Outcome(row.pk, statuses.REVOKED) for row in rows])
        told = notices.insert(_task(revocation), notices.perhaps_on_device(rows))
        if len(rows) < BATCH:
            revocation.stopped_at, revocation.position = clock.now(), 0
        else:
            revocation.position = rows[-1].pk
        revocation.save(update_fields=["stopped_at", "position"])
    notices.withdraw(rows)
    dispatch.to_lanes(deliverable.by_id(told))
    return len(rows) == BATCH


def _tell_arrived(task_id: int) -> bool:
    """Tell the devices of the next batch of what arrived; return whether there may be more."""
    with transaction.atomic():
        revocation = _open(task_id)
        # Somebody else may still be at what waits: the position is of that then.
        if revocation is None or revocation.stopped_at is None:
            return False
        arrived = revocation.task.own_messages().filter(status=statuses.ACKED, channel=Channel.SELF_BUILT)
        rows = list(arrived.filter(pk__gt=revocation.position).order_by("pk")[:BATCH])
        told = notices.insert(_task(revocation), notices.arrived(rows))
        if rows:
            revocation.position = rows[-1].pk
        if len(rows) < BATCH:
            revocation.finished_at = clock.now()
        revocation.save(update_fields=["position", "finished_at"])
    dispatch.to_lanes(deliverable.by_id(told))
    return len(rows) == BATCH


def _open(task_id: int) -> Revocation | None:
    """Lock the revocation; None where nothing of it is left to do, or somebody else is at it."""
    revocations = Revocation.objects.select_for_update(of=("self",), skip_locked=True)
    return revocations.select_related("task").filter(pk=task_id, finished_at__isnull=True).first()


def _task(revocation: Revocation) -> PushTask:
    return PushTask.objects.get(pk=revocation.own_task_id)
