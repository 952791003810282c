"""The RPC API understands what the published packages send, and answers faults as Alibaba Cloud does."""

from __future__ import annotations

import json
import time
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client, override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushcore.api.rpc.flattening import unflatten
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import AccessKey, App, Binding, Device, PushTask, Workspace
from tests.pushcore.api.callers import HmacSha256, Rest, Rpc2019, Rpc2020

pytestmark = pytest.mark.django_db


def answer(response: Any) -> dict[str, Any]:
    return json.loads(response.content)


def test_a_push_in_version_2019_answers_100_and_the_task(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    response = rpc2019.call("PushSimple", form)
    task = PushTask.objects.get()
    assert response.status_code == 200
    body = answer(response)
    assert body.pop("RequestId") == response["x-acs-request-id"]
    assert body == {
        "ResultCode": "100",
        "ResultMessage": "SUCCESS",
        "PushResult": {"Success": True, "ResultMsg": "SUCCESS", "Data": str(task.pk)},
    }
    assert (task.source, task.author) == ("rpc", rpc2019.key_id)


def test_a_push_in_version_2020_answers_ok(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    del form["TaskName"]
    body = answer(
        rpc2020.call("PushSimple", form | {"PushStyle": "1", "ChannelId": "news", "NotifyLevel": '{"hms": "2"}'})
    )
    assert (body["ResultCode"], body["PushResult"]["Success"]) == ("OK", True)
    task = PushTask.objects.get()
    assert task.content["style"] == 1
    assert task.options == {"androidChannel": 0, "channelId": "news", "notifyLevel": {"hms": "2"}}


def test_the_same_push_in_the_other_version_is_the_first_one(
    rpc2019: Rpc2019, rpc2020: Rpc2020, rest: Rest, form: dict[str, str], body: dict[str, Any]
) -> None:
    first = answer(rpc2019.call("PushSimple", form))["PushResult"]["Data"]
    assert answer(rpc2020.call("PushSimple", form))["PushResult"]["Data"] == first
    assert rest.call("push/simple", body)["data"] == first


def test_hmac_sha256_and_parameters_in_the_query_are_understood(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    rpc2019.signer = HmacSha256
    assert answer(rpc2019.client.post(rpc2019.url("PushSimple", {}, **form)))["ResultCode"] == "100"


def test_a_signed_get_is_understood(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    assert answer(rpc2019.client.get(rpc2019.url("PushSimple", {}, "GET", **form)))["ResultCode"] == "100"


def test_unusual_characters_survive_the_signature(rpc2019: Rpc2019, rpc2020: Rpc2020, form: dict[str, str]) -> None:
    form |= {"Title": "a+b *~%/ü字😀", "Content": "x=y&z\n'\""}
    for caller, key in ((rpc2019, "k1"), (rpc2020, "k2")):
        assert caller.call("PushSimple", form | {"TargetMsgkey": json.dumps({"ann": key})}).status_code == 200
    assert {task.content["title"] for task in PushTask.objects.all()} == {"a+b *~%/ü字😀"}


def test_maps_may_come_as_python_literals(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    form["ExtendedParams"] = str({"a": "b", "n": 1})
    assert answer(rpc2019.call("PushSimple", form))["ResultCode"] == "100"
    assert PushTask.objects.get().content["params"] == {"a": "b", "n": "1"}


def test_xml_is_answered_where_it_is_asked_for(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    response = rpc2019.call("PushSimple", form, Format="XML")
    root = ElementTree.fromstring(response.content)
    assert root.tag == "PushSimpleResponse"
    assert root.findtext("ResultCode") == "100"
    assert root.findtext("PushResult/Success") == "true"
    failed = ElementTree.fromstring(rpc2019.client.post("/?Action=PushSimple&Version=2019-08-21&Format=XML").content)
    assert (failed.tag, failed.findtext("Code")) == ("Error", "MissingAccessKeyId")


def test_bind_report_and_unbind_in_version_2020(rpc2020: Rpc2020, workspace: Workspace) -> None:
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    scope = {"AppId": "ONEX570DA89211721", "WorkspaceId": "test", "DeliveryToken": device.ad_token}
    assert answer(rpc2020.call("PushBind", scope | {"UserId": "ann", "OsType": "1"}))["ResultCode"] == "OK"
    assert Binding.objects.get().user_id == "ann"
    report = scope | {"OsType": "1", "ThirdChannel": "5", "ThirdChannelDeviceToken": "t", "Model": "P50"}
    assert answer(rpc2020.call("PushReport", report))["PushResult"]["Success"] is True
    assert Device.objects.get().third_channel == 5
    assert answer(rpc2020.call("PushUnBind", scope | {"UserId": "ann"}))["ResultCode"] == "OK"
    assert Binding.objects.get().unbound_at is not None


def gateway_error(response: Any) -> tuple[int, str]:
    body = answer(response)
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
    assert answer(response)["Message"].split(":")[1].startswith("POST&%2F&")


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
    assert answer(rpc2019.call("PushSimple", form))["ResultCode"] == "3043"


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
        ("DeliveryType", "9", "3009"),
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
    body = answer(response)
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
    assert answer(rpc2020.call(action, form | {name: value}))["ResultCode"] == code


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
    assert answer(rpc2019.call("PushSimple", form))["ResultCode"] == "3007"
    assert not PushTask.objects.exists()


def test_an_internal_error_is_answered_9000_without_details(
    rpc2019: Rpc2019, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("pushcore.push.pushes.accept", broken)
    response = rpc2019.call("PushSimple", form)
    assert answer(response)["ResultCode"] == "9000"
    assert b"secret detail" not in response.content


def test_last_use_of_a_key_is_kept_without_a_write_a_call(
    rpc2019: Rpc2019, form: dict[str, str], access_key: tuple[AccessKey, str]
) -> None:
    rpc2019.call("PushSimple", form)
    access_key[0].refresh_from_db()
    first = access_key[0].last_used_at
    assert first is not None
    rpc2019.call("PushSimple", form)
    access_key[0].refresh_from_db()
    assert access_key[0].last_used_at == first


def test_a_browser_is_redirected_to_the_console() -> None:
    response = Client().get("/")
    assert (response.status_code, response["Location"]) == (302, "/console/")


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
    assert answer(response)["ResultCode"] != "9000"


def test_flattened_lists_are_folded_within_bounds() -> None:
    flat = {
        "T.2.B": "4",
        "T.1.A": "1",
        "T.1.B": "2",
        "N.1": "x",
        "N.3": "y",
        "X.99999999.A": "no",
        "Y.0": "no",
        "P": "p",
    }
    assert unflatten(flat) == {
        "T": [{"A": "1", "B": "2"}, {"B": "4"}],
        "N": ["x", "y"],
        "X.99999999.A": "no",
        "Y.0": "no",
        "P": "p",
    }


def test_flattened_maps_are_folded_and_their_values_typed() -> None:
    flat = {
        "ActivityContentState.progress": "0.5",
        "ActivityContentState.done": "True",
        "ActivityContentState.driver.name": "王",
        "ActivityContentState.stops.1": "1",
        "ActivityContentState.stops.2": "2",
        "ActivityContentState.order": "0042",
        "ActivityContentState.card": "62220212345678901234",
        "TargetMsgkey.ann.lee@x.example": "7",
        "TargetMsg.1.ExtendedParams.a.b": "1",
        "TargetMsg.1.Target": "ann",
        "TaskName.x": "ignored",
    }
    maps = {"activityContentState": True, "targetMsgkey": False}
    assert unflatten(flat, maps) == {
        "ActivityContentState": {
            "progress": 0.5, "done": True, "driver": {"name": "王"}, "stops": [1, 2], "order": "0042",
            "card": "62220212345678901234",
        },
        "TargetMsgkey": {"ann.lee@x.example": "7"},
        "TargetMsg": [{"ExtendedParams": {"a.b": "1"}, "Target": "ann"}],
        "TaskName.x": "ignored",
    }  # fmt: skip
    # The map itself, as JSON text, goes before what is flattened.
    assert unflatten({"A.b": "1", "A": "{}"}, {"a": True}) == {"A": "{}"}


def test_a_name_of_very_many_parts_is_refused_as_nested_too_deep(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    deep = {"ActivityContentState" + ".a" * 50_000: "1"}
    found = answer(rpc2020.call("PushSimple", form | deep))
    assert found["ResultCode"] == "3028"


def test_the_known_device_stays_with_its_workspace(rpc2020: Rpc2020, workspace: Workspace) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    [(device, _)] = registry.register([(other, DeviceInfo())])
    assert isinstance(device, KnownDevice)
    form = {"AppId": "ONEX570DA89211721", "WorkspaceId": "test", "UserId": "ann", "DeliveryToken": device.ad_token}
    assert answer(rpc2020.call("PushBind", form | {"OsType": "1"}))["ResultCode"] == "3054"
