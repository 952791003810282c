"""Broadcasts to devices behind vendors (all iOS devices are): these are walked in the order of their ids.

Each gets a message row like any target, for what a vendor says of a token must survive a crash. A checkpoint says how
far a broadcast has come.
"""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from pushcore.broadcast.audience import behind_vendors
from pushcore.broadcast.broadcasts import MAX_ACTIVE, is_active
from pushcore.categories import admission
from pushcore.categories.admission import Candidate
from pushcore.codes import statuses
from pushcore.delivery import dispatch
from pushcore.models import Broadcast, Message, PushTask
from pushcore.ports import OutgoingMessage
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements
from pushcore.storage.wake import wake_task

_SQL = statements(__file__)

BATCH = 1000


def wake() -> None:
    """Have devices walked now; without a broker the periodic run does it."""
    wake_task("pushcore.walk_broadcasts")


class _Reached(NamedTuple):
    """A device that gets a message, and how a vendor reaches it, if one does."""

    device_id: int
    ad_token: str
    channel: int | None
    token: str


def any_unwalked() -> bool:
    """Return whether a broadcast is not walked to its end."""
    return _unwalked().exists()


def _unwalked() -> QuerySet[Broadcast]:
    return Broadcast.objects.filter(is_active(), walked_at__isnull=True)


def walk_all(*, budget_seconds: float = 20.0) -> int:
    """Walk broadcasts that are not walked to their end, until the time is spent.

    Asks to be called again where something is left. Safe to run at once with itself: a batch is one transaction that
    holds the broadcast's row.

    Returns:
        How many messages were made.
    """
    deadline = time.monotonic() + budget_seconds
    created = 0
    unwalked = deque(_unwalked().order_by("pk").values_list("pk", flat=True)[:MAX_ACTIVE])
    # A batch of each in turn: a small one does not wait for the end of a large one.
    while unwalked:
        if time.monotonic() >= deadline:
            wake()
            break
        task_id = unwalked.popleft()
        if (walked := _walk_batch(task_id)) is not None:
            task, batch = walked
            dispatch.first_attempt(batch, has_category=bool(task.message_category))
            created += len(batch)
            unwalked.append(task_id)
    return created


def _walk_batch(task_id: int) -> tuple[PushTask, list[OutgoingMessage]] | None:
    """Make messages for the next devices and move the checkpoint, in one transaction; None at the end.

    Returns:
        The task, and its new messages.
    """
    with transaction.atomic():
        broadcasts = Broadcast.objects.select_for_update(of=("self",), skip_locked=True).select_related("task")
        broadcast = broadcasts.filter(is_active(), pk=task_id, walked_at__isnull=True).first()
        if broadcast is None:
            return None
        devices = _next_devices(broadcast)
        if len(devices) < BATCH:
            broadcast.walked_at = clock.now()
        if devices:
            broadcast.walked_to = devices[-1].device_id
        broadcast.save(update_fields=["walked_to", "walked_at"])
        message_ids = ids.new_ids(len(devices)) if devices else []
        task = broadcast.task
        messages = [
            OutgoingMessage(
                message_id=message_id,
                task_id=task.pk,
                target=device.ad_token,
                msgkey=broadcast.msgkey,
                device_id=device.device_id,
                platform=broadcast.platform,
                third_channel=device.channel,
                third_token=device.token,
                workspace_id=task.workspace_id,
                kind=task.kind,
                expire_at=broadcast.expire_at,
                content=task.content,
                options=task.options,
            )
            for message_id, device in zip(message_ids, devices, strict=True)
        ]
        Message.objects.bulk_create([_row(broadcast, outgoing) for outgoing in messages])
        if messages:
            PushTask.objects.filter(pk=task_id).update(**PushTask.grown_by(message_ids))
            admission.admit(
                [Candidate(one.message_id, task, one.target, one.msgkey, one.device_id) for one in messages]
            )
    return task, messages


def _next_devices(broadcast: Broadcast) -> list[_Reached]:
    """Read the next devices that get a message, in the order of their ids."""
    condition, parameters = behind_vendors(broadcast.workspace_id, broadcast)
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["next_devices"].format(condition=condition),
            {**parameters, "walked_to": broadcast.walked_to, "at_most": BATCH},
        )
        return [_Reached(*row) for row in cursor.fetchall()]


def _row(broadcast: Broadcast, outgoing: OutgoingMessage) -> Message:
    return Message(
        id=outgoing.message_id,
        workspace_id=outgoing.workspace_id,
        task_id=outgoing.task_id,
        delivery_type=broadcast.platform,
        target=outgoing.target,
        msgkey=broadcast.msgkey,
        device_id=outgoing.device_id,
        status=statuses.WAITING,
        kind=Message.Kind.BROADCAST,
        device_rules=broadcast.task.device_rules,
        expire_at=broadcast.expire_at,
        updated_at=clock.now(),
    )
