"""The REST API: signed JSON in, a result code out."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushcore.api.operations import REST_OPERATIONS
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Binding, Device, PushTask, RsaKey, Workspace
from pushcore.security import crypto, keys
from tests.pushcore.api.callers import Rest

pytestmark = pytest.mark.django_db


def test_a_signed_push_answers_with_its_task(rest: Rest, body: dict[str, Any]) -> None:
    answer = rest.call("push/simple", body)
    request_id = answer.pop("requestId")
    assert len(request_id) == 36
    task = PushTask.objects.get()
    assert answer == {
        "success": True, "code": "100", "name": "SUCCESS", "message": "succeeded", "data": str(task.pk),
    }  # fmt: skip
    assert task.source == "rest"


def test_maps_and_numbers_may_come_as_text(rest: Rest, body: dict[str, Any]) -> None:
    body |= {"targetMsgkey": '{"ann": "k1"}', "deliveryType": "3", "expiredSeconds": "300"}
    assert rest.call("push/simple", body)["code"] == "100"


def test_bind_report_and_unbind(rest: Rest, workspace: Workspace) -> None:
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    scope = {"appId": "ONEX570DA89211721", "workspaceId": "test", "deliveryToken": device.ad_token}
    assert rest.call("bind", scope | {"userId": "ann", "osType": 1})["success"] is True
    assert (
        rest.call("report", scope | {"osType": 1, "thirdChannel": 4, "thirdChannelDeviceToken": "t"})["code"] == "100"
    )
    assert Device.objects.get().third_channel == 4
    assert rest.call("unbind", scope | {"userId": "ann"})["data"] is None
    assert Binding.objects.get().unbound_at is not None


def test_both_base64_alphabets_are_understood(rest: Rest, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    standard = base64.b64encode(base64.urlsafe_b64decode(rest.sign(raw))).decode()
    assert json.loads(rest.send("push/simple", raw, sign=standard).content)["code"] == "100"
    # A caller that forgot to encode the plus sign, which a query decodes as a blank.
    plain = Client().post(
        f"/api/v1/push/simple?signType=RSA&sign={standard.replace('=', '%3D').replace('/', '%2F')}",
        raw,
        content_type="application/json",
    )
    assert json.loads(plain.content)["code"] == "100"


def test_any_active_key_of_the_workspace_is_accepted_while_keys_rotate(
    rest: Rest, workspace: Workspace, body: dict[str, Any]
) -> None:
    private, public = crypto.new_rsa_key()
    keys.add_api_key(workspace, public)
    assert rest.call("push/simple", body)["code"] == "100"
    assert Rest(private).call("push/simple", body | {"targetMsgkey": {"ann": "k2"}})["code"] == "100"
    RsaKey.objects.filter(public_pem=public).update(active=False)
    assert Rest(private).call("push/simple", body | {"targetMsgkey": {"ann": "k3"}})["code"] == "-1"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "3028"),
        (b"{", "3028"),
        (b"[]", "3028"),
        (b"null", "3028"),
        (b"[" * 100_000, "3028"),
        (b'{"appId": "\xff"}', "3031"),
        (b"{}", "3003"),
        (b'{"appId": "", "workspaceId": "test"}', "3003"),
        (b'{"appId": {}, "workspaceId": "test"}', "3003"),
        (b'{"appId": {"a": 1}, "workspaceId": "test"}', "3007"),
        (b'{"appId": "a\\u0000", "workspaceId": "test"}', "3028"),
        (b'{"appId": "UNKNOWN", "workspaceId": "test"}', "3007"),
        (b'{"appId": "ONEX570DA89211721", "workspaceId": "test", "appId": "UNKNOWN"}', "3007"),
    ],
)
def test_an_empty_body_is_answered_with_its_code(rest: Rest, raw: bytes, code: str) -> None:
    response = rest.send("push/simple", raw)
    assert (response.status_code, json.loads(response.content)["code"]) == (200, code)


def test_the_switch_the_type_and_the_signature_are_checked_in_this_order(
    rest: Rest, workspace: Workspace, body: dict[str, Any]
) -> None:
    raw = json.dumps(body).encode()
    assert json.loads(rest.send("push/simple", raw, sign="x").content)["code"] == "-1"
    assert json.loads(rest.send("push/simple", raw + b" ", sign=rest.sign(raw)).content)["code"] == "-1"
    assert json.loads(rest.send("push/simple", raw, sign="x", signType="MD5").content)["code"] == "3033"
    workspace.push_api_enabled = False
    workspace.save()
    assert json.loads(rest.send("push/simple", raw, sign="x", signType="MD5").content)["code"] == "3032"
    assert not PushTask.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("title", None, "3024"),
        ("title", 5, "100"),
        ("title", {"a": 1}, "3024"),
        ("content", ["x"], "3024"),
        ("deliveryType", True, "3009"),
        ("deliveryType", None, "3009"),
        ("deliveryType", 3.0, "100"),
        ("deliveryType", 3.5, "3009"),
        ("expiredSeconds", "soon", "3020"),
        ("expiredSeconds", 1e400, "3028"),
        ("targetMsgkey", [], "3021"),
        ("targetMsgkey", {"ann": None}, "3021"),
        ("targetMsgkey", {"ann": 17}, "100"),
        ("extendedParams", {"a": {"b": "c"}}, "3044"),
        ("extendedParams", {"a": True}, "100"),
        ("silent", "yes", "3028"),
        ("apnsCollapseId", "a\r\nx: y", "3028"),
        ("apnsCollapseId", "长", "3028"),
        ("iconUrls", 3, "3028"),
        ("taskName", {"a": 1}, "3028"),
        ("title", "\ud800", "3028"),
    ],
)
def test_wrong_types_are_answered_with_the_code_of_their_field(
    rest: Rest, body: dict[str, Any], name: str, value: object, code: str
) -> None:
    assert rest.call("push/simple", body | {name: value})["code"] == code


def test_other_methods_are_not_allowed() -> None:
    assert Client().get("/api/v1/push/simple").status_code == 405


def test_without_its_database_the_rest_api_answers_503(
    rest: Rest, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def away(*_: object, **__: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("pushcore.push.pushes.accept", away)
    response = rest.send("push/simple", json.dumps(body).encode())
    assert (response.status_code, json.loads(response.content)["code"]) == (503, "9000")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([operation.path for operation in REST_OPERATIONS]),
    st.dictionaries(
        st.sampled_from(
            ["title", "content", "deliveryType", "targetMsgkey", "expiredSeconds", "extendedParams", "silent", "uri",
             "iconUrls", "userId", "deliveryToken", "osType", "thirdChannel", "thirdChannelDeviceToken", "timestamp"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=5,
        ),
    ),
)  # fmt: skip
def test_no_value_of_any_parameter_is_an_internal_error(
    rest: Rest, body: dict[str, Any], path: str, changes: dict[str, Any]
) -> None:
    answer = rest.call(path, body | changes)
    assert answer["code"] != "9000"


def test_the_schema_describes_every_operation_and_the_docs_need_no_other_host() -> None:
    schema = Client().get("/api/v1/schema/?format=json")
    paths = json.loads(schema.content)["paths"]
    further = {
        "/api/v1/templates", "/api/v1/templates/{name}",
        "/api/v1/push/multiple/file", "/api/v1/push/multiple/file/{task_id}",
    }  # fmt: skip
    devices = {
        f"/device/v1/{name}"
        for name in ("register", "bind", "unbind", "report", "profile", "inbox", "events", "unregister")
    }
    assert set(paths) == {f"/api/v1/{quote(operation.path)}" for operation in REST_OPERATIONS} | further | devices
    page = Client().get("/api/v1/docs/").content.decode()
    assert 'src="/static/drf_spectacular_sidecar/' in page
    assert "https://" not in page
