"""Broadcast: one row for all devices of a platform.

    accepted -> gateways: each node is told that there is news, reads the active broadcasts and writes them to its
                sessions; a device that connects later is offered what lies after its cursor
             -> vendors' devices (all iOS devices are): `walk`, in the order of their ids, in batches with a checkpoint

A device behind a vendor gets a message row like any target: what a vendor says of a token must survive a crash. The
self-built channel needs none: the device's cursor says what it has.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from django.db import connection, transaction
from django.db.models import Q

from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import deliverable, dispatch
from pushcore.models import Broadcast, Message, PushTask, Workspace
from pushcore.ports import OutgoingMessage, broadcast_news, vendor_channels
from pushcore.push import limits
from pushcore.push.requests import BroadcastPush
from pushcore.push.vendor_options import transparent_channels
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements
from pushcore.storage.wake import wake_task

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

# At a time and workspace: every one is held by every node, and offered to every device that connects.
MAX_ACTIVE = 100
WALK_BATCH = 1000
PERIODS = {1: timedelta(days=7), 2: timedelta(days=15), 3: timedelta(days=60), 4: None}
BOUND, ALL, UNBOUND = 0, 1, 2

# Serialises a workspace's broadcasts, so that their ids become visible in order: a cursor passes none by.
_LOCK = 7_202_612

Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Audience:
    """Which devices a broadcast is for. A window is (from, to), None at an open end; None where it is not asked for."""

    msgkey: str
    platform: Platform
    self_built: bool
    vendor_channels: tuple[int, ...]
    bound: Window | None
    unbound: Window | None


@dataclass(frozen=True, slots=True)
class Active:
    """A broadcast that gateways give to their sessions. `bound`: when the users of the devices it is for were bound;
    `outgoing`: the message, for no device in particular."""

    workspace_id: int
    platform: int
    vendor_channels: frozenset[int]
    bound: Window | None
    outgoing: OutgoingMessage


def audience_of(workspace: Workspace, request: BroadcastPush, *, silent: bool) -> Audience:
    """Which devices the request means; its limits have been checked.

    Where a time of binding is asked for, it counts on every channel. Without one, the self-built channel reaches
    whoever connects; it knows no logged-out users, and takes part only where the push status is the default. Raises
    `ResultError`
    (BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID) where that leaves no channel.
    """
    now = clock.now()
    self_built = request.delivery_type != Platform.IOS and request.push_status == BOUND
    if request.delivery_type == Platform.IOS:
        vendors: tuple[int, ...] = (Channel.APNS,)
    else:
        vendors = tuple(sorted(vendor_channels(workspace.pk) - {Channel.APNS} - _passed_by(request, silent=silent)))
    if not self_built and not vendors:
        raise ResultError(ResultCode.BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID)
    wants_bound, wants_unbound = request.push_status in (BOUND, ALL), request.push_status in (ALL, UNBOUND)
    by_login = request.delivery_type == Platform.IOS or not self_built or request.bind_period or request.bind_window
    return Audience(
        msgkey=request.msgkey,
        platform=Platform(request.delivery_type),
        self_built=self_built,
        vendor_channels=vendors,
        bound=_window(request.bind_window, request.bind_period, request.time_mode, now)
        if wants_bound and by_login
        else None,
        unbound=_window(request.unbind_window, request.unbind_period, request.time_mode, now)
        if wants_unbound
        else None,
    )


def _passed_by(request: BroadcastPush, *, silent: bool) -> frozenset[Channel]:
    """Vendors' channels that do not carry the broadcast: all, where it is for the self-built channel; of a silent one
    those that have nothing to hand through."""
    if request.android_channel == 1 or request.notify_type == limits.SELF_BUILT_ONLY:
        return frozenset(Channel)
    return frozenset(Channel) - transparent_channels(request.vendor_options) if silent else frozenset()


def _window(window: tuple[datetime, datetime] | None, period: int | None, time_mode: int, now: datetime) -> Window:
    if window is not None and (time_mode or period is None):
        return window
    length = PERIODS[period] if period is not None else None
    return (now - length if length else None, None)


def serialise(workspace: Workspace) -> None:
    """Within a transaction: the workspace's broadcasts get their ids one after the other from here on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, workspace.pk % 2**31])


def check_room(workspace: Workspace) -> None:
    """Raises `ResultError` (INVALID_PARAM) where too many broadcasts of the workspace are active."""
    if Broadcast.objects.filter(_active(), workspace=workspace).count() >= MAX_ACTIVE:
        raise ResultError(ResultCode.INVALID_PARAM, f"{MAX_ACTIVE} broadcasts are valid at this time already")


def save(task: PushTask, audience: Audience) -> Broadcast:
    """Make the row of a broadcast; part of the transaction that makes the task."""
    return Broadcast.objects.create(
        task=task,
        workspace_id=task.workspace_id,
        platform=audience.platform,
        msgkey=audience.msgkey,
        self_built=audience.self_built,
        vendor_channels=list(audience.vendor_channels),
        bound=_as_json(audience.bound),
        unbound=_as_json(audience.unbound),
        expire_at=task.expire_at,
        walked_at=None if audience.vendor_channels else task.created_at,
    )


def tell_gateways() -> None:
    """A broadcast was accepted or revoked. Never raises: gateways look for themselves now and then."""
    for tell in broadcast_news():
        try:
            tell()
        except Exception:  # the broadcast is committed, and stays accepted though a gateway is away
            log.exception("gateways could not be told of a broadcast; they will look themselves")


