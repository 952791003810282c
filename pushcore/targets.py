"""Resolving targets: from what a backend names (a user, a device) to the devices a message goes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection

from pushcore.channels import Channel, Platform
from pushcore.models import Device, Workspace
from pushcore.models.pushes import DeliveryType

# A user's devices beyond this many (the most recently bound count) get nothing: what can grow is bounded.
MAX_DEVICES_PER_USER = 20


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
    if delivery_type == DeliveryType.USER:
        return _devices_of_users(workspace, targets)
    found: dict[str, list[ResolvedTarget]] = defaultdict(list)
    mine = Device.objects.filter(workspace=workspace, platform=delivery_type)
    facts_of = ("ad_token", "pk", "platform", "third_channel", "third_token")
    for ad_token, *facts in mine.filter(ad_token__in=targets).values_list(*facts_of):
        found[ad_token].append(ResolvedTarget(*facts))
    if delivery_type == DeliveryType.IOS:
        by_apns = mine.filter(platform=Platform.IOS, third_channel=Channel.APNS, third_token__in=targets)
        for _, *facts in by_apns.order_by("-pk").values_list(*facts_of):
            device = ResolvedTarget(*facts)
            # A token registered twice is one device: the newest registration.
            if not found.get(device.third_token):
                found[device.third_token].append(device)
    return {target: devices for target, devices in found.items() if devices}


def _devices_of_users(workspace: Workspace, user_ids: Sequence[str]) -> dict[str, list[ResolvedTarget]]:
    found: dict[str, list[ResolvedTarget]] = defaultdict(list)
    with connection.cursor() as cursor:
        # One array as parameter: ten thousand users are no more statement than one.
        cursor.execute(
            "SELECT b.user_id, d.id, d.platform, d.third_channel, d.third_token"
            " FROM pushcore_binding b JOIN pushcore_device d ON d.id = b.device_id"
            " WHERE b.workspace_id = %s AND b.user_id = ANY(%s) AND b.unbound_at IS NULL ORDER BY b.bound_at DESC",
            [workspace.pk, list(user_ids)],
        )
        for user_id, *facts in cursor.fetchall():
            if len(found[user_id]) < MAX_DEVICES_PER_USER:
                found[user_id].append(ResolvedTarget._make(facts))
    return dict(found)
