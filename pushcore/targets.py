"""Resolving targets: from what a backend names (a user, a device) to the devices a message goes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from django.db import connection

from pushcore.channels import Channel, Platform
from pushcore.models import Workspace
from pushcore.models.pushes import DeliveryType

# A user's devices beyond this many (the most recently bound count) get nothing: what can grow is bounded.
MAX_DEVICES_PER_USER = 20


# Written by hand: the ORM takes longer to make such a query than the database to answer it, and every push asks one.
_WANTED = "unnest(%s::bigint[], %s::int[], %s::text[]) AS wanted(workspace_id, delivery_type, target)"
_DEVICE = "wanted.workspace_id, wanted.delivery_type, wanted.target, d.id, d.platform, d.third_channel, d.third_token"
_BOUND = (
    f"SELECT {_DEVICE} FROM {_WANTED}"
    " JOIN pushcore_binding b ON b.workspace_id = wanted.workspace_id AND b.user_id = wanted.target"
    " AND b.unbound_at IS NULL JOIN pushcore_device d ON d.id = b.device_id ORDER BY b.bound_at DESC"
)
_BY_AD = (
    f"SELECT {_DEVICE} FROM {_WANTED} JOIN pushcore_device d ON d.ad_token = wanted.target"
    " AND d.workspace_id = wanted.workspace_id AND d.platform = wanted.delivery_type"
)
_BY_APNS = (
    f"SELECT {_DEVICE} FROM {_WANTED} JOIN pushcore_device d ON d.third_token = wanted.target AND d.third_token <> ''"
    f" AND d.workspace_id = wanted.workspace_id AND d.platform = {Platform.IOS.value}"
    f" AND d.third_channel = {Channel.APNS.value} ORDER BY d.id DESC"
)


class ResolvedTarget(NamedTuple):
    """A device a target stands for, with the facts lanes decide by."""

    device_id: int
    platform: int
    third_channel: int | None
    third_token: str


class Target(NamedTuple):
    """What a backend names."""

    workspace_id: int
    delivery_type: int
    name: str


def resolve(
    workspace: Workspace, delivery_type: DeliveryType, targets: Sequence[str]
) -> dict[str, list[ResolvedTarget]]:
    """The devices of each target, by target; as `resolve_all`."""
    found = resolve_all(Target(workspace.pk, delivery_type.value, target) for target in targets)
    return {target.name: devices for target, devices in found.items()}


def resolve_all(targets: Iterable[Target]) -> dict[Target, list[ResolvedTarget]]:
    """The devices of each target; a target without any is absent. A query for each kind of target, whatever the number.

    Users stand for all devices they are bound to, Android and HarmonyOS devices are named by their Ad-token, iOS
    devices by their APNs token (or the Ad-token issued at registration).
    """
    users: set[Target] = set()
    devices: set[Target] = set()
    for target in targets:
        (users if target.delivery_type == DeliveryType.USER else devices).add(target)
    found: dict[Target, list[ResolvedTarget]] = defaultdict(list)
    for target, device in _fetch(_BOUND, users):
        if len(found[target]) < MAX_DEVICES_PER_USER:
            found[target].append(device)
    for target, device in _fetch(_BY_AD, devices):
        found[target].append(device)
    for target, device in _fetch(_BY_APNS, {target for target in devices if target.delivery_type == DeliveryType.IOS}):
        # A token registered twice is one device: the newest registration.
        if target not in found:
            found[target].append(device)
    return dict(found)


def _fetch(sql: str, targets: Collection[Target]) -> list[tuple[Target, ResolvedTarget]]:
    if not targets:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(column) for column in zip(*targets, strict=True)])
        return [(Target(*row[:3]), ResolvedTarget._make(row[3:])) for row in cursor.fetchall()]
