"""The RPC API understands what the published packages send."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.models import AccessKey, Binding, Device, PushTask, Workspace
from tests.pushcore.api.callers import HmacSha256, Rest, Rpc2019, Rpc2020, answer_of

pytestmark = pytest.mark.django_db


def test_a_push_in_version_2019_answers_100_and_the_task(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    response = rpc2019.call("PushSimple", form)
    task = PushTask.objects.get()
    assert response.status_code == 200
    body = answer_of(response)
    assert body.pop("RequestId") == response["x-acs-request-id"]
    assert body == {
        "ResultCode": "100",
        "ResultMessage": "SUCCESS",
        "PushResult": {"Success": True, "ResultMsg": "SUCCESS", "Data": str(task.pk)},
    }
    assert (task.source, task.author) == ("rpc", rpc2019.key_id)


def test_a_push_in_version_2020_answers_ok(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    del form["TaskName"]
    body = answer_of(
        rpc2020.call("PushSimple", form | {"PushStyle": "1", "ChannelId": "news", "NotifyLevel": '{"hms": "2"}'})
    )
    assert (body["ResultCode"], body["PushResult"]["Success"]) == ("OK", True)
    task = PushTask.objects.get()
    assert task.content["style"] == 1
    assert task.options == {"androidChannel": 0, "channelId": "news", "notifyLevel": {"hms": "2"}}


def test_the_same_push_in_the_other_version_is_the_first_one(
    rpc2019: Rpc2019, rpc2020: Rpc2020, rest: Rest, form: dict[str, str], body: dict[str, Any]
) -> None:
    first = answer_of(rpc2019.call("PushSimple", form))["PushResult"]["Data"]
    assert answer_of(rpc2020.call("PushSimple", form))["PushResult"]["Data"] == first
    assert rest.call("push/simple", body)["data"] == first


def test_hmac_sha256_and_parameters_in_the_query_are_understood(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    rpc2019.signer = HmacSha256
    assert answer_of(rpc2019.client.post(rpc2019.url("PushSimple", {}, **form)))["ResultCode"] == "100"


def test_a_signed_get_is_understood(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    assert answer_of(rpc2019.client.get(rpc2019.url("PushSimple", {}, "GET", **form)))["ResultCode"] == "100"


def test_unusual_characters_survive_the_signature(rpc2019: Rpc2019, rpc2020: Rpc2020, form: dict[str, str]) -> None:
    form |= {"Title": "a+b *~%/ü字😀", "Content": "x=y&z\n'\""}
    for caller, key in ((rpc2019, "k1"), (rpc2020, "k2")):
        assert caller.call("PushSimple", form | {"TargetMsgkey": json.dumps({"ann": key})}).status_code == 200
    assert {task.content["title"] for task in PushTask.objects.all()} == {"a+b *~%/ü字😀"}


def test_maps_may_come_as_python_literals(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    form["ExtendedParams"] = str({"a": "b", "n": 1})
    assert answer_of(rpc2019.call("PushSimple", form))["ResultCode"] == "100"
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
    assert answer_of(rpc2020.call("PushBind", scope | {"UserId": "ann", "OsType": "1"}))["ResultCode"] == "OK"
    assert Binding.objects.get().user_id == "ann"
    report = scope | {"OsType": "1", "ThirdChannel": "5", "ThirdChannelDeviceToken": "t", "Model": "P50"}
    assert answer_of(rpc2020.call("PushReport", report))["PushResult"]["Success"] is True
    assert Device.objects.get().third_channel == 5
    assert answer_of(rpc2020.call("PushUnBind", scope | {"UserId": "ann"}))["ResultCode"] == "OK"
    assert Binding.objects.get().unbound_at is not None


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


def test_the_known_device_stays_with_its_workspace(rpc2020: Rpc2020, workspace: Workspace) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    [(device, _)] = registry.register([(other, DeviceInfo())])
    assert isinstance(device, KnownDevice)
    form = {"AppId": "ONEX570DA89211721", "WorkspaceId": "test", "UserId": "ann", "DeliveryToken": device.ad_token}
    assert answer_of(rpc2020.call("PushBind", form | {"OsType": "1"}))["ResultCode"] == "3054"
