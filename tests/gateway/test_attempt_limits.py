"""Failed logins over HTTP are limited by address; registrations by address and workspace, over HTTP and MQTT."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from mqtt5 import ConnAckReasonCode
from redis.exceptions import ConnectionError as RedisDown

from gateway.node import attempt_limits
from gateway.node.attempt_limits import Exceeded, has_failed_too_often, note_failure, take_registrations
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, Workspace
from pushcore.storage import token_bucket
from tests.gateway.conftest import RunningGateway
from tests.support.raw_device import RawDevice


def post(live_server: object, path: str, auth: tuple[str, str]) -> requests.Response:
    return requests.post(f"{live_server}/device/v1/{path}", json={}, auth=auth, timeout=10)


@pytest.fixture
def steady_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No minute ends during the test."""
    monkeypatch.setattr(time, "time", lambda: 1_800_000_030.0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["register", "bind", "events", "unregister"])
@pytest.mark.usefixtures("steady_clock")
def test_an_address_that_keeps_failing_is_refused_until_the_minute_is_over(
    live_server: object, workspace: Workspace, username: str, settings: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEVICE_FAILURES_PER_ADDRESS = 5
    [(known, secret)] = registry.register([(workspace, DeviceInfo())])
    right = (username, workspace.client_key) if path == "register" else (known.ad_token, secret)
    assert [post(live_server, path, (right[0], "wrong")).status_code for _ in range(5)] == [401] * 5
    refused = post(live_server, path, right)
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()["success"]) == (429, "30", False)
    monkeypatch.setattr(time, "time", lambda: 1_800_000_060.0)
    assert post(live_server, path, right).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("steady_clock")
def test_right_credentials_and_other_addresses_do_not_count_as_failures(
    live_server: object, workspace: Workspace, settings: Any
) -> None:
    settings.DEVICE_FAILURES_PER_ADDRESS = 2
    [(known, secret)] = registry.register([(workspace, DeviceInfo())])
    assert {post(live_server, "report", (known.ad_token, secret)).status_code for _ in range(5)} == {200}
    for number in range(2):
        note_failure(f"2001:db8::{number}")
    assert has_failed_too_often("2001:db8::9")
    assert not has_failed_too_often("2001:db8:0:1::9")
    assert post(live_server, "report", (known.ad_token, secret)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_registrations_of_an_address_are_limited_over_http(
    live_server: object, workspace: Workspace, username: str, settings: Any
) -> None:
    settings.DEVICE_REGISTRATIONS_PER_ADDRESS = 3
    answers = [post(live_server, "register", (username, workspace.client_key)) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[4].headers["Retry-After"] == "1200"
    assert Device.objects.count() == 3


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("DEVICE_REGISTRATIONS_PER_ADDRESS", ConnAckReasonCode.CONNECTION_RATE_EXCEEDED),
        ("DEVICE_REGISTRATIONS_PER_WORKSPACE", ConnAckReasonCode.QUOTA_EXCEEDED),
    ],
)
def test_registrations_are_limited_over_mqtt_and_known_devices_are_not(
    gateway: RunningGateway, workspace: Workspace, username: str, settings: Any, setting: str, code: ConnAckReasonCode
) -> None:
    setattr(settings, setting, 2)
    [(known, secret)] = registry.register([(workspace, DeviceInfo())])
    answers = []
    for _ in range(3):
        with RawDevice(gateway.mqtt_port) as device:
            answers.append(device.connect("", username, workspace.client_key))
    assert [answer.reason_code for answer in answers] == [ConnAckReasonCode.SUCCESS, ConnAckReasonCode.SUCCESS, code]
    assert dict(answers[-1].user_properties) == {"retryAfter": "1800"}
    with RawDevice(gateway.mqtt_port) as device:
        assert device.connect(known.ad_token, username, secret).reason_code == ConnAckReasonCode.SUCCESS
    assert Device.objects.count() == 3


def test_a_batch_is_counted_one_by_one_for_its_addresses_and_workspaces(settings: Any) -> None:
    settings.DEVICE_REGISTRATIONS_PER_ADDRESS, settings.DEVICE_REGISTRATIONS_PER_WORKSPACE = 2, 3
    asking = [("192.0.2.1", 1)] * 3 + [("192.0.2.2", 1)] * 2 + [("192.0.2.2", 2)]
    assert take_registrations(asking) == [None, None, Exceeded.ADDRESS, None, Exceeded.WORKSPACE, None]


@pytest.mark.parametrize("limits", [(0, 0), (2, 2)])
def test_without_a_limit_or_without_valkey_nothing_is_refused(
    settings: Any, monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int]
) -> None:
    def away() -> None:
        raise RedisDown

    for module in (attempt_limits, token_bucket):
        monkeypatch.setattr(module, "client", away)
    settings.DEVICE_FAILURES_PER_ADDRESS = limits[0]
    settings.DEVICE_REGISTRATIONS_PER_ADDRESS, settings.DEVICE_REGISTRATIONS_PER_WORKSPACE = limits
    for _ in range(3):
        note_failure("192.0.2.1")
    assert not has_failed_too_often("192.0.2.1")
    assert take_registrations([("192.0.2.1", 1)] * 5) == [None] * 5
