"""What the app's backend says and asks of devices: bind, unbind, report, state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushcore.api.channel_texts import text_of_channels
from pushcore.api.fields import Number, Text
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.schema import RequestSchema
from pushcore.codes.results import ResultCode
from pushcore.devices import activities, server_requests, state
from pushcore.models import Workspace


class PushBindSchema(RequestSchema):
    """Bind a user to a device."""

    codes = {
        "userId": ResultCode.NEED_USERID,
        "deliveryToken": ResultCode.NEED_DELIVERYTOKEN,
        "osType": ResultCode.OS_TYPE_NOT_SUPPORTED,
    }

    userId = Text(help_text="User ID, at most 256 characters.")
    deliveryToken = Text(help_text="Ad-token; on iOS the APNs device token.")
    osType = Number(help_text="1 Android, 2 iOS, 7 HarmonyOS, 8 web, 9 other.")
    phoneNumber = Text(help_text="The user's phone number, kept encrypted: 5 to 15 digits, + before them or not.")


class PushUnBindSchema(RequestSchema):
    """End a user's binding to a device."""

    codes = {"userId": ResultCode.NEED_USERID, "deliveryToken": ResultCode.NEED_DELIVERYTOKEN}

    userId = Text(help_text="User ID.")
    deliveryToken = Text(help_text="Ad-token; on iOS the APNs device token.")


class PushReportSchema(RequestSchema):
    """Report a device's description and its token at a vendor's channel."""

    codes = {"deliveryToken": ResultCode.NEED_DELIVERYTOKEN, "osType": ResultCode.OS_TYPE_NOT_SUPPORTED}

    deliveryToken = Text(help_text="Ad-token; on iOS the APNs device token.")
    osType = Number(help_text="1 Android, 2 iOS, 7 HarmonyOS, 8 web, 9 other.")
    thirdChannel = Number(
        help_text=text_of_channels("{numbers}."),
        required=False,
        default=None,
        allow_null=True,
    )
    thirdChannelDeviceToken = Text(help_text="The device's token at that channel.")
    appVersion = Text(help_text="App version.")
    model = Text(help_text="Device model.")
    channel = Text(help_text="Distribution channel of the app.")
    connectType = Text(help_text="Network.")
    imei = Text(help_text="Not kept.")
    imsi = Text(help_text="Not kept.")
    pushVersion = Text(help_text="Version of the push client.")
    activityId = Text(help_text="A Live Activity on the device: the app's ID of it, at most 128 characters.")
    activityPushToken = Text(help_text="Its push token, reported again when it changes.")


class PushQueryDeviceStateSchema(RequestSchema):
    """Ask for the device behind a target."""

    codes = {
        "target": ResultCode.TOKEN_OR_USERID_NULL,
        "targetType": ResultCode.DELIVERY_TYPE_NOT_SUPPORTED,
    }

    target = Text(help_text="User ID, Ad-token or APNs token.")
    targetType = Number(help_text="What the target is: 1 device of any platform, 2 user.")


def push_bind(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Bind a user to a device."""
    server_requests.bind(
        workspace, values["userId"], values["deliveryToken"], values["osType"], values["phoneNumber"].strip()
    )


def push_unbind(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """End a user's binding to a device."""
    server_requests.unbind(workspace, values["userId"], values["deliveryToken"])


def push_report(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Keep what is reported of a device, and of a Live Activity on it."""
    server_requests.report(
        workspace,
        values["deliveryToken"],
        values["osType"],
        values["thirdChannel"],
        values["thirdChannelDeviceToken"],
        {"appVersion": values["appVersion"], "model": values["model"]},
    )
    if values["activityId"] or values["activityPushToken"]:
        activities.report(workspace, values["activityId"], values["activityPushToken"])


def query_device_state(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any] | None:
    """Show the device behind a target; None where none is known."""
    device = state.of_target(workspace, values["target"], values["targetType"])
    if device is None:
        return None
    return {
        "userId": device.user_id,
        "deviceId": device.device_id,
        "deliveryToken": device.delivery_token,
        "thirdToken": device.third_token,
        "platform": device.platform,
        "manufacturer": device.manufacturer,
        "statue": device.state,
    }


OPERATIONS = (
    Operation(
        "PushBind",
        "bind",
        "Bind a user to a device",
        PushBindSchema,
        push_bind,
        {V2020: (*SCOPE, "userId", "deliveryToken", "osType")},
        example=(EXAMPLE_SCOPE | {"userId": "user1024", "deliveryToken": "Zx3f9dQ2c0", "osType": 1}, None),
    ),
    Operation(
        "PushUnBind",
        "unbind",
        "End a user's binding to a device",
        PushUnBindSchema,
        push_unbind,
        {V2020: (*SCOPE, "userId", "deliveryToken")},
        example=(EXAMPLE_SCOPE | {"userId": "user1024", "deliveryToken": "Zx3f9dQ2c0"}, None),
    ),
    Operation(
        "PushReport",
        "report",
        "Report a device",
        PushReportSchema,
        push_report,
        {V2020: (*SCOPE, "deliveryToken", "osType")},
        example=(
            EXAMPLE_SCOPE
            | {
                "deliveryToken": "Zx3f9dQ2c0",
                "osType": 1,
                "thirdChannel": 4,
                "thirdChannelDeviceToken": "xiaomi-registration-id",
                "appVersion": "3.1.0",
            },
            None,
        ),
    ),
    Operation(
        "PushQueryDeviceState",
        "devices/state",
        "Show what is known of a target's device",
        PushQueryDeviceStateSchema,
        query_device_state,
        {V2020: (*SCOPE, "target", "targetType")},
        Envelope.DEVICE_STATE,
        example=(
            EXAMPLE_SCOPE | {"target": "user1024", "targetType": 2},
            {
                "userId": "user1024",
                "deviceId": "Zx3f9dQ2c0",
                "deliveryToken": "Zx3f9dQ2c0",
                "thirdToken": "",
                "platform": "android",
                "manufacturer": "Xiaomi",
                "statue": "Online",
            },
        ),
    ),
)
