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
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Q

from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import dispatch
from pushcore.models import Broadcast, Message, PushTask, Workspace
from pushcore.ports import Outgoing, broadcast_news, vendor_channels
from pushcore.push import limits
from pushcore.push.idempotency import KeyedTarget
from pushcore.push.requests import BroadcastPush
from pushcore.push.vendor_options import transparent_channels
from pushcore.storage import clock, ids
from pushcore.storage.wake import run_now

log = structlog.get_logger(__name__)

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
    outgoing: Outgoing


def keyed(msgkey: str) -> KeyedTarget:
    """What a broadcast claims: its msgkey, with the target that no device has."""
    return KeyedTarget("", msgkey)


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
    run_now("pushcore.walk_broadcasts")


def _as_json(window: Window | None) -> list[str | None] | None:
    return None if window is None else [moment.isoformat() if moment else None for moment in window]


def _from_json(text: str | None) -> Window | None:
    if text is None:
        return None
    start, stop = (datetime.fromisoformat(moment) if moment else None for moment in json.loads(text))
    return start, stop


def _bound(start: str, stop: str) -> str:
    """The condition that a binding (`b`) is active and was made between these, in SQL; NULL is an open end."""
    return (
        f"b.unbound_at IS NULL AND b.bound_at >= coalesce({start}, '-infinity'::timestamptz)"
        f" AND b.bound_at <= coalesce({stop}, 'infinity'::timestamptz)"
    )


def _active() -> Q:
    return Q(expire_at__gt=clock.now(), revoked_at__isnull=True)


def active(held: Collection[int]) -> tuple[list[int], list[Active]]:
    """What gateways give to their sessions now: the task ids of all, and those that are not in `held`; in order.

    One query; of those held only the id is read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.task_id, b.workspace_id, b.platform, b.vendor_channels::text, b.bound::text, b.msgkey,"
            " b.expire_at, t.kind, t.content::text, t.options::text FROM pushcore_broadcast b"
            " LEFT JOIN pushcore_pushtask t ON t.id = b.task_id AND b.task_id <> ALL(%s)"
            " WHERE b.self_built AND b.revoked_at IS NULL AND b.expire_at > %s ORDER BY b.task_id",
            [list(held), clock.now()],
        )
        rows = cursor.fetchall()
    unknown = []
    for task_id, workspace_id, platform, vendors, bound, msgkey, expire_at, kind, content, options in rows:
        if kind is not None:
            shared = (workspace_id, kind, expire_at, json.loads(content), json.loads(options))
            outgoing = Outgoing(task_id, task_id, "", msgkey, 0, platform, None, "", *shared)
            channels = frozenset(json.loads(vendors))
            unknown.append(Active(workspace_id, platform, channels, _from_json(bound), outgoing))
    return [row[0] for row in rows], unknown


def bound_within(windows: Mapping[int, Window], device_ids: Collection[int]) -> dict[int, set[int]]:
    """By broadcast: those of the devices whose user was bound within its window. One query; none for none of either."""
    chosen: dict[int, set[int]] = {broadcast_id: set() for broadcast_id in windows}
    if windows and device_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT w.id, b.device_id FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])"
                " AS w(id, start, stop) JOIN pushcore_binding b"
                f" ON b.device_id = ANY(%s) AND {_bound('w.start', 'w.stop')}",
                [
                    list(windows),
                    [start for start, _ in windows.values()],
                    [stop for _, stop in windows.values()],
                    list(device_ids),
                ],
            )
            for broadcast_id, device_id in cursor.fetchall():
                chosen[broadcast_id].add(device_id)
    return chosen


# -- vendors' devices -------------------------------------------------------------------------------------------------

_BOUND = f"EXISTS (SELECT 1 FROM pushcore_binding b WHERE b.device_id = d.id AND {_bound('%s', '%s')})"
_UNBOUND = (
    "(NOT EXISTS (SELECT 1 FROM pushcore_binding b WHERE b.device_id = d.id AND b.unbound_at IS NULL)"
    " AND (SELECT max(b.unbound_at) FROM pushcore_binding b WHERE b.device_id = d.id)"
    " BETWEEN coalesce(%s, '-infinity'::timestamptz) AND coalesce(%s, 'infinity'::timestamptz))"
)


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
            dispatch.hand_over(batch)
            made += len(batch)
            unwalked.append(task_id)
    return made


def _walk_batch(task_id: int) -> list[Outgoing] | None:
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
            broadcast.walked_to = devices[-1][0]
        broadcast.save(update_fields=["walked_to", "walked_at"])
        message_ids = ids.new_ids(len(devices)) if devices else []
        task, platform = broadcast.task, broadcast.platform
        shared = (task.workspace_id, task.kind, broadcast.expire_at, task.content, task.options)
        made = [
            Outgoing(message_id, task.pk, target, broadcast.msgkey, device_id, platform, channel, token, *shared)
            for message_id, (device_id, target, channel, token) in zip(message_ids, devices, strict=True)
        ]
        Message.objects.bulk_create([_row(broadcast, outgoing) for outgoing in made])
        if made:
            PushTask.objects.filter(pk=task_id).update(**PushTask.grown_by(message_ids))
    return made


def _next_devices(broadcast: Broadcast) -> list[tuple[int, str, int, str]]:
    """(id, Ad-token, channel, token there) of the next devices a vendor reaches, in the order of their ids."""
    condition, params = _behind_vendors(broadcast.workspace_id, broadcast)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.id, d.ad_token, d.third_channel, d.third_token FROM pushcore_device d"
            f" WHERE {condition} AND d.id > %s ORDER BY d.id LIMIT {WALK_BATCH}",
            [*params, broadcast.walked_to],
        )
        rows: list[tuple[int, str, int, str]] = cursor.fetchall()
        return rows


def wanted(workspace_id: int, audience: Audience) -> tuple[str, list[Any]]:
    """The condition, in SQL, that a device (`d`) is one the audience means; and its parameters."""
    if audience.self_built:
        here, params = "d.workspace_id = %s AND d.platform = %s", [workspace_id, audience.platform]
        return here if audience.bound is None else f"{here} AND {_BOUND}", [*params, *(audience.bound or ())]
    return _behind_vendors(workspace_id, audience)


def _behind_vendors(workspace_id: int, audience: Audience | Broadcast) -> tuple[str, list[Any]]:
    """The condition that a device is reached by the audience's vendors and chosen by login, where that is asked for."""
    logins: list[str] = []
    params: list[Any] = [workspace_id, audience.platform, list(audience.vendor_channels)]
    for window, condition in ((audience.bound, _BOUND), (audience.unbound, _UNBOUND)):
        if window is not None:
            logins.append(condition)
            params += window
    asked = f" AND ({' OR '.join(logins)})" if logins else ""
    return (
        "d.workspace_id = %s AND d.platform = %s AND d.third_token <> '' AND d.third_channel = ANY(%s)"
        " AND d.activity_id IS NULL" + asked,
        params,
    )


def _row(broadcast: Broadcast, outgoing: Outgoing) -> Message:
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
