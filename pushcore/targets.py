"""Resolving targets: from what a backend names (a user, a device) to the devices a message goes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from pushcore.channels import Channel, Platform
from pushcore.models import Workspace
from pushcore.models.pushes import DeliveryType

# A user's devices beyond this many (the most recently bound count) get nothing: what can grow is bounded.
MAX_DEVICES_PER_USER = 20


# Written by hand: the ORM takes longer to make such a query than the database to answer it, and every push asks one.
# One array as parameter: ten thousand users are no more statement than one.
_BOUND = (
    "SELECT b.user_id, d.id, d.platform, d.third_channel, d.third_token FROM pushcore_binding b"
    " JOIN pushcore_device d ON d.id = b.device_id"
    " WHERE b.workspace_id = %s AND b.user_id = ANY(%s) AND b.unbound_at IS NULL ORDER BY b.bound_at DESC"
)
_BY_AD = (
    "SELECT ad_token, id, platform, third_channel, third_token FROM pushcore_device"
    " WHERE workspace_id = %s AND platform = %s AND ad_token = ANY(%s)"
)
_BY_APNS = (
    "SELECT third_token, id, platform, third_channel, third_token FROM pushcore_device"
    f" WHERE workspace_id = %s AND platform = {Platform.IOS.value} AND third_channel = {Channel.APNS.value}"
    " AND third_token = ANY(%s) ORDER BY id DESC"
)


class ResolvedTarget(NamedTuple):
    """A device a target stands for, with the facts lanes decide by."""

    device_id: int
    platform: int
    third_channel: int | None
    third_token: str


def resolve(
    workspace: Workspace, delivery_type: DeliveryType, targets: Sequence[str]
) -> dict[str, list[ResolvedTarget]]:
    """The devices of each target, by target; a target without any is absent. One query.

    Users stand for all devices they are bound to, Android and HarmonyOS devices are named by their Ad-token, iOS
    devices by their APNs token (or the Ad-token issued at registration).
    """
    found: dict[str, list[ResolvedTarget]] = defaultdict(list)
    if delivery_type == DeliveryType.USER:
        for user_id, device in _fetch(_BOUND, [workspace.pk, list(targets)]):
            if len(found[user_id]) < MAX_DEVICES_PER_USER:
                found[user_id].append(device)
        return dict(found)
    for ad_token, device in _fetch(_BY_AD, [workspace.pk, delivery_type.value, list(targets)]):
        found[ad_token].append(device)
    if delivery_type == DeliveryType.IOS:
        for apns_token, device in _fetch(_BY_APNS, [workspace.pk, list(targets)]):
            # A token registered twice is one device: the newest registration.
            if not found.get(apns_token):
                found[apns_token].append(device)
    return {target: devices for target, devices in found.items() if devices}


def _fetch(sql: str, params: list[Any]) -> list[tuple[str, ResolvedTarget]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [(name, ResolvedTarget._make(facts)) for name, *facts in cursor.fetchall()]
