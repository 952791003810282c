"""What backends ask of the service about devices: PushBind, PushUnBind and PushReport.

Every function raises `ResultError`, whose code and message the backend is answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.db import transaction

from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings, registry, tokens
from pushcore.devices.client_requests import apply_report
from pushcore.devices.info import DeviceInfo, parse_info, parse_platform
from pushcore.devices.target_names import MAX_DEVICE_NAME_LENGTH, apns_spelling, clean_user_id
from pushcore.devices.tokens import check_third_party
from pushcore.models import Device, Workspace

# ITU-T E.164: at most 15 digits.
_PHONE_NUMBER = re.compile(r"\+?[0-9]{5,15}", re.ASCII)


def bind(workspace: Workspace, user_id: str, delivery_token: str, os_type: int, phone_number: str = "") -> None:
    """Bind a user to a device (PushBind). An unknown iOS device is registered by its APNs token.

    Args:
        workspace: The workspace of user and device.
        user_id: The user.
        delivery_token: The device's Ad-token, or its APNs token.
        os_type: The device's platform (`Platform`).
        phone_number: The user's number, kept encrypted until the binding ends; empty to keep none.

    Raises:
        ResultError: NEED_USERID, NEED_DELIVERYTOKEN, OS_TYPE_NOT_SUPPORTED, DELIVERYTOKEN_INVALID, INVALID_PARAM.
    """
    user_id = clean_user_id(user_id)
    platform = parse_platform(os_type)
    if phone_number and not _PHONE_NUMBER.fullmatch(phone_number):
        raise ResultError(ResultCode.INVALID_PARAM, "phoneNumber is 5 to 15 digits, with + before them or not")
    device = find_device(workspace, delivery_token, platform)
    try:
        bindings.bind(device, user_id)
    except Device.DoesNotExist:  # it has ended meanwhile
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID) from None
    if phone_number:
        bindings.keep_phone_number(device, user_id, phone_number)


def unbind(workspace: Workspace, user_id: str, delivery_token: str) -> None:
    """End a user's binding to a device (PushUnBind). Succeeds too where there is none.

    Raises:
        ResultError: NEED_USERID, NEED_DELIVERYTOKEN, DELIVERYTOKEN_INVALID.
    """
    user_id = clean_user_id(user_id)
    bindings.unbind(find_device(workspace, delivery_token, None), user_id)


def report(
    workspace: Workspace,
    delivery_token: str,
    os_type: int,
    third_channel: int | None,
    third_token: str,
    info: Mapping[str, str],
) -> None:
    """Keep what a backend knows of a device (PushReport).

    Args:
        workspace: The device's workspace.
        delivery_token: The device's Ad-token, or its APNs token.
        os_type: The device's platform (`Platform`).
        third_channel: The vendor's channel of `third_token`; None where none is reported.
        third_token: The device's token at that channel.
        info: Descriptive fields as they are on the wire (appVersion, model, ...); empty ones change nothing.

    Raises:
        ResultError: As `bind`, and INVALID_PARAM.
    """
    device = find_device(workspace, delivery_token, parse_platform(os_type))
    apply_report(device, third_channel, third_token, parse_info(info))


def find_device(workspace: Workspace, delivery_token: str, platform: Platform | None = None) -> Device:
    """Find the device a backend names by its Ad-token or its APNs token; `platform` None is not compared.

    Raises:
        ResultError: NEED_DELIVERYTOKEN, DELIVERYTOKEN_INVALID, OS_TYPE_NOT_SUPPORTED.
    """
    token = delivery_token.strip()
    if not token:
        raise ResultError(ResultCode.NEED_DELIVERYTOKEN)
    if len(token) > MAX_DEVICE_NAME_LENGTH or "\0" in token:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID)
    device = Device.objects.filter(workspace=workspace, ad_token=token).first() or _by_apns(workspace, token)
    if device is None and platform == Platform.IOS:
        device = _new_ios_device(workspace, token)
    if device is None:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID)
    if platform not in (None, device.platform):
        raise ResultError(
            ResultCode.OS_TYPE_NOT_SUPPORTED, f"the device is of platform {Platform(device.platform).api_name}"
        )
    return device


def _by_apns(workspace: Workspace, token: str) -> Device | None:
    return Device.objects.filter(
        workspace=workspace, third_channel=Channel.APNS, third_token=apns_spelling(token), activity_id__isnull=True
    ).first()


def _new_ios_device(workspace: Workspace, given: str) -> Device:
    """Register a device known by its APNs token alone; concurrent calls with one token get one device."""
    try:
        _, token = check_third_party(Platform.IOS, Channel.APNS, given)
    except ResultError:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID, "no APNs token: 64 to 200 hexadecimal digits") from None
    with transaction.atomic():
        tokens.lock(workspace.pk, Channel.APNS, token)
        if (device := _by_apns(workspace, token)) is not None:
            return device
        [(known, _)] = registry.register([(workspace, DeviceInfo(platform=Platform.IOS, third_token=token))])
    return Device.objects.get(pk=known.id)
