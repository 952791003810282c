"""End to end: a backend pushes, a device receives, the status follows, and the backend gets a receipt."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import requests
from alibabacloud_mpaas20201028 import models as mpaas2020

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.devices import PahoDevice
from tests.support.serving import serving
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")


def a_key() -> str:
    return f"{time.time():.6f}-{uuid.uuid4().hex[:8]}"


def test_the_2020_package_pushes_with_acs3(
    stack: Stack, new_device: Callable[..., PahoDevice], database: Database
) -> None:
    device, key = new_device(), a_key()
    client = backends.client_2020(stack.demo)
    bound = client.push_bind(
        mpaas2020.PushBindRequest(
            app_id=stack.demo["app_id"], workspace_id=stack.demo["workspace_id"],
            user_id="acs3-user", delivery_token=device.ad_token, os_type=1,
        )
    )  # fmt: skip
    assert (bound.body.result_code, bound.body.push_result.success) == ("OK", True)
    answer = client.push_simple(
        mpaas2020.PushSimpleRequest(
            app_id=stack.demo["app_id"], workspace_id=stack.demo["workspace_id"], title="ACS3", content="hello",
            delivery_type=3, expired_seconds=300, target_msgkey=json.dumps({"acs3-user": key}),
        )
    )  # fmt: skip
    assert answer.body.result_code == "OK"
    assert device.wait_for_key(key)["title"] == "ACS3"
    assert database.wait_for_status(answer.body.push_result.data, 2)


def test_template_and_multiple_push_through_the_packages(
    stack: Stack, new_device: Callable[..., PahoDevice], database: Database, tmp_path: Path
) -> None:
    device, name, keys = new_device(), f"t_{uuid.uuid4().hex}", [a_key(), a_key()]
    made = backends.rest_signed_by_openssl(
        stack.demo,
        "/api/v1/templates",
        {
            "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "name": name,
            "description": "a prize", "title": "Hello #name#", "body": "#name# won #prize#",
        },
        tmp_path,
    )  # fmt: skip
    assert made["code"] == "100"
    # A dictionary, as the source document's template sample has it: the package sends Python's own text of it.
    templated = backends.template_2019(stack.demo, device.ad_token, keys[0], name, {"name": "Ann", "prize": "tea"})
    assert device.wait_for_key(keys[0])["content"] == "Ann won tea"
    answer = backends.client_2020(stack.demo).push_multiple(
        mpaas2020.PushMultipleRequest(
            app_id=stack.demo["app_id"], workspace_id=stack.demo["workspace_id"], delivery_type=1, expired_seconds=300,
            template_name=name, task_name="multiple",
            target_msg=[
                mpaas2020.PushMultipleRequestTargetMsg(
                    target=device.ad_token, msg_key=keys[1],
                    template_key_value=json.dumps({"name": "Bob", "prize": "cake"}), extended_params='{"own": "1"}',
                )
            ],
        )
    )  # fmt: skip
    assert answer.body.result_code == "OK"
    data = device.wait_for_key(keys[1])
    assert (data["title"], data["params"], data["templateCode"]) == ("Hello Bob", {"own": "1"}, name)
    for task in (templated["PushResult"]["Data"], answer.body.push_result.data):
        assert database.wait_for_status(task, 2)


def test_the_2020_package_reads_the_state_of_a_device(stack: Stack, new_device: Callable[..., PahoDevice]) -> None:
    device = new_device()
    request = mpaas2020.PushQueryDeviceStateRequest(
        app_id=stack.demo["app_id"], workspace_id=stack.demo["workspace_id"], target=device.ad_token, target_type=1
    )
    answer = backends.client_2020(stack.demo).push_query_device_state(request)
    assert (answer.body.success, answer.body.code, answer.body.data.statue) == (True, "100", "ONLINE")
    assert answer.body.data.delivery_token == device.ad_token


def test_a_rest_call_signed_by_openssl_pushes(
    stack: Stack, new_device: Callable[..., PahoDevice], database: Database, tmp_path: Path
) -> None:
    device, key = new_device(), a_key()
    answer = backends.rest_signed_by_openssl(
        stack.demo,
        "/api/v1/push/simple",
        {
            "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "taskName": "rest",
            "title": "REST", "content": "hello", "deliveryType": 1, "expiredSeconds": 300,
            "targetMsgkey": {device.ad_token: key}, "extendedParams": {"colour": "green"},
        },
        tmp_path,
    )  # fmt: skip
    assert (answer["success"], answer["code"]) == (True, "100")
    assert device.wait_for_key(key)["params"] == {"colour": "green"}
    assert database.wait_for_status(answer["data"], 2)


def test_messages_pushed_while_the_device_was_away_arrive_on_reconnect_unless_they_expired(
    stack: Stack, new_device: Callable[..., PahoDevice]
) -> None:
    device = new_device()
    device.disconnect()
    expired = a_key()
    backends.push_2019(stack.demo, device.ad_token, expired, DeliveryType=1, ExpiredSeconds=1)
    waiting = [a_key() for _ in range(5)]
    for key in waiting:
        backends.push_2019(stack.demo, device.ad_token, key, DeliveryType=1)
    time.sleep(1.2)  # the first one's validity
    again = new_device(known=device)
    again.wait_for_key(waiting[-1])
    assert again.keys() == waiting
    assert all(expiry and 0 < expiry <= 600 for expiry in again.expiries)


def test_a_push_to_a_user_not_yet_bound_arrives_on_bind(
    stack: Stack, new_device: Callable[..., PahoDevice], database: Database
) -> None:
    device, key, user = new_device(), a_key(), f"late-{uuid.uuid4().hex[:8]}"
    task = backends.push_2019(stack.demo, user, key)["PushResult"]["Data"]
    assert database.statuses(task) == [1]
    assert device.request("mps/bind", {"userId": user})["success"] is True
    device.wait_for_key(key)
    assert database.wait_for_status(task, 2)


def test_opening_a_message_is_kept_as_an_event(
    stack: Stack, new_device: Callable[..., PahoDevice], database: Database
) -> None:
    device, key = new_device(), a_key()
    backends.push_2019(stack.demo, device.ad_token, key, DeliveryType=1)
    device.wait_for_key(key)
    k = device.received[-1][0]
    answer = device.request("mps/event", [{"k": k, "event": "opened"}, {"k": k, "event": "opened"}])
    assert answer["code"] == "100"
    assert database.query("SELECT kind FROM analytics_messageevent WHERE message_id = %s", k) == [("opened",)]


def test_the_receipt_verifies_with_the_public_key_from_the_console(
    stack: Stack, new_device: Callable[..., PahoDevice], database: Database, tmp_path: Path
) -> None:
    with serving(backends.ReceiptServer()) as server:
        database.query(
            "UPDATE pushcore_workspace SET callback_enabled = true, callback_url = %s RETURNING id", server.url
        )
        try:
            device, key = new_device(), a_key()
            backends.push_2019(stack.demo, device.ad_token, key, DeliveryType=1)
            device.wait_for_key(key)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and not any(json.loads(b)["msgId"] == key for _, b in server.receipts):
                time.sleep(0.1)
            [(query, body)] = [(q, b) for q, b in server.receipts if json.loads(b)["msgId"] == key]
        finally:
            database.query("UPDATE pushcore_workspace SET callback_enabled = false RETURNING id")
    assert json.loads(body)["extInfo"]["adToken"] == device.ad_token
    with operator(stack) as session:
        [(workspace,)] = database.query(
            "SELECT w.id FROM pushcore_workspace w JOIN pushcore_app a ON a.id = w.app_id WHERE a.app_id = %s",
            stack.demo["app_id"],
        )
        page = session.get(f"{stack.demo['http_url']}/console/pushcore/workspace/{workspace}/change/", timeout=10).text
    assert page.count("-----BEGIN PUBLIC KEY-----") >= 1
    [sign] = parse_qs(query)["sign"]
    (tmp_path / "sign").write_bytes(base64.urlsafe_b64decode(sign))
    (tmp_path / "body").write_bytes(body)
    verdicts = []
    for shown in re.findall(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", page, re.DOTALL):
        (tmp_path / "key.pem").write_text(shown + "\n")
        ran = subprocess.run(
            ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "sign", "body"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        verdicts.append(ran.stdout.strip())
    assert "Verified OK" in verdicts


def operator(stack: Stack) -> requests.Session:
    """Return a browser session of the demo's operator."""
    session = requests.Session()
    login = f"{stack.demo['console_url'].rstrip('/')}/login/"
    session.get(login, timeout=10)
    answer = session.post(
        login,
        data={
            "username": stack.demo["username"],
            "password": stack.demo["password"],
            "csrfmiddlewaretoken": session.cookies["csrftoken"],
        },
        timeout=10,
    )
    assert "sessionid" in session.cookies, answer.text[:200]
    return session


def test_the_operator_sees_the_message_and_its_status(
    stack: Stack, new_device: Callable[..., PahoDevice], database: Database
) -> None:
    device, key = new_device(), a_key()
    task = backends.push_2019(stack.demo, device.ad_token, key, DeliveryType=1)["PushResult"]["Data"]
    database.wait_for_status(task, 2)
    with operator(stack) as session:
        page = session.get(f"{stack.demo['http_url']}/console/pushcore/message/", timeout=10).text
    assert key in page
    assert device.ad_token in page
    assert "Acked" in page
