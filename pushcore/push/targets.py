"""Resolving targets: from what a backend names (a user, a device) to the devices a message goes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection

from pushcore.channels import Channel, Platform
from pushcore.devices import activities
from pushcore.models import Workspace
from pushcore.models.pushes import DeliveryType

# A user's devices beyond this many (the most recently bound count) get nothing: what can grow is bounded.
MAX_DEVICES_PER_USER = 20


class _Queries(NamedTuple):
    """Devices by their user, by Ad-token and by APNs token, Live Activities by token and ID. Written by hand: the ORM
    takes longer to make such a query than the database to answer it, and every push asks one."""

    bound: str
    by_ad: str
    by_apns: str
    by_activity_token: str
    by_activity: str

    @classmethod
    def over(cls, wanted: str, named: str, workspace: str, platform: str) -> _Queries:
        """`wanted`: a table with the column `target`; `named`: what of it a row begins with."""
        device = f"{named}, d.id, d.platform, d.third_channel, d.third_token"
        return cls(
            f"SELECT {device} FROM {wanted}"
            f" JOIN pushcore_binding b ON b.workspace_id = {workspace} AND b.user_id = wanted.target"
            " AND b.unbound_at IS NULL JOIN pushcore_device d ON d.id = b.device_id ORDER BY b.bound_at DESC",
            f"SELECT {device} FROM {wanted} JOIN pushcore_device d ON d.ad_token = wanted.target"
            f" AND d.workspace_id = {workspace} AND d.platform = {platform}",
            f"SELECT {device} FROM {wanted} JOIN pushcore_device d ON d.third_token = wanted.target"
            f" AND d.third_token <> '' AND d.workspace_id = {workspace} AND d.platform = {Platform.IOS.value}"
            f" AND d.third_channel = {Channel.APNS.value} AND d.activity_id IS NULL ORDER BY d.id DESC",
            f"SELECT {device} FROM {wanted} JOIN pushcore_device d ON d.third_token = wanted.target"
            f" AND d.third_token <> '' AND d.workspace_id = {workspace} AND d.activity_id IS NOT NULL"
            " ORDER BY d.id DESC",
            f"SELECT {device} FROM {wanted} JOIN pushcore_device d ON d.activity_id = wanted.target"
            f" AND d.workspace_id = {workspace} AND d.third_token <> '' ORDER BY d.id DESC",
        )


# For targets of any workspaces and kinds, and for many of one.
_ANY = _Queries.over(
    "unnest(%s::bigint[], %s::int[], %s::text[]) AS wanted(workspace_id, delivery_type, target)",
    "wanted.workspace_id, wanted.delivery_type, wanted.target",
    "wanted.workspace_id",
    "wanted.delivery_type",
)
_OF_ONE = _Queries.over(
    "unnest(%(targets)s::text[]) AS wanted(target)", "wanted.target", "%(workspace)s", "%(platform)s"
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
    """The devices of each target, by target; as `resolve_all`, for thousands of one workspace and kind."""
    params: dict[str, Any] = {"targets": list(targets), "workspace": workspace.pk, "platform": delivery_type.value}
    found: dict[str, list[ResolvedTarget]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_OF_ONE.bound if delivery_type == DeliveryType.USER else _OF_ONE.by_ad, params)
        for name, *facts in cursor.fetchall():
            _add(found[name], ResolvedTarget._make(facts))
        if delivery_type == DeliveryType.IOS:
            cursor.execute(_OF_ONE.by_apns, params)
            for name, *facts in cursor.fetchall():
                # A token registered twice is one device: the newest registration.
                if name not in found:
                    found[name].append(ResolvedTarget._make(facts))
    return dict(found)


def resolve_all(targets: Iterable[Target]) -> dict[Target, list[ResolvedTarget]]:
    """The devices of each target; a target without any is absent. A query for each kind of target, whatever the number.

    Users stand for all devices they are bound to, Android and HarmonyOS devices are named by their Ad-token, iOS
    devices by their APNs token (or the Ad-token issued at registration). A Live Activity's token that nobody has met
    becomes known.
    """
    kinds: dict[int, set[Target]] = defaultdict(set)
    for target in targets:
        kinds[target.delivery_type].add(target)
    users = kinds.pop(DeliveryType.USER, set())
    tokens, named = kinds.pop(DeliveryType.ACTIVITY_TOKEN, set()), kinds.pop(DeliveryType.ACTIVITY, set())
    devices = set().union(*kinds.values())
    found: dict[Target, list[ResolvedTarget]] = defaultdict(list)
    for target, device in _fetch(_ANY.bound, users):
        _add(found[target], device)
    for target, device in _fetch(_ANY.by_ad, devices):
        found[target].append(device)
    on_ios = {target for target in devices if target.delivery_type == DeliveryType.IOS}
    for target, device in _fetch(_ANY.by_apns, on_ios):
        # A token registered twice is one device: the newest registration.
        if target not in found:
            found[target].append(device)
    for target, device in _of_activities(tokens, named):
        if target not in found:
            found[target].append(device)
    return dict(found)


def _add(devices: list[ResolvedTarget], device: ResolvedTarget) -> None:
    """Add a user's device, up to the limit. Of two with one token the first: it is one phone, and shows one notice."""
    token = device.third_token
    if len(devices) < MAX_DEVICES_PER_USER and not (
        token and any((one.third_channel, one.third_token) == (device.third_channel, token) for one in devices)
    ):
        devices.append(device)


def _of_activities(tokens: set[Target], named: set[Target]) -> list[tuple[Target, ResolvedTarget]]:
    known = _fetch(_ANY.by_activity_token, tokens) + _fetch(_ANY.by_activity, named)
    if known:
        activities.note_pushed([activity.device_id for _, activity in known])
    if new := tokens - {target for target, _ in known}:
        activities.make_known((target.workspace_id, target.name) for target in new)
        known += _fetch(_ANY.by_activity_token, new)
    return known


def _fetch(sql: str, targets: Collection[Target]) -> list[tuple[Target, ResolvedTarget]]:
    if not targets:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(column) for column in zip(*targets, strict=True)])
        return [(Target(*row[:3]), ResolvedTarget._make(row[3:])) for row in cursor.fetchall()]
