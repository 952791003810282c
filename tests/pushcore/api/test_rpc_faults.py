"""The RPC API answers faulty calls with the documented codes, and never with an internal error."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import AccessKey, App, PushTask, Workspace
from tests.pushcore.api.callers import Rpc2019, Rpc2020, answer_of

pytestmark = pytest.mark.django_db


def gateway_error(response: Any) -> tuple[int, str]:
    body = answer_of(response)
    assert set(body) == {"RequestId", "HostId", "Code", "Message"}
    return response.status_code, body["Code"]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"Action": "PushNothing"}, (404, "InvalidAction.NotFound")),
        ({"Action": ""}, (400, "MissingAction")),
        ({"Version": "2018-01-01"}, (400, "InvalidVersion")),
        ({"Version": ""}, (400, "MissingVersion")),
        ({"Action": "PushBind"}, (400, "InvalidVersion")),
    ],
)
def test_an_unknown_operation_is_a_failure_before_the_operation(
    rpc2019: Rpc2019, form: dict[str, str], query: dict[str, str], error: tuple[int, str]
) -> None:
    assert gateway_error(rpc2019.call("PushSimple", form, **query)) == error


def test_each_missing_parameter_is_named(rpc2019: Rpc2019, rpc2020: Rpc2020, form: dict[str, str]) -> None:
    for name in form:
        less = {other: value for other, value in form.items() if other != name}
        assert gateway_error(rpc2019.call("PushSimple", less)) == (400, f"Missing{name}")
        if name != "TaskName":
            assert gateway_error(rpc2020.call("PushSimple", less)) == (400, f"Missing{name}")


def test_a_wrong_signature_is_refused_in_the_form_the_package_reads(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    rpc2019.secret = "wrong"
    response = rpc2019.call("PushSimple", form)
    assert gateway_error(response) == (400, "SignatureDoesNotMatch")
    assert answer_of(response)["Message"].split(":")[1].startswith("POST&%2F&")


def test_without_valkey_calls_are_answered_503(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    from pushcore.storage import valkey

    valkey.client.cache_clear()
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        response = rpc2019.call("PushSimple", form)
    valkey.client.cache_clear()
    assert gateway_error(response) == (503, "ServiceUnavailable")
    assert not PushTask.objects.exists()


def test_a_body_of_a_megabyte_within_the_limit_gets_the_code_of_its_field(
    rpc2019: Rpc2019, form: dict[str, str]
) -> None:
    form["Content"] = "x" * 1_000_000
    assert answer_of(rpc2019.call("PushSimple", form))["ResultCode"] == "3043"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"&".join([b"a=b"] * 7000), "InvalidParameter.Encoding"),
        (b"Action=%ff", "InvalidParameter.Encoding"),
        (b"\xff\xfe", "SignatureDoesNotMatch"),
        (b"a=%ff", "SignatureDoesNotMatch"),
    ],
)
def test_a_body_that_is_no_form_is_refused(rpc2019: Rpc2019, raw: bytes, code: str) -> None:
    response = rpc2019.client.post(rpc2019.url("PushSimple", {}), raw, content_type="application/x-www-form-urlencoded")
    assert gateway_error(response) == (400, code)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("AppId", "", "3003"),
        ("WorkspaceId", "", "3003"),
        ("AppId", "UNKNOWN", "3007"),
        ("WorkspaceId", "unknown", "3007"),
        ("TaskName", "", "3019"),
        ("Title", "", "3024"),
        ("Content", "", "3024"),
        ("Title", "a\0b", "3028"),
        ("DeliveryType", "x", "3009"),
        ("DeliveryType", "10", "3009"),
        ("DeliveryType", "", "3009"),
        ("ExpiredSeconds", "1.5", "3020"),
        ("ExpiredSeconds", "-1", "3020"),
        ("ExpiredSeconds", "9" * 400, "3020"),
        ("TargetMsgkey", "", "3021"),
        ("TargetMsgkey", "{", "3021"),
        ("TargetMsgkey", "[1]", "3021"),
        ("TargetMsgkey", "__import__('os')", "3021"),
        ("TargetMsgkey", "(" * 5000, "3021"),
        ("TargetMsgkey", '{"a": {"b": 1}}', "3021"),
        ("ExtendedParams", "{", "3044"),
        ("ExtendedParams", '{"a": [1]}', "3044"),
        ("ExtendedParams", '{"silent": "1"}', "3044"),
        ("ExtendedParams", '{"badge_add_num": "x"}', "3058"),
        ("ExtendedParams", '{"badge_add_num": "1"}', "3059"),
        ("PushAction", "7", "3028"),
        ("Silent", "true", "3028"),
        ("PushStyle", "4", "3028"),
        ("StrategyType", "1", "3028"),
    ],
)
def test_a_faulty_push_is_answered_with_its_code(
    rpc2019: Rpc2019, form: dict[str, str], name: str, value: str, code: str
) -> None:
    response = rpc2019.call("PushSimple", form | {name: value})
    body = answer_of(response)
    assert response.status_code == 200
    assert (body["ResultCode"], body["PushResult"]["Success"]) == (code, False)
    assert not PushTask.objects.exists()


@pytest.mark.parametrize(
    ("action", "name", "value", "code"),
    [
        ("PushBind", "UserId", " ", "3012"),
        ("PushBind", "DeliveryToken", "", "3001"),
        ("PushBind", "DeliveryToken", "unknown", "3054"),
        ("PushBind", "OsType", "8", "3008"),
        ("PushUnBind", "UserId", "", "3012"),
        ("PushReport", "ThirdChannel", "3", "3028"),
        ("PushReport", "ThirdChannelDeviceToken", "", "3001"),
    ],
)
def test_a_faulty_device_call_is_answered_with_its_code(
    rpc2020: Rpc2020, workspace: Workspace, action: str, name: str, value: str, code: str
) -> None:
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    form = {
        "AppId": "ONEX570DA89211721", "WorkspaceId": "test", "UserId": "ann", "DeliveryToken": device.ad_token,
        "OsType": "1", "ThirdChannel": "5", "ThirdChannelDeviceToken": "t",
    }  # fmt: skip
    assert answer_of(rpc2020.call(action, form | {name: value}))["ResultCode"] == code


@pytest.mark.parametrize("case", ["another app", "not granted", "app disabled", "workspace disabled"])
def test_a_key_is_refused_outside_its_workspaces(
    rpc2019: Rpc2019, form: dict[str, str], workspace: Workspace, access_key: tuple[AccessKey, str], case: str
) -> None:
    if case == "another app":
        stranger = Workspace.objects.create(app=App.objects.create(app_id="OTHER", name="x"), workspace_id="test")
        access_key[0].workspaces.add(stranger)
        form["AppId"] = "OTHER"
    elif case == "not granted":
        access_key[0].workspaces.clear()
    elif case == "app disabled":
        App.objects.update(enabled=False)
    else:
        Workspace.objects.update(enabled=False)
    assert answer_of(rpc2019.call("PushSimple", form))["ResultCode"] == "3007"
    assert not PushTask.objects.exists()


def test_an_internal_error_is_answered_9000_without_details(
    rpc2019: Rpc2019, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("pushcore.push.pushes.accept", broken)
    response = rpc2019.call("PushSimple", form)
    assert answer_of(response)["ResultCode"] == "9000"
    assert b"secret detail" not in response.content


PARAMETERS = (
    "AppId", "WorkspaceId", "TaskName", "Title", "Content", "DeliveryType", "TargetMsgkey", "ExpiredSeconds",
    "ExtendedParams", "PushAction", "Uri", "Silent", "PushStyle", "IconUrls", "StrategyType", "TargetMsg.1.Target",
)  # fmt: skip
TEXTS = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    st.integers().map(str),
    st.sampled_from(["{}", "[]", "null", '{"a": null}', "\0"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(PARAMETERS), TEXTS))
def test_no_value_of_any_parameter_is_an_internal_error(
    rpc2019: Rpc2019, form: dict[str, str], changes: dict[str, str]
) -> None:
    response = rpc2019.call("PushSimple", form | changes | {"Nonce": str(time.time_ns())})
    assert response.status_code == 200
    assert answer_of(response)["ResultCode"] != "9000"
