"""Devices, their info, and who may bind them."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from django.db import connection

from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import deliverable, events
from pushcore.devices import client_requests, registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import AccessKey, App, Binding, Device, Workspace
from tests.pushcore.conftest import RecordingLane


@pytest.mark.django_db
def test_a_registered_device_is_found_and_knows_its_secret(workspace: Workspace) -> None:
    [(registered, secret)] = registry.register([(workspace, DeviceInfo(manufacturer="Huawei"))])
    found = registry.find_devices([registered.ad_token, "unknown"])
    assert found == {registered.ad_token: registered}
    assert registered.has_secret(secret)
    assert not registered.has_secret(secret + "x")
    assert secret not in str(Device.objects.values().get())


@pytest.mark.django_db
def test_a_device_without_secret_accepts_none(workspace: Workspace) -> None:
    [(registered, _)] = registry.register([(workspace, DeviceInfo())])
    Device.objects.update(secret_hash="")
    assert not registry.find_devices([registered.ad_token])[registered.ad_token].has_secret("")


@pytest.mark.django_db
def test_ids_with_hyphens_name_their_workspace() -> None:
    app = App.objects.create(app_id="my-app", name="x")
    workspace = Workspace.objects.create(app=app, workspace_id="pre-prod")
    assert registry.find_workspaces(["my-app-pre-prod", "nonsense", "-", ""]) == {"my-app-pre-prod": workspace}


@pytest.mark.django_db
@pytest.mark.parametrize("off", ["app", "workspace"])
def test_a_disabled_app_or_workspace_is_not_found(workspace: Workspace, off: str) -> None:
    username = f"{workspace.app.app_id}-{workspace.workspace_id}"
    assert username in registry.find_workspaces([username])
    target: Any = workspace.app if off == "app" else workspace
    target.enabled = False
    target.save()
    assert registry.find_workspaces([username]) == {}


@pytest.mark.parametrize(
    ("given", "platform"),
    [
        ({}, Platform.ANDROID),
        ({"platform": "iOS"}, Platform.IOS),
        ({"platform": 7}, Platform.HARMONYOS),
        ({"platform": "HarmonyOS"}, Platform.HARMONYOS),
        ({"platform": "harmony"}, Platform.HARMONYOS),
    ],
)
def test_device_info_is_read_and_shortened(given: dict[str, object], platform: Platform) -> None:
    info = DeviceInfo.from_mapping(
        given | {"model": "m" * 500, "osVersion": 14, "appVersion": None, "manufacturer": " a\0\x85b\u2028"}
    )
    assert info == DeviceInfo(platform, manufacturer="ab", model="m" * 128, os_version="14")


@pytest.mark.parametrize("value", [["x"], {"a": 1}, True])
def test_device_info_that_is_not_text_is_refused_by_name(value: object) -> None:
    with pytest.raises(ResultError, match="appVersion"):
        DeviceInfo.from_mapping({"appVersion": value})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (("Asia/Shanghai", "zh-Hans-CN", "CN"), ("Asia/Shanghai", "zh-Hans-CN", "CN")),
        (("UTC", "PT_br", "br"), ("UTC", "pt-BR", "BR")),
        (("Mars/Olympus", "?", "GBR"), ("", "", "")),
        (("../etc/passwd", "de-" + "a" * 40, "1"), ("", "", "")),
        (("localtime", "ZH-HANT", None), ("", "zh-Hant", "")),
    ],
)  # fmt: skip
def test_where_a_device_is_used_is_kept_in_one_spelling_and_what_is_none_is_ignored(
    given: tuple[str, str, str | None], kept: tuple[str, str, str]
) -> None:
    info = DeviceInfo.from_mapping(dict(zip(("timeZone", "language", "country"), given, strict=True)))
    assert (info.time_zone, info.language, info.country) == kept


@pytest.mark.django_db
def test_updating_the_info_of_many_devices_takes_one_query_and_writes_only_changes(
    workspace: Workspace, django_assert_num_queries: Any
) -> None:
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo(app_version="1", model="M"))] * 3)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text FROM pushcore_device")
        before = dict(cursor.fetchall())
        with django_assert_num_queries(1):
            registry.update_info({fleet[0].id: {"app_version": "2", "model": ""}, fleet[1].id: {"app_version": "1"}})
        cursor.execute("SELECT id, xmin::text FROM pushcore_device")
        changed = {pk for pk, version in cursor.fetchall() if before[pk] != version}
    with django_assert_num_queries(0):
        registry.update_info({fleet[2].id: {"app_version": ""}})
    assert Device.objects.get(pk=fleet[0].id).app_version == "2"
    assert Device.objects.get(pk=fleet[0].id).model == "M"
    assert changed <= {fleet[0].id}


@pytest.mark.parametrize("platform", ["symbian", 3, None, [], float("inf")])
def test_an_unknown_platform_is_refused(platform: object) -> None:
    with pytest.raises(ResultError) as refused:
        DeviceInfo.from_mapping({"platform": platform})
    assert refused.value.result == ResultCode.OS_TYPE_NOT_SUPPORTED


@pytest.mark.django_db
def test_a_device_serves_one_user_at_a_time_and_history_stays(workspace: Workspace, known: KnownDevice) -> None:
    server_requests.bind(workspace, "ann", known.ad_token, 1)
    server_requests.bind(workspace, "bob", known.ad_token, 1)
    server_requests.bind(workspace, "bob", known.ad_token, 1)
    ann, bob = Binding.objects.order_by("bound_at")
    assert (ann.user_id, bob.user_id) == ("ann", "bob")
    assert ann.unbound_at is not None
    assert bob.unbound_at is None
    server_requests.unbind(workspace, "ann", known.ad_token)
    bob.refresh_from_db()
    assert bob.unbound_at is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("user_id", "token", "os_type", "result"),
    [
        (" ", "known", 1, ResultCode.NEED_USERID),
        ("u" * 257, "known", 1, ResultCode.INVALID_PARAM),
        ("ann", "", 1, ResultCode.NEED_DELIVERYTOKEN),
        ("ann", "unknown", 1, ResultCode.DELIVERYTOKEN_INVALID),
        ("ann", "known", 9, ResultCode.OS_TYPE_NOT_SUPPORTED),
    ],
)
def test_an_impossible_bind_is_refused_with_its_code(
    workspace: Workspace, known: KnownDevice, user_id: str, token: str, os_type: int, result: ResultCode
) -> None:
    with pytest.raises(ResultError) as refused:
        server_requests.bind(
            workspace, user_id, token.replace("unknown", "x").replace("known", known.ad_token), os_type
        )
    assert refused.value.result == result
    assert not Binding.objects.exists()


@pytest.mark.django_db
def test_a_device_of_another_workspace_cannot_be_bound(workspace: Workspace, known: KnownDevice) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    with pytest.raises(ResultError) as refused:
        server_requests.bind(other, "ann", known.ad_token, 1)
    assert refused.value.result == ResultCode.DELIVERYTOKEN_INVALID


@pytest.mark.django_db
def test_a_report_stores_the_vendor_token_and_the_device_info(workspace: Workspace, known: KnownDevice) -> None:
    server_requests.report(workspace, known.ad_token, 1, 5, "huawei-token", {"model": "P50", "appVersion": ""})
    device = Device.objects.get()
    assert (device.third_channel, device.third_token, device.model) == (Channel.HUAWEI, "huawei-token", "P50")
    client_requests.report(known.id, 4, "xiaomi-token")
    device.refresh_from_db()
    assert (device.third_channel, device.third_token) == (Channel.XIAOMI, "xiaomi-token")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("channel", "token", "result"),
    [(5, "", ResultCode.NEED_DELIVERYTOKEN), (99, "t", ResultCode.INVALID_PARAM), (0, "t", ResultCode.INVALID_PARAM)],
)
def test_an_impossible_report_is_refused(known: KnownDevice, channel: int, token: str, result: ResultCode) -> None:
    with pytest.raises(ResultError) as refused:
        client_requests.report(known.id, channel, token)
    assert refused.value.result == result


def bind_token(known: KnownDevice, secret: str, **changes: Any) -> str:
    claims = {"userId": "ann", "adToken": known.ad_token, "exp": time.time() + 300} | changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, secret, algorithm="HS256")


@pytest.mark.django_db
def test_a_signed_bind_token_lets_the_client_bind(
    workspace: Workspace, known: KnownDevice, access_key: tuple[AccessKey, str], lane: RecordingLane
) -> None:
    Workspace.objects.update(client_bind="signed")
    client_requests.bind(known.id, "ann", bind_token(known, access_key[1]))
    assert Binding.objects.get().user_id == "ann"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"userId": "bob"},
        {"adToken": "another"},
        {"exp": time.time() - 60},
        {"exp": time.time() + 3600},
        {"exp": None},
        {"userId": None},
    ],
)
def test_a_bind_token_for_anything_else_is_refused(
    workspace: Workspace, known: KnownDevice, access_key: tuple[AccessKey, str], changes: dict[str, Any]
) -> None:
    Workspace.objects.update(client_bind="signed")
    with pytest.raises(ResultError) as refused:
        client_requests.bind(known.id, "ann", bind_token(known, access_key[1], **changes))
    assert refused.value.result == ResultCode.SIGNATURE_MISMATCH
    assert not Binding.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("forged", ["", "x.y.z", "x" * 5000, "eyJhbGciOiJub25lIn0.eyJ1c2VySWQiOiJhbm4ifQ."])
def test_a_forged_bind_token_is_refused(workspace: Workspace, known: KnownDevice, forged: str) -> None:
    Workspace.objects.update(client_bind="signed")
    with pytest.raises(ResultError):
        client_requests.bind(known.id, "ann", forged)


@pytest.mark.django_db
def test_in_server_mode_no_client_binds(
    workspace: Workspace, known: KnownDevice, access_key: tuple[AccessKey, str]
) -> None:
    Workspace.objects.update(client_bind="server")
    with pytest.raises(ResultError) as refused:
        client_requests.bind(known.id, "ann", bind_token(known, access_key[1]))
    assert refused.value.result == ResultCode.INVALID_PARAM


@pytest.mark.django_db
@pytest.mark.parametrize(
    "payload",
    [
        None, {}, [], [1], [{}], [{"k": "1"}], [{"k": "x", "event": "opened"}], [{"k": -1, "event": "opened"}],
        [{"k": "1", "event": "eaten"}], [{"k": str(2**63), "event": "opened"}], [{"k": "1", "event": "opened"}] * 101,
        [{"k": True, "event": "opened"}], [{"k": "1", "event": ["opened"]}],
    ],
)  # fmt: skip
def test_events_that_cannot_be_read_are_refused(known: KnownDevice, payload: object) -> None:
    with pytest.raises(ResultError) as refused:
        events.parse_events(known, payload)
    assert refused.value.result == ResultCode.INVALID_PARAM


@pytest.mark.django_db
def test_many_devices_pending_messages_cost_two_queries(
    workspace: Workspace, lane: RecordingLane, send: Any, django_assert_num_queries: Any
) -> None:
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 10)]
    for n in range(3):
        send({device.ad_token: f"k{n}" for device in fleet}, delivery_type=1)
    with django_assert_num_queries(2):
        waiting = deliverable.by_device([device.id for device in fleet], at_most=2).messages
    assert {len(batch) for batch in waiting.values()} == {2}
    assert all([o.msgkey for o in batch] == ["k0", "k1"] for batch in waiting.values())
