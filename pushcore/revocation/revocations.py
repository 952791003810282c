"""Revoking: what waits is never sent, and devices are told of what they have.

    a task     The task is marked, and from then on nothing of it may be delivered (`pushcore.delivery.deliverable`).
               Its rows follow in batches (`task_rows`): what waits becomes Revoked, then devices are told of what
               arrived.
    a message  The rows of a msgkey and target, at once.

How devices are told: `notices`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from pushcore.audience import aliases
from pushcore.broadcast import broadcasts
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import deliverable, dispatch, outcomes
from pushcore.devices.target_names import spellings
from pushcore.inbox import marks
from pushcore.models import Broadcast, Message, PushTask, Revocation, Workspace
from pushcore.ports import Outcome
from pushcore.revocation import notices, task_rows
from pushcore.storage import clock, ids
from pushcore.storage.wake import wake_task

# Done before the caller is answered; the worker does the rest.
INLINE_SECONDS = 1.0
MAX_ROWS_OF_TARGET = 1000


def revoke_message(workspace: Workspace, msgkey: str, target: str) -> int:
    """Revoke the messages with this msgkey to this target.

    Returns:
        How many messages there are.

    Raises:
        ResultError: There is none of the last seven days (INVALID_PARAM).
    """
    now = clock.now()
    with transaction.atomic():
        oldest = ids.first_id_at(now - notices.LONGEST_AGO)
        named = spellings(target)
        named += aliases.users_of(workspace, named).values()
        messages = Message.objects.filter(workspace=workspace, target__in=named, msgkey=msgkey, pk__gte=oldest).exclude(
            msgkey=""
        )
        rows = list(messages.select_for_update().order_by("pk")[:MAX_ROWS_OF_TARGET])
        if not rows:
            raise ResultError(ResultCode.INVALID_PARAM, "no message of the last 7 days has this messageId and targetId")
        outcomes.record([Outcome(row.pk, statuses.REVOKED) for row in rows])
        on_devices = [*notices.perhaps_on_device(rows), *notices.arrived(rows)]
        marks.hide(rows)
        told = notices.insert(notices.create_own_task(workspace, now), on_devices)
    notices.withdraw(rows)
    dispatch.to_lanes(deliverable.by_id(told))
    return len(rows)


def revoke_task(workspace: Workspace, task_id: int) -> None:
    """Revoke a task; nothing more happens to one that is revoked already.

    Raises:
        ResultError: The task is unknown or too old (INVALID_PARAM).
    """
    now = clock.now()
    with transaction.atomic():
        tasks = PushTask.objects.select_for_update().filter(workspace=workspace, pk=task_id)
        task = tasks.exclude(kind=PushTask.Kind.REVOKE).first()
        if task is None:
            raise ResultError(ResultCode.INVALID_PARAM, "taskId is not a task of this workspace")
        if task.created_at < now - notices.LONGEST_AGO:
            raise ResultError(ResultCode.INVALID_PARAM, "only tasks of the last 7 days can be revoked")
        if task.revoked_at is not None:
            return
        PushTask.objects.filter(pk=task.pk).update(revoked_at=now)
        if task.kind == PushTask.Kind.BROADCAST:
            # The id of the broadcast that tells devices must follow those that are visible already.
            broadcasts.lock(workspace)
        own = notices.create_own_task(workspace, now, revokes=task.pk)
        Revocation.objects.create(task=task, own_task_id=own.pk, created_at=now)
        is_broadcast = _revoke_broadcast(task, own, now)
    if is_broadcast:
        broadcasts.notify_gateways()
    if not task_rows.work_off(task.pk, budget_seconds=INLINE_SECONDS):
        wake_worker()


def _revoke_broadcast(task: PushTask, own: PushTask, now: datetime) -> bool:
    """Revoke the broadcast of a task; devices that have it are told by another broadcast to the same ones.

    Returns:
        Whether the task is one of a broadcast.
    """
    broadcast = Broadcast.objects.select_for_update(of=("self",)).filter(task=task).first()
    if broadcast is None:
        return False
    broadcast.revoked_at = now
    broadcast.save(update_fields=["revoked_at"])
    if broadcast.self_built:
        # To all that may have it: who was bound then need not be now.
        Broadcast.objects.create(
            task=own,
            workspace_id=task.workspace_id,
            platform=broadcast.platform,
            msgkey="",
            self_built=True,
            vendor_channels=broadcast.vendor_channels,
            expire_at=own.expire_at,
            walked_at=now,
        )
    return True


def wake_worker() -> None:
    """Have the rest done by a worker now; without a broker the periodic run does it."""
    wake_task("pushcore.work_off_revocations")
