"""PushQueryDeviceState: the state of a target's device."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.cluster import presence
from pushcore.channels import Platform
from pushcore.devices import client_requests, registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Workspace
from pushcore.storage import valkey
from tests.pushcore.api.callers import Rest, Rpc2020

pytestmark = pytest.mark.django_db

APNS = "ab" * 32
SCOPE = {"AppId": "ONEX570DA89211721", "WorkspaceId": "test"}


@pytest.fixture
def bound(workspace: Workspace) -> KnownDevice:
    [(device, _)] = registry.register([(workspace, DeviceInfo(manufacturer="Xiaomi"))])
    server_requests.bind(workspace, "ann", device.ad_token, 1)
    client_requests.report(device.id, 4, "mi-token")
    return device


def ask(rpc2020: Rpc2020, target: str, target_type: str) -> dict[str, Any]:
    answer = rpc2020.call("PushQueryDeviceState", SCOPE | {"Target": target, "TargetType": target_type})
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_a_user_and_his_device_name_the_same_state(rpc2020: Rpc2020, bound: KnownDevice) -> None:
    by_user = ask(rpc2020, "ann", "2")
    assert (by_user["Code"], by_user["ResultCode"], by_user["Success"]) == ("100", "OK", True)
    assert by_user["Data"] == {
        "UserId": "ann",
        "DeviceId": bound.ad_token,
        "DeliveryToken": bound.ad_token,
        "ThirdToken": "mi-token",
        "Platform": "android",
        "Manufacturer": "miui",
        "Statue": "OFFLINE",
    }
    assert ask(rpc2020, bound.ad_token, "1")["Data"] == by_user["Data"]


def test_a_connected_device_is_online(rpc2020: Rpc2020, bound: KnownDevice) -> None:
    valkey.client().set(presence.presence_key(bound.id), "node/session")
    valkey.client().xadd(presence.stream_key("node"), {"hello": b""})
    assert ask(rpc2020, "ann", "2")["Data"]["Statue"] == "ONLINE"


@pytest.mark.parametrize("spelling", [APNS, f"<{APNS.upper()}>"])
def test_an_ios_device_is_named_by_its_apns_token_and_its_state_unknown(
    rpc2020: Rpc2020, workspace: Workspace, spelling: str
) -> None:
    server_requests.bind(workspace, "bob", APNS, 2)
    data = ask(rpc2020, spelling, "1")["Data"]
    assert (data["DeviceId"], data["UserId"], data["Statue"]) == (APNS, "bob", "UNKNOWN")


def test_an_unknown_target_has_no_data_and_a_bad_one_its_code(rpc2020: Rpc2020, bound: KnownDevice) -> None:
    unknown = ask(rpc2020, "nobody", "2")
    assert unknown["Success"] is True
    assert "Data" not in unknown
    assert ask(rpc2020, " ", "2")["Code"] == "3021"
    assert ask(rpc2020, "ann", "9")["Code"] == "3009"


def test_the_rest_api_answers_the_same_in_its_own_spelling(rest: Rest, bound: KnownDevice) -> None:
    scope = {"appId": SCOPE["AppId"], "workspaceId": "test"}
    answer = rest.call("devices/state", scope | {"target": "ann", "targetType": 2})
    assert (answer["code"], answer["data"]["deliveryToken"]) == ("100", bound.ad_token)


@pytest.mark.parametrize(
    ("platform", "channel", "manufacturer", "state"),
    [
        (Platform.ANDROID, None, "android", "OFFLINE"),
        (Platform.ANDROID, 5, "hms", "OFFLINE"),
        (Platform.ANDROID, 6, "fcm", "OFFLINE"),
        (Platform.HARMONYOS, 13, "harmonyos", "UNKNOWN"),
        (Platform.HARMONYOS, None, "harmonyos", "UNKNOWN"),
        (Platform.IOS, None, "ios", "UNKNOWN"),
    ],
)
def test_a_device_of_any_platform_is_found_with_the_channel_that_reaches_it(
    rpc2020: Rpc2020, workspace: Workspace, platform: Platform, channel: int | None, manufacturer: str, state: str
) -> None:
    reported = {} if channel is None else {"third_channel": channel, "third_token": "t"}
    [(device, _)] = registry.register([(workspace, DeviceInfo(platform=platform, manufacturer="Maker", **reported))])  # type: ignore[arg-type]
    data = ask(rpc2020, device.ad_token, "1")["Data"]
    assert (data["Platform"], data["Manufacturer"], data["Statue"]) == (platform.api_name, manufacturer, state)


@pytest.mark.parametrize("target_type", ["0", "3", "7"])
def test_an_unknown_target_type_is_refused(rpc2020: Rpc2020, bound: KnownDevice, target_type: str) -> None:
    assert ask(rpc2020, bound.ad_token, target_type)["Code"] == "3009"


def test_another_workspaces_device_is_unknown(rpc2020: Rpc2020, workspace: Workspace) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    [(stranger, _)] = registry.register([(other, DeviceInfo())])
    assert "Data" not in ask(rpc2020, stranger.ad_token, "1")
