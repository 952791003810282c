"""Broadcasts: a task and one row for all devices of a platform.

    accepted -> gateways: each node is notified, reads the active broadcasts and writes them to its sessions; a device
                that connects later is offered what lies after its cursor
             -> vendors' devices: `vendor_walk`

On the self-built channel devices need no message rows: a device's cursor says which broadcasts it has
(`acknowledgements`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.db import connection
from django.db.models import Q

from pushcore.broadcast.audience import Audience, Window
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import deliverable
from pushcore.models import Broadcast, PushTask, Workspace
from pushcore.ports import OutgoingMessage, broadcast_listeners
from pushcore.storage import clock
from pushcore.storage.sql import statements

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

# Of a workspace at one time: every node holds them all, and offers them to every device that connects.
MAX_ACTIVE = 100

# Serialises a workspace's broadcasts, so that their ids become visible in order: a cursor passes none by.
_LOCK = 7_202_612


@dataclass(frozen=True, slots=True)
class DeliverableBroadcast:
    """A broadcast that gateways give to their sessions.

    Attributes:
        vendor_channels: Devices that these reach get it there.
        bound: When the users of the devices it is for were bound; None where that does not matter.
        outgoing: The message, for no device in particular.
    """

    workspace_id: int
    platform: int
    vendor_channels: frozenset[int]
    bound: Window | None
    outgoing: OutgoingMessage


def lock(workspace: Workspace) -> None:
    """Lock the workspace's broadcasts until the transaction ends: they get their ids one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, workspace.pk % 2**31])


def check_limit(workspace: Workspace) -> None:
    """Check that the workspace may have one more active broadcast.

    Raises:
        ResultError: Too many are active (INVALID_PARAM).
    """
    if Broadcast.objects.filter(is_active(), workspace=workspace).count() >= MAX_ACTIVE:
        raise ResultError(
            ResultCode.INVALID_PARAM, f"{MAX_ACTIVE} broadcasts are valid at this time already", parameter="broadcasts"
        )


def save(task: PushTask, audience: Audience) -> None:
    """Insert the row of a broadcast: part of the transaction that inserts its task."""
    row_of(task, audience).save(force_insert=True)


def row_of(task: PushTask, audience: Audience) -> Broadcast:
    """Make the row of a broadcast, unsaved."""
    return Broadcast(
        task=task,
        workspace_id=task.workspace_id,
        platform=audience.platform,
        msgkey=audience.msgkey,
        self_built=audience.self_built,
        per_device=audience.per_device,
        vendor_channels=list(audience.vendor_channels),
        bound=_as_json(audience.bound),
        unbound=_as_json(audience.unbound),
        expire_at=task.expire_at,
        walked_at=None if audience.is_walked else task.created_at,
    )


def notify_gateways() -> None:
    """Notify gateways that a broadcast was accepted or revoked.

    Never raises: gateways read the active broadcasts by themselves now and then.
    """
    for listener in broadcast_listeners():
        try:
            listener()
        except Exception:  # the broadcast is committed, and stays accepted though a gateway is away
            log.exception("gateways could not be notified of a broadcast; they poll within seconds")


def _as_json(window: Window | None) -> list[str | None] | None:
    return None if window is None else [moment.isoformat() if moment else None for moment in window]


def _from_json(text: str | None) -> Window | None:
    if text is None:
        return None
    start, stop = (datetime.fromisoformat(moment) if moment else None for moment in json.loads(text))
    return start, stop


def is_active() -> Q:
    """Return the condition that a broadcast may still be given to devices."""
    return Q(expire_at__gt=clock.now(), revoked_at__isnull=True)


class _ActiveRow(NamedTuple):
    """A row of the statement `active`; the last three are None where the caller holds the broadcast."""

    task_id: int
    workspace_id: int
    platform: int
    vendor_channels: str
    bound: str | None
    msgkey: str
    expire_at: datetime
    kind: str | None
    content: Any
    options: Any


def read_active(held: Collection[int]) -> tuple[list[int], list[DeliverableBroadcast]]:
    """Read what gateways give to their sessions now: one query, which reads only the ids of those they hold.

    Returns:
        The task ids of all active broadcasts, and those of them that are not in `held`; in order.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["active"].format(task=deliverable.task_condition()),
            {"held": list(held), "oldest": deliverable.oldest_valid_id()},
        )
        rows = [_ActiveRow(*row) for row in cursor.fetchall()]
    return [row.task_id for row in rows], [_active_of(row, row.kind) for row in rows if row.kind is not None]


def _active_of(row: _ActiveRow, kind: str) -> DeliverableBroadcast:
    outgoing = OutgoingMessage(
        message_id=row.task_id,
        task_id=row.task_id,
        target="",
        msgkey=row.msgkey,
        device_id=0,
        platform=row.platform,
        third_channel=None,
        third_token="",
        workspace_id=row.workspace_id,
        kind=kind,
        expire_at=row.expire_at,
        content=json.loads(row.content),
        options=json.loads(row.options),
    )
    return DeliverableBroadcast(
        workspace_id=row.workspace_id,
        platform=row.platform,
        vendor_channels=frozenset(json.loads(row.vendor_channels)),
        bound=_from_json(row.bound),
        outgoing=outgoing,
    )


def bound_within(windows: Mapping[int, Window], device_ids: Collection[int]) -> dict[int, set[int]]:
    """Find out which devices' users were bound within the windows of broadcasts.

    Args:
        windows: By the broadcast's task id.
        device_ids: Devices that ask for broadcasts.

    Returns:
        Those of the devices that each broadcast is for, by its task id.
    """
    chosen: dict[int, set[int]] = {broadcast_id: set() for broadcast_id in windows}
    if windows and device_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                _SQL["bound_within"],
                {
                    "broadcasts": list(windows),
                    "starts": [start for start, _ in windows.values()],
                    "stops": [stop for _, stop in windows.values()],
                    "devices": list(device_ids),
                },
            )
            for broadcast_id, device_id in cursor.fetchall():
                chosen[broadcast_id].add(device_id)
    return chosen
