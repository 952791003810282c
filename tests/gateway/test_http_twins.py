"""The HTTP twins of the device requests."""

from __future__ import annotations

from uuid import uuid4

import pytest
import requests

from analytics.models import MessageEvent
from pushcore.devices import registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import Binding, Device, Workspace
from tests.gateway.pushing import send

APNS = "ab" * 32


@pytest.mark.django_db(transaction=True)
def test_a_device_registers_binds_and_reports_over_http(
    live_server: object, workspace: Workspace, username: str
) -> None:
    base = f"{live_server}/device/v1"
    made = requests.post(
        f"{base}/register",
        json={"platform": "ios", "token": f"<{APNS.upper()}>", "model": "iPhone"},
        auth=(username, workspace.client_key),
        timeout=10,
    ).json()
    assert (made["success"], made["code"]) == (True, "100")
    mine = (made["data"]["adToken"], made["data"]["secret"])
    device = Device.objects.get(ad_token=mine[0])
    assert (device.platform, device.third_channel, device.third_token) == (2, 2, APNS)
    assert requests.post(f"{base}/bind", json={"userId": "ann"}, auth=mine, timeout=10).json()["code"] == "100"
    assert Binding.objects.get().user_id == "ann"
    message = send(workspace, APNS, "k1", delivery_type=2)
    event = [{"k": str(message.pk), "event": "opened"}]
    assert requests.post(f"{base}/events", json=event, auth=mine, timeout=10).json()["code"] == "100"
    assert MessageEvent.objects.get().kind == "opened"
    assert requests.post(
        f"{base}/report", json={"thirdChannel": 2, "thirdChannelDeviceToken": "cd" * 32}, auth=mine, timeout=10
    ).ok
    assert requests.post(f"{base}/unbind", json={"userId": "ann"}, auth=mine, timeout=10).json()["code"] == "100"
    assert Binding.objects.get().unbound_at is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "auth", "body", "status", "code"),
    [
        ("register", None, b"{}", 401, "-1"),
        ("register", "wrong", b"{}", 401, "-1"),
        ("register", "unknown", b"{}", 401, "-1"),
        ("register", "key", b"{", 200, "3028"),
        ("register", "key", b"[]", 200, "3028"),
        ("register", "key", b'{"platform": "symbian"}', 200, "3008"),
        ("bind", None, b"{}", 401, "-1"),
        ("bind", "wrong", b"{}", 401, "-1"),
        ("bind", "device", b"{}", 200, "3012"),
        ("bind", "device", b"null", 200, "3028"),
        ("events", "device", b"{}", 200, "3028"),
        ("events", "device", b"x" * 70_000, 413, "3050"),
    ],
)
def test_http_requests_refuse_what_mqtt_requests_refuse(
    live_server: object,
    workspace: Workspace,
    username: str,
    path: str,
    auth: str | None,
    body: bytes,
    status: int,
    code: str,
) -> None:
    [(known, secret)] = registry.register([(workspace, DeviceInfo())])
    credentials = {
        None: None,
        "wrong": (username if path == "register" else known.ad_token, "wrong"),
        "unknown": ("nobody-test", "x"),
        "key": (username, workspace.client_key),
        "device": (known.ad_token, secret),
    }[auth]
    answer = requests.post(f"{live_server}/device/v1/{path}", data=body, auth=credentials, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Device.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("register", b'{"model": "a\\ud83d"}', "model"),
        ("register", b'{"model": ' + b"9" * 5000 + b"}", "model"),
        ("register", b'{"model": ' + b"[" * 500 + b"]" * 500 + b"}", "model"),
        ("bind", b'{"userId": "a\\ud83d"}', "userId"),
        ("bind", b'{"userId": "a\\u0000"}', "userId"),
        ("unbind", b'{"userId": "a\\ud83d"}', "userId"),
        ("report", b'{"thirdChannel": 4, "thirdChannelDeviceToken": "a\\ud83d"}', "thirdChannelDeviceToken"),
        ("report", b'{"thirdChannel": "' + b"9" * 5000 + b'", "thirdChannelDeviceToken": "t"}', "thirdChannel"),
        ("report", b'{"thirdChannel": "3_0", "thirdChannelDeviceToken": "t"}', "thirdChannel"),
        ("events", b'[{"k": "3_0", "event": "opened"}]', "k"),
        ("events", b'[{"k": "' + b"9" * 5000 + b'", "event": "opened"}]', "k"),
        ("events", b'[{"k": "1", "event": "\\udc00"}]', "event"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_with_the_name_of_its_field(
    live_server: object, workspace: Workspace, username: str, path: str, body: bytes, named: str
) -> None:
    [(device, secret)] = registry.register([(workspace, DeviceInfo())])
    auth = (username, workspace.client_key) if path == "register" else (device.ad_token, secret)
    answer = requests.post(f"{live_server}/device/v1/{path}", body, auth=auth, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (200, "3028")
    assert named in answer.json()["message"]


@pytest.mark.django_db(transaction=True)
def test_a_devices_json_may_begin_with_a_byte_order_mark(live_server: object, workspace: Workspace) -> None:
    [(device, secret)] = registry.register([(workspace, DeviceInfo())])
    answer = requests.post(
        f"{live_server}/device/v1/bind",
        b'\xef\xbb\xbf{"userId": "ann"}',
        auth=(device.ad_token, secret),
        timeout=10,
    )
    assert answer.json()["code"] == "100"


@pytest.mark.django_db(transaction=True)
def test_an_installation_that_lost_the_answer_gets_its_device_back_over_http(
    live_server: object, workspace: Workspace, username: str
) -> None:
    body = {"platform": "android", "installationId": str(uuid4()), "registrationNonce": uuid4().hex}

    def register(**more: str) -> dict[str, str]:
        answer = requests.post(
            f"{live_server}/device/v1/register", json=body | more, auth=(username, workspace.client_key), timeout=10
        )
        return answer.json()["data"]

    first, again = register(), register()
    assert first["adToken"] == again["adToken"]
    assert register(deviceSecret=again["secret"]) == again
    assert register(registrationNonce=uuid4().hex)["adToken"] != again["adToken"]
    assert Device.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_device_that_unregistered_over_http_is_refused_afterwards(
    live_server: object, workspace: Workspace, known: tuple[KnownDevice, str]
) -> None:
    mine = (known[0].ad_token, known[1])
    server_requests.bind(workspace, "ann", mine[0], 1)
    answer = requests.post(f"{live_server}/device/v1/unregister", json={}, auth=mine, timeout=10)
    assert answer.json()["code"] == "100"
    assert not Device.objects.exists()
    assert not Binding.objects.exists()
    assert requests.post(f"{live_server}/device/v1/unregister", json={}, auth=mine, timeout=10).status_code == 401
