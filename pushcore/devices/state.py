"""What is known of the device behind a target (PushQueryDeviceState).

Values as the cloud documents them ("Device information", help.aliyun.com/document_detail/2926886.html): targetType 1 is
a device of any platform, 2 a user; manufacturer is the channel that reaches the device; iOS and HarmonyOS are unknown
by default. That page spells UNKNOWN "UNKNOW", in both its languages; its console's page has "Unknown".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from pushcore import ports
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.target_names import apns_spelling, clean_target
from pushcore.models import Binding, Device, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push.targets import resolve
from pushcore.storage.valkey import ValkeyDown

ONLINE = "ONLINE"
OFFLINE = "OFFLINE"
UNKNOWN = "UNKNOWN"


class TargetType(IntEnum):
    """Whether a query's target names a device or a user."""

    DEVICE = 1
    USER = 2


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device as the query answers it.

    `device_id` is what a backend names it by, `user_id` is empty where unbound, `manufacturer` is one of android, ios,
    miui, hms, fcm, oppo, vivo, honor, harmonyos, web, other.
    """

    user_id: str
    device_id: str
    delivery_token: str
    third_token: str
    platform: str
    manufacturer: str
    state: str


def of_target(workspace: Workspace, target: str, target_type: int) -> DeviceState | None:
    """Look up the target's device; of a user with several, the one bound last.

    Returns:
        None where there is no device.

    Raises:
        ResultError: TOKEN_OR_USERID_NULL, DELIVERY_TYPE_NOT_SUPPORTED.
    """
    try:
        kind = TargetType(target_type)
    except ValueError:
        raise ResultError(ResultCode.DELIVERY_TYPE_NOT_SUPPORTED, "targetType is 1 (device) or 2 (user)") from None
    device = _of_user(workspace, target) if kind is TargetType.USER else _of_token(workspace, target)
    if device is None:
        return None
    bound = Binding.objects.filter(device=device, unbound_at__isnull=True).first()
    return DeviceState(
        user_id=bound.user_id if bound else "",
        device_id=device.third_token if device.platform == Platform.IOS and device.third_token else device.ad_token,
        delivery_token=device.ad_token,
        third_token=device.third_token,
        platform=Platform(device.platform).api_name,
        manufacturer=_manufacturer(device),
        state=_state(device),
    )


def _of_user(workspace: Workspace, given: str) -> Device | None:
    user_id = clean_target(DeliveryType.USER, given)
    targets = resolve(workspace, DeliveryType.USER, [user_id]).get(user_id)
    return Device.objects.filter(pk=targets[0].device_id).first() if targets else None


def _of_token(workspace: Workspace, given: str) -> Device | None:
    """Find a device by its Ad-token or its APNs token; Live Activities are left out."""
    token = clean_target(DeliveryType.ANDROID, given)
    devices = Device.objects.filter(workspace=workspace, activity_id__isnull=True)
    by_apns = devices.filter(third_channel=Channel.APNS, third_token=apns_spelling(token))
    return devices.filter(ad_token=token).first() or by_apns.first()


def _manufacturer(device: Device) -> str:
    if device.third_channel is not None and device.third_token:
        return Channel(device.third_channel).analysis_name.lower()
    return Platform(device.platform).api_name


def _state(device: Device) -> str:
    """Tell whether the self-built channel holds a connection; devices that need none are not known offline."""
    try:
        if ports.online([device.pk]):
            return ONLINE
    except ValkeyDown:
        return UNKNOWN
    return UNKNOWN if device.platform in (Platform.IOS, Platform.HARMONYOS) else OFFLINE
