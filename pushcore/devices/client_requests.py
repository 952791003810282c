"""What devices ask of the service over the gateway: bind, unbind and report.

Every function raises `ResultError`, whose code and message the device is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushcore.audience import changes, profiles
from pushcore.categories import consent
from pushcore.channels import Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings, registry, tokens
from pushcore.devices.client_bind import check_client_may_bind
from pushcore.devices.registry import KnownDevice
from pushcore.devices.target_names import clean_user_id
from pushcore.devices.tokens import Claim, check_third_party
from pushcore.models import Device
from pushcore.storage import clock


def bind(device_id: int, user_id: str, bind_token: str = "") -> None:
    """Bind the device to a user, if the workspace's client-bind mode allows it.

    Raises:
        ResultError: NEED_USERID; INVALID_PARAM in mode `server`; SIGNATURE_MISMATCH for a bad token in mode `signed`.
    """
    user_id = clean_user_id(user_id)
    device = Device.objects.select_related("workspace__app").get(pk=device_id)
    check_client_may_bind(device, user_id, bind_token)
    bindings.bind(device, user_id)


def unbind(device_id: int, user_id: str) -> None:
    """End the device's binding to a user. Succeeds too where there is none.

    Raises:
        ResultError: NEED_USERID.
    """
    bindings.unbind(Device.objects.get(pk=device_id), clean_user_id(user_id))


def report(device_id: int, third_channel: int | None, third_token: str, info: Mapping[str, str] | None = None) -> None:
    """Keep what a device reports of itself.

    Args:
        device_id: The device.
        third_channel: The vendor's channel of `third_token`; 0 withdraws the device's token; None reports neither.
        third_token: The device's token at that channel.
        info: Descriptive fields by column, as `parse_info` returns them; empty ones change nothing.

    Raises:
        ResultError: NEED_DELIVERYTOKEN where nothing at all is reported, and what `check_third_party` raises.
    """
    device = Device.objects.only("workspace_id", "platform").get(pk=device_id)
    if third_channel is None and not third_token and not any((info or {}).values()):
        raise ResultError(ResultCode.NEED_DELIVERYTOKEN, "neither a token nor a description of the device is reported")
    apply_report(device, third_channel, third_token, info or {})


def update_profile(device: KnownDevice, given: Mapping[str, Any]) -> None:
    """Change what a device says of its user's interests: its profile, and whether it takes marketing messages.

    Raises:
        ResultError: What `changes.change_of` and `profiles.update_own` raise; INVALID_PARAM for a consent that is none.
        Device.DoesNotExist: It has ended.
    """
    says_consent = "marketingConsent" in given
    marketing_consent = consent.parse(given.get("marketingConsent"))
    if not says_consent or changes.says_profile(given):
        profiles.update_own(device.workspace_id, device.id, changes.change_of(given))
    if says_consent:
        Device.objects.only("pk").get(pk=device.id)
        consent.set_consent([device.id], marketing_consent)


def apply_report(device: Device, third_channel: int | None, third_token: str, info: Mapping[str, str]) -> None:
    """Write a report: the token at the vendor's channel, the description, and that the device was seen."""
    if third_channel is not None or third_token:
        reported = check_third_party(Platform(device.platform), third_channel, third_token)
        if reported.channel is None:
            tokens.withdraw(device.pk)
        else:
            tokens.claim([Claim(device.workspace_id, device.pk, reported.channel, reported.token)])
    registry.update_info({device.pk: info})
    Device.objects.filter(pk=device.pk).update(last_seen_at=clock.now())
