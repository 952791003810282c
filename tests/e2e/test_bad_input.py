"""Bad input to the running service gets the documented error, never an internal one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from pushcore.security import crypto
from tests.pushcore.api.callers import FORM, Rest, Rpc2019
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def push(stack: Stack) -> dict[str, str]:
    """Return PushSimple as the RPC API takes it."""
    return {
        "AppId": stack.demo["app_id"], "WorkspaceId": stack.demo["workspace_id"], "TaskName": "bad input",
        "Title": "Title", "Content": "Content", "DeliveryType": "3", "ExpiredSeconds": "60",
        "TargetMsgkey": json.dumps({"nobody": f"{time.time_ns()}"}),
    }  # fmt: skip


def rpc(stack: Stack, form: dict[str, str], **changes: str) -> requests.Response:
    secret = changes.pop("secret", stack.demo["access_key_secret"])
    caller = Rpc2019(stack.demo["access_key_id"], secret)
    url = stack.demo["http_url"] + caller.url("PushSimple", form, **changes)
    return requests.post(url, urlencode(form), headers={"Content-Type": FORM}, timeout=10)


def rest(stack: Stack, raw: bytes, **query: str) -> requests.Response:
    query = {"sign": Rest(stack.demo["rsa_private_key_pem"]).sign(raw), "signType": "RSA"} | query
    return requests.post(f"{stack.demo['http_url']}/api/v1/push/simple", raw, params=query, timeout=10)


def test_a_wrong_signature_and_an_unknown_action_fail_before_the_operation(stack: Stack, push: dict[str, str]) -> None:
    wrong = rpc(stack, push, secret="wrong")
    assert (wrong.status_code, wrong.json()["Code"]) == (400, "SignatureDoesNotMatch")
    unknown = rpc(stack, push, Action="Nothing")
    assert (unknown.status_code, unknown.json()["Code"]) == (404, "InvalidAction.NotFound")


def test_a_nonce_is_accepted_once(stack: Stack, push: dict[str, str]) -> None:
    caller = Rpc2019(stack.demo["access_key_id"], stack.demo["access_key_secret"])
    url = stack.demo["http_url"] + caller.url("PushSimple", push)
    first, second = (requests.post(url, urlencode(push), headers={"Content-Type": FORM}, timeout=10) for _ in range(2))
    assert first.json()["ResultCode"] == "100"
    assert (second.status_code, second.json()["Code"]) == (400, "SignatureNonceUsed")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("AppId", "UNKNOWN", "3007"),
        ("WorkspaceId", "unknown", "3007"),
        ("DeliveryType", "device", "3009"),
        ("ExpiredSeconds", "{}", "3020"),
        ("TargetMsgkey", "not a map", "3021"),
        ("ExtendedParams", '{"taskId": "1"}', "3044"),
        ("Content", "x" * 1_000_000, "3043"),
    ],
)
def test_a_faulty_call_is_answered_with_its_code(
    stack: Stack, push: dict[str, str], name: str, value: str, code: str
) -> None:
    answer = rpc(stack, push | {name: value})
    assert (answer.status_code, answer.json()["ResultCode"]) == (200, code)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda body: b"{", 200, "3028"),
        (lambda body: b"\xff", 200, "3031"),
        (lambda body: json.dumps(body | {"appId": "UNKNOWN"}).encode(), 200, "3007"),
        (lambda body: json.dumps(body | {"title": {"a": []}}).encode(), 200, "3024"),
        (lambda body: json.dumps(body | {"targetMsgkey": 5}).encode(), 200, "3021"),
        (lambda body: json.dumps(body | {"content": "x" * 1_000_000}).encode(), 200, "3043"),
        (lambda body: b"x" * 3_000_000, 413, "3050"),
    ],
)
def test_a_body_that_the_rest_api_cannot_accept_is_answered_with_its_code(
    stack: Stack, change: Callable[[dict[str, Any]], bytes], status: int, code: str
) -> None:
    body = {
        "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "title": "t", "content": "c",
        "deliveryType": 3, "expiredSeconds": 60, "targetMsgkey": {"nobody": f"{time.time_ns()}"},
    }  # fmt: skip
    answer = rest(stack, change(body))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_rest_call_with_another_key_is_refused(stack: Stack, rsa_key: str) -> None:
    raw = json.dumps({"appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"]}).encode()
    answer = rest(stack, raw, sign=Rest(rsa_key).sign(raw))
    assert answer.json()["code"] == "-1"


@pytest.fixture(scope="module")
def rsa_key() -> str:
    """Return a private key that the service does not know: one for more than a test is none that tests share."""
    return crypto.new_rsa_key()[0]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/", b""),
        ("POST", "/?Action=PushSimple&Version=2019-08-21", b"\xff\xfe\x00"),
        ("POST", "/", b"Action=PushSimple" + b"&x=y" * 6000),
        ("POST", "/api/v1/push/simple", b"{"),
        ("POST", "/api/v1/push/simple", b"\xff"),
        ("POST", "/api/v1/push/simple", b"[" * 100_000),
        ("POST", "/api/v1/push/simple", b'{"appId": "' + b"x" * 1_000_000 + b'"}'),
        ("POST", "/api/v1/push/simple", b"x" * 3_000_000),
        ("POST", "/api/v1/bind", b'{"appId": {}, "workspaceId": []}'),
        ("POST", "/device/v1/register", b"{"),
        ("POST", "/device/v1/bind", b"null"),
        ("GET", "/api/v1/push/simple", b""),
        ("GET", "/no/such/page", b""),
    ],
)
def test_bad_input_is_never_an_internal_error(stack: Stack, method: str, path: str, body: bytes) -> None:
    answer = requests.request(method, stack.demo["http_url"] + path, data=body, timeout=10)
    assert answer.status_code < 500
    assert "Traceback" not in answer.text
