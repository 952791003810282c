"""The query tool: what is known of the device behind a target (source document, 6.4)."""

from __future__ import annotations

from dataclasses import dataclass

from pushcore import ports
from pushcore.bus import BusDown
from pushcore.channels import Platform
from pushcore.limits import check_delivery_type
from pushcore.models import Binding, Device, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.target_names import clean_target
from pushcore.targets import resolve

ONLINE = "Online"
OFFLINE = "Offline"
UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device as the query tool shows it. `device_id`: what a backend names it by; `user_id`: empty where unbound."""

    user_id: str
    device_id: str
    delivery_token: str
    third_token: str
    platform: str
    manufacturer: str
    state: str


def of_target(workspace: Workspace, target: str, target_type: int) -> DeviceState | None:
    """The state of the target's device; of a user with several, the one bound last. None where there is no device.

    Raises `ResultError`: TOKEN_OR_USERID_NULL, DELIVERY_TYPE_NOT_SUPPORTED.
    """
    check_delivery_type(target_type)
    target = clean_target(target_type, target)
    found = resolve(workspace, DeliveryType(target_type), [target]).get(target)
    if not found:
        return None
    device = Device.objects.get(pk=found[0].device_id)
    bound = Binding.objects.filter(device=device, unbound_at__isnull=True).first()
    return DeviceState(
        user_id=bound.user_id if bound else "",
        device_id=device.third_token if device.platform == Platform.IOS and device.third_token else device.ad_token,
        delivery_token=device.ad_token,
        third_token=device.third_token,
        platform=Platform(device.platform).label,
        manufacturer=device.manufacturer,
        state=_state(device),
    )


def _state(device: Device) -> str:
    """Online or offline on the self-built channel; unknown for iOS (APNs delivers there) and while the bus is away."""
    if device.platform == Platform.IOS:
        return UNKNOWN
    try:
        return ONLINE if ports.online([device.pk]) else OFFLINE
    except BusDown:
        return UNKNOWN
