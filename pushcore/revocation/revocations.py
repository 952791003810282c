"""Revoking: what waits is never sent, and devices are told of what they have.

    a task     The task is marked, and from then on nothing of it may be delivered (`pushcore.delivery.deliverable`).
               Its rows follow in batches: what waits becomes Revoked, then devices are told of what arrived.
    a message  The rows of a msgkey and target, at once.

A device is told by a message of its own, `pushType` revoke, `revokes` the `k` of the other. It waits and is delivered
as any message; its msgkey is empty, and nobody gets a receipt for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from pushcore.broadcast import broadcasts
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import deliverable, dispatch, outcomes
from pushcore.devices.target_names import spellings
from pushcore.models import Broadcast, Message, PushTask, Revocation, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.ports import Outcome, lanes, online
from pushcore.storage import clock, ids
from pushcore.storage.valkey import ValkeyDown
from pushcore.storage.wake import wake_task

log = structlog.get_logger(__name__)

LONGEST_AGO = timedelta(days=7)
BATCH = 1000
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
        messages = Message.objects.filter(
            workspace=workspace, target__in=spellings(target), msgkey=msgkey, pk__gte=ids.first_id_at(now - LONGEST_AGO)
        ).exclude(msgkey="")
        rows = list(messages.select_for_update().order_by("pk")[:MAX_ROWS_OF_TARGET])
        if not rows:
            raise ResultError(ResultCode.INVALID_PARAM, "no message of the last 7 days has this messageId and targetId")
        outcomes.record([Outcome(row.pk, statuses.REVOKED) for row in rows])
        notices = _insert_notices(_own_task(workspace, now), [*_perhaps_there(rows), *_arrived(rows)])
    _withdraw(rows)
    dispatch.to_lanes(deliverable.by_id(notices))
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
        if task.created_at < now - LONGEST_AGO:
            raise ResultError(ResultCode.INVALID_PARAM, "only tasks of the last 7 days can be revoked")
        if task.revoked_at is not None:
            return
        PushTask.objects.filter(pk=task.pk).update(revoked_at=now)
        if task.kind == PushTask.Kind.BROADCAST:
            # The id of the broadcast that tells devices must follow those that are visible already.
            broadcasts.lock(workspace)
        own = _own_task(workspace, now, revokes=task.pk)
        Revocation.objects.create(task=task, own_task_id=own.pk, created_at=now)
        is_broadcast = _revoke_broadcast(task, own, now)
    if is_broadcast:
        broadcasts.notify_gateways()
    if not work_off(task.pk, budget_seconds=INLINE_SECONDS):
        wake_worker()


def _own_task(workspace: Workspace, now: datetime, revokes: int | None = None) -> PushTask:
    """Create the task of the messages that tell devices."""
    [task_id] = ids.new_ids(1)
    return PushTask.objects.create(
        id=task_id,
        workspace=workspace,
        name=f"revokes {revokes}" if revokes else "",
        kind=PushTask.Kind.REVOKE,
        delivery_type=DeliveryType.ANDROID,
        source=PushTask.Source.RPC,
        content={"title": "", "content": "", "silent": 1} | ({"revokes": str(revokes)} if revokes else {}),
        options={"androidChannel": 1},
        last_message_id=task_id,
        fingerprint=b"",
        expire_at=now + min(LONGEST_AGO, timedelta(seconds=settings.MAX_EXPIRED_SECONDS)),
        created_at=now,
    )


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


# -- a task's rows ----------------------------------------------------------------------------------------------------


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
        notices = _insert_notices(_task(revocation), _perhaps_there(rows))
        if len(rows) < BATCH:
            revocation.stopped_at, revocation.position = clock.now(), 0
        else:
            revocation.position = rows[-1].pk
        revocation.save(update_fields=["stopped_at", "position"])
    _withdraw(rows)
    dispatch.to_lanes(deliverable.by_id(notices))
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
        notices = _insert_notices(_task(revocation), _arrived(rows))
        if rows:
            revocation.position = rows[-1].pk
        if len(rows) < BATCH:
            revocation.finished_at = clock.now()
        revocation.save(update_fields=["position", "finished_at"])
    dispatch.to_lanes(deliverable.by_id(notices))
    return len(rows) == BATCH


def _open(task_id: int) -> Revocation | None:
    """Lock the revocation; None where nothing of it is left to do, or somebody else is at it."""
    revocations = Revocation.objects.select_for_update(of=("self",), skip_locked=True)
    return revocations.select_related("task").filter(pk=task_id, finished_at__isnull=True).first()


def _task(revocation: Revocation) -> PushTask:
    return PushTask.objects.get(pk=revocation.own_task_id)


def _arrived(rows: Sequence[Message]) -> list[Message]:
    return [
        row
        for row in rows
        if row.status == statuses.ACKED and row.channel == Channel.SELF_BUILT and row.device_id is not None
    ]


def _perhaps_there(rows: Sequence[Message]) -> list[Message]:
    """Return those that wait, but were written to the device's connection once, or may be on it now."""
    placed = {row.device_id for row in rows if row.device_id is not None}
    try:
        here = online(sorted(placed))
    except ValkeyDown:
        here = placed
    return [
        row
        for row in rows
        if row.status in statuses.PENDING and row.device_id and (row.sent_at or row.device_id in here)
    ]


def _insert_notices(own: PushTask, rows: Sequence[Message]) -> list[int]:
    """Insert the messages that tell devices of those they have; return their ids."""
    if not rows:
        return []
    message_ids = ids.new_ids(len(rows))
    Message.objects.bulk_create(
        Message(
            id=message_id,
            workspace_id=row.workspace_id,
            task_id=own.pk,
            # To the device that has it, whoever uses it now: not to the user.
            delivery_type=DeliveryType.ANDROID,
            target=row.target,
            msgkey="",
            device_id=row.device_id,
            status=statuses.WAITING,
            kind=Message.Kind.REVOKE,
            override={"revokes": str(row.pk)},
            expire_at=own.expire_at,
            updated_at=own.created_at,
        )
        for message_id, row in zip(message_ids, rows, strict=True)
    )
    PushTask.objects.filter(pk=own.pk).update(**PushTask.grown_by(message_ids))
    return message_ids


def _withdraw(rows: Sequence[Message]) -> None:
    """Have lanes forget what they still hold. Never raises: of what arrives nevertheless the device is told."""
    held = [(row.device_id, row.pk) for row in rows if row.device_id is not None]
    for lane in lanes():
        try:
            lane.withdraw(held)
        except Exception:  # a lane's fault must not undo a revocation
            log.exception("lane failed to withdraw revoked messages", lane=lane.name)


def wake_worker() -> None:
    """Have the rest done by a worker now; without a broker the periodic run does it."""
    wake_task("pushcore.work_off_revocations")
