"""Resolve targets: from what a backend names (a user, a device) to the devices a message goes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection

from pushcore.channels import Channel, Platform
from pushcore.devices import activities
from pushcore.models import Device, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.storage.sql import statements

# A user's devices beyond this many (the most recently bound count) get nothing: what can grow is bounded.
MAX_DEVICES_PER_USER = 20


_SQL = statements(__file__)


def _lookup(*, wanted: str, key: str, workspace: str, platform: str) -> dict[str, str]:
    """Return the statements that look targets up, by name.

    Every push runs one, so they are SQL: the ORM takes longer to build such a query than the database to answer it.
    """
    places = {"wanted": wanted, "key": key, "workspace": workspace, "platform": platform}
    return {
        name: _SQL[name].format(**places, ios=Platform.IOS.value, apns=Channel.APNS.value)
        for name in ("bound", "by_ad_token", "by_apns_token", "by_activity_token", "by_activity")
    }


# Two forms: for targets of any workspaces and kinds, and for thousands of one, where it takes a quarter of the time
# (4,000 Ad-tokens: 13 against 51 ms of CPU).
_OF_ANY = _lookup(
    wanted="unnest(%s::bigint[], %s::int[], %s::text[]) AS wanted(workspace_id, delivery_type, target)",
    key="wanted.workspace_id, wanted.delivery_type, wanted.target",
    workspace="wanted.workspace_id",
    platform="wanted.delivery_type",
)
_OF_ONE = _lookup(
    wanted="unnest(%(targets)s::text[]) AS wanted(target)",
    key="wanted.target",
    workspace="%(workspace)s",
    platform="%(platform)s",
)


class ResolvedTarget(NamedTuple):
    """A device that a target stands for, and how it is reached."""

    device_id: int
    platform: int
    third_channel: int | None
    third_token: str


class Target(NamedTuple):
    """What a backend names: a user, a device or a Live Activity, as the delivery type says."""

    workspace_id: int
    delivery_type: int
    name: str


def resolve(
    workspace: Workspace, delivery_type: DeliveryType, targets: Sequence[str]
) -> dict[str, list[ResolvedTarget]]:
    """Look up the devices of users or devices of one workspace, thousands at a time; by target.

    As `resolve_all`, but for Live Activities.
    """
    params: dict[str, Any] = {"targets": list(targets), "workspace": workspace.pk, "platform": delivery_type.value}
    by_name: dict[str, list[ResolvedTarget]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_OF_ONE["bound" if delivery_type == DeliveryType.USER else "by_ad_token"], params)
        for name, *device in cursor.fetchall():
            _add(by_name[name], ResolvedTarget._make(device))
        if delivery_type == DeliveryType.IOS:
            cursor.execute(_OF_ONE["by_apns_token"], params)
            for name, *device in cursor.fetchall():
                # A token registered twice is one device: the newest registration.
                if name not in by_name:
                    by_name[name].append(ResolvedTarget._make(device))
    return dict(by_name)


def of_other_platforms(targets: Iterable[Target]) -> dict[Target, Platform]:
    """Return those of the targets that are Ad-tokens of devices of another platform than the delivery type's."""
    devices = {target for target in targets if target.delivery_type in Platform.values}
    if not devices:
        return {}
    known = Device.objects.filter(
        ad_token__in={target.name for target in devices}, workspace__in={target.workspace_id for target in devices}
    )
    platforms = {
        (workspace_id, token): Platform(platform)
        for workspace_id, token, platform in known.values_list("workspace_id", "ad_token", "platform")
    }
    found = {target: platforms.get((target.workspace_id, target.name)) for target in devices}
    return {target: platform for target, platform in found.items() if platform not in (None, target.delivery_type)}


def resolve_all(targets: Iterable[Target]) -> dict[Target, list[ResolvedTarget]]:
    """Look up the devices of targets, in a query for each kind of target, whatever the number.

    Users stand for all devices they are bound to. Devices are named by their Ad-token, iOS devices by their APNs token,
    too. A Live Activity's token that nobody has met becomes known.

    Returns:
        The devices by target; a target without any is absent.
    """
    kinds: dict[int, set[Target]] = defaultdict(set)
    for target in targets:
        kinds[target.delivery_type].add(target)
    users = kinds.pop(DeliveryType.USER, set())
    tokens, named = kinds.pop(DeliveryType.ACTIVITY_TOKEN, set()), kinds.pop(DeliveryType.ACTIVITY, set())
    devices = set().union(*kinds.values())
    by_target: dict[Target, list[ResolvedTarget]] = defaultdict(list)
    for target, device in _fetch("bound", users):
        _add(by_target[target], device)
    for target, device in _fetch("by_ad_token", devices):
        by_target[target].append(device)
    on_ios = {target for target in devices if target.delivery_type == DeliveryType.IOS}
    for target, device in _fetch("by_apns_token", on_ios):
        # A token registered twice is one device: the newest registration.
        if target not in by_target:
            by_target[target].append(device)
    for target, device in _of_activities(tokens, named):
        if target not in by_target:
            by_target[target].append(device)
    return dict(by_target)


def _add(devices: list[ResolvedTarget], device: ResolvedTarget) -> None:
    """Add a device of a user, up to the limit.

    Of two devices with one token only the first is added: they are one phone, and it shows one notification.
    """
    token = device.third_token
    if len(devices) < MAX_DEVICES_PER_USER and not (
        token and any((one.third_channel, one.third_token) == (device.third_channel, token) for one in devices)
    ):
        devices.append(device)


def _of_activities(tokens: set[Target], named: set[Target]) -> list[tuple[Target, ResolvedTarget]]:
    known = _fetch("by_activity_token", tokens) + _fetch("by_activity", named)
    if known:
        activities.note_pushed([activity.device_id for _, activity in known])
    if new := tokens - {target for target, _ in known}:
        activities.make_known((target.workspace_id, target.name) for target in new)
        known += _fetch("by_activity_token", new)
    return known


def _fetch(name: str, targets: Collection[Target]) -> list[tuple[Target, ResolvedTarget]]:
    if not targets:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OF_ANY[name], [list(column) for column in zip(*targets, strict=True)])
        return [(Target(*row[:3]), ResolvedTarget._make(row[3:])) for row in cursor.fetchall()]
