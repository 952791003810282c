"""Telling devices to take back what they have: messages with `pushType` revoke, `revokes` the `k` of the other.

They belong to a task of their own, wait and are delivered as any message. Their msgkey is empty, and nobody gets a
receipt for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.models import Message, PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.ports import lanes, online
from pushcore.storage import ids
from pushcore.storage.valkey import ValkeyDown

log = structlog.get_logger(__name__)

# How far back messages and tasks may be revoked.
LONGEST_AGO = timedelta(days=7)


def create_own_task(workspace: Workspace, now: datetime, revokes: int | None = None) -> PushTask:
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


def arrived(rows: Sequence[Message]) -> list[Message]:
    """Return those that a device has acknowledged to the gateway: only there it can be told."""
    return [
        row
        for row in rows
        if row.status == statuses.ACKED and row.channel == Channel.SELF_BUILT and row.device_id is not None
    ]


def perhaps_on_device(rows: Sequence[Message]) -> list[Message]:
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


def insert(own: PushTask, rows: Sequence[Message]) -> list[int]:
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


def withdraw(rows: Sequence[Message]) -> None:
    """Have lanes forget what they still hold. Never raises: of what arrives nevertheless the device is told."""
    held = [(row.device_id, row.pk) for row in rows if row.device_id is not None]
    for lane in lanes():
        try:
            lane.withdraw(held)
        except Exception:  # a lane's fault must not undo a revocation
            log.exception("lane failed to withdraw revoked messages", lane=lane.name)
