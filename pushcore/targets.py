"""Resolving targets: from what a backend names (a user, a device) to the devices a message goes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pushcore.channels import Channel, Platform
from pushcore.models import Binding, Device, Workspace
from pushcore.models.pushes import DeliveryType

# A user's devices beyond this many (the most recently bound count) get nothing: what can grow is bounded.
MAX_DEVICES_PER_USER = 20


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
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
        bound = (
            Binding.objects.filter(workspace=workspace, user_id__in=targets, unbound_at__isnull=True)
            .order_by("-bound_at")
            .values_list("user_id", "device_id", "device__platform", "device__third_channel", "device__third_token")
        )
        for user_id, device_id, platform, third_channel, third_token in bound:
            if len(found[user_id]) < MAX_DEVICES_PER_USER:
                found[user_id].append(ResolvedTarget(device_id, platform, third_channel, third_token))
        return dict(found)
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