def wake_walker() -> None:
    """Have vendors' devices walked now; without a broker the periodic run does it."""
    wake_task("pushcore.walk_broadcasts")


def _as_json(window: Window | None) -> list[str | None] | None:
    return None if window is None else [moment.isoformat() if moment else None for moment in window]


def _from_json(text: str | None) -> Window | None:
    if text is None:
        return None
    start, stop = (datetime.fromisoformat(moment) if moment else None for moment in json.loads(text))
    return start, stop


def _active() -> Q:
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


def active(held: Collection[int]) -> tuple[list[int], list[Active]]:
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


def _active_of(row: _ActiveRow, kind: str) -> Active:
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
    return Active(
        workspace_id=row.workspace_id,
        platform=row.platform,
        vendor_channels=frozenset(json.loads(row.vendor_channels)),
        bound=_from_json(row.bound),
        outgoing=outgoing,
    )


def bound_within(windows: Mapping[int, Window], device_ids: Collection[int]) -> dict[int, set[int]]:
    """By broadcast: those of the devices whose user was bound within its window. One query; none for none of either."""
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


# -- vendors' devices -------------------------------------------------------------------------------------------------


class _Reached(NamedTuple):
    """A device that a vendor reaches, and its token there."""

    device_id: int
    ad_token: str
    channel: int
    token: str


def walk_all(*, budget_seconds: float = 20.0) -> int:
    """Walk broadcasts that are not walked to their end, until the time is spent; returns how many messages were made.

    Asks to be called again where something is left. Safe to run at once with itself: a batch is one transaction that
    holds the broadcast's row.
    """
    deadline = time.monotonic() + budget_seconds
    made = 0
    active = Broadcast.objects.filter(_active(), walked_at__isnull=True).order_by("pk")
    unwalked = deque(active.values_list("pk", flat=True)[:MAX_ACTIVE])
    # A batch of each in turn: a small one does not wait for the end of a large one.
    while unwalked:
        if time.monotonic() >= deadline:
            wake_walker()
            break
        task_id = unwalked.popleft()
        if (batch := _walk_batch(task_id)) is not None:
            dispatch.to_lanes(batch)
            made += len(batch)
            unwalked.append(task_id)
    return made


def _walk_batch(task_id: int) -> list[OutgoingMessage] | None:
    """Make messages for the next devices and move the checkpoint, in one transaction; None at the end."""
    with transaction.atomic():
        found = Broadcast.objects.select_for_update(of=("self",), skip_locked=True).select_related("task")
        broadcast = found.filter(_active(), pk=task_id, walked_at__isnull=True).first()
        if broadcast is None:
            return None
        devices = _next_devices(broadcast)
        if len(devices) < WALK_BATCH:
            broadcast.walked_at = clock.now()
        if devices:
            broadcast.walked_to = devices[-1].device_id
        broadcast.save(update_fields=["walked_to", "walked_at"])
        message_ids = ids.new_ids(len(devices)) if devices else []
        task, platform = broadcast.task, broadcast.platform
        shared = (task.workspace_id, task.kind, broadcast.expire_at, task.content, task.options)
        made = [
            OutgoingMessage(message_id, task.pk, target, broadcast.msgkey, device_id, platform, channel, token, *shared)
            for message_id, (device_id, target, channel, token) in zip(message_ids, devices, strict=True)
        ]
        Message.objects.bulk_create([_row(broadcast, outgoing) for outgoing in made])
        if made:
            PushTask.objects.filter(pk=task_id).update(**PushTask.grown_by(message_ids))
    return made


def _next_devices(broadcast: Broadcast) -> list[_Reached]:
    """Find the next devices a vendor reaches, in the order of their ids."""
    condition, parameters = _behind_vendors(broadcast.workspace_id, broadcast)
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["next_devices"].format(condition=condition),
            {**parameters, "walked_to": broadcast.walked_to, "at_most": WALK_BATCH},
        )
        return [_Reached(*row) for row in cursor.fetchall()]


def wanted(workspace_id: int, audience: Audience) -> tuple[str, dict[str, Any]]:
    """Tell in SQL which devices (`d`) an audience means: the condition and its parameters."""
    if not audience.self_built:
        return _behind_vendors(workspace_id, audience)
    parameters = {"workspace": workspace_id, "platform": audience.platform, **_windows(audience)}
    conditions = [_SQL["of_platform"], *([_SQL["bound"]] if audience.bound is not None else [])]
    return " AND ".join(conditions), parameters


def _behind_vendors(workspace_id: int, audience: Audience | Broadcast) -> tuple[str, dict[str, Any]]:
    """Tell which devices the audience's vendors reach, chosen by login where that is asked for: as `wanted`."""
    asked = ((audience.bound, _SQL["bound"]), (audience.unbound, _SQL["unbound"]))
    logins = [condition for window, condition in asked if window is not None]
    parameters = {
        "workspace": workspace_id,
        "platform": audience.platform,
        "vendors": list(audience.vendor_channels),
        **_windows(audience),
    }
    return _SQL["behind_vendors"] + (f" AND ({' OR '.join(logins)})" if logins else ""), parameters


def _windows(audience: Audience | Broadcast) -> dict[str, Any]:
    """Name the ends of an audience's windows as the conditions `bound` and `unbound` do."""
    bound_from, bound_to = audience.bound or (None, None)
    unbound_from, unbound_to = audience.unbound or (None, None)
    return {
        "bound_from": bound_from,
        "bound_to": bound_to,
        "unbound_from": unbound_from,
        "unbound_to": unbound_to,
    }


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
        expire_at=broadcast.expire_at,
        updated_at=clock.now(),
    )
