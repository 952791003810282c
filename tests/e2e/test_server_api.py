"""Broadcast, schedule, file push, revocation and analysis on the started service, with published clients."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from alibabacloud_mpaas20201028 import models as mpaas2020

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def scope(stack: Stack) -> dict[str, str]:
    return {"app_id": stack.demo["app_id"], "workspace_id": stack.demo["workspace_id"]}


@pytest.fixture
def template(stack: Stack, tmp_path: Path) -> str:
    name = f"t_{uuid.uuid4().hex}"
    made = backends.rest_signed_by_openssl(
        stack.demo,
        "/api/v1/templates",
        {
            "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "name": name,
            "description": "d", "title": "Hello #name#", "body": "Body",
        },
        tmp_path,
    )  # fmt: skip
    assert made["code"] == "100"
    return name


def a_key() -> str:
    return uuid.uuid4().hex


def was_told(device: PahoDevice, task: str) -> bool:
    return any(data.get("revokes") == task for _, data, _ in device.received)


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.usefixtures("broadcasts_end")
def test_a_broadcast_reaches_all_devices_is_counted_and_revoked(
    stack: Stack, scope: dict[str, str], template: str, new_device: Callable[..., PahoDevice]
) -> None:
    client, key = backends.client_2020(stack.demo), a_key()
    fleet = [new_device(), new_device("websockets")]
    answer = client.push_broadcast(
        mpaas2020.PushBroadcastRequest(
            **scope, delivery_type=1, expired_seconds=300, msgkey=key, template_name=template, task_name="all",
            template_key_value=json.dumps({"name": "all"}),
        )
    )  # fmt: skip
    task = answer.body.push_result.data
    for device in fleet:
        assert device.wait_for_key(key)["title"] == "Hello all"
    later = new_device()
    later.wait_for_key(key)

    def arrived() -> float:
        detail = client.query_push_analysis_task_detail(
            mpaas2020.QueryPushAnalysisTaskDetailRequest(**scope, task_id=task)
        )
        return float(detail.body.result_content.data.push_arrival_num)

    assert wait_until(lambda: arrived() >= 3)
    revoked = client.revoke_push_task(mpaas2020.RevokePushTaskRequest(**scope, task_id=task))
    assert revoked.body.push_result.success
    for device in (*fleet, later):
        assert device.wait(partial(was_told, device, task))


def test_a_timed_push_is_sent_at_its_time(
    stack: Stack, scope: dict[str, str], new_device: Callable[..., PahoDevice]
) -> None:
    client, key, device = backends.client_2020(stack.demo), a_key(), new_device()
    at = int(time.time() * 1000) + 3000
    scheduled = client.push_simple(
        mpaas2020.PushSimpleRequest(
            **scope, title="Timed", content="C", delivery_type=1, expired_seconds=300,
            target_msgkey=json.dumps({device.ad_token: key}), strategy_type=1,
            strategy_content=json.dumps({"fixedTime": at}),
        )
    )  # fmt: skip
    assert scheduled.body.result_code == "OK"
    device.wait_for_key(key)
    assert time.time() * 1000 >= at
    listed = client.query_push_scheduler_list(
        mpaas2020.QueryPushSchedulerListRequest(
            **scope, start_time=at, end_time=at, unique_id=scheduled.body.push_result.data
        )
    )
    [entry] = listed.body.result_content.data.list
    assert entry.executed_status == 1


def test_a_file_is_pushed_while_it_is_read_and_its_faults_are_reported(
    stack: Stack, template: str, new_device: Callable[..., PahoDevice], tmp_path: Path
) -> None:
    device, key = new_device(), a_key()
    lines = [f"nobody{n},{key}-{n},name=N{n}" for n in range(3000)]
    lines[1500] = "a line at fault"
    lines.append(f"{device.ad_token},{key},name=Ann")
    data = "\n".join(lines).encode()
    query = {
        "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "templateName": template,
        "deliveryType": "1", "expiredSeconds": "300", "taskName": "file", "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    answer = call(stack, "POST", "/api/v1/push/multiple/file", query, tmp_path, data)
    assert answer["code"] == "100"
    assert device.wait_for_key(key)["title"] == "Hello Ann"
    path = f"/api/v1/push/multiple/file/{answer['data']}"
    scope = {"appId": query["appId"], "workspaceId": query["workspaceId"]}
    assert wait_until(lambda: call(stack, "GET", path, scope, tmp_path)["data"]["finished"])
    report = call(stack, "GET", path, scope, tmp_path)["data"]
    assert (report["accepted"], report["rejected"]) == (3000, 1)
    assert [fault["line"] for fault in report["faults"]] == [1501]


def call(
    stack: Stack, method: str, path: str, query: dict[str, str], tmp_path: Path, data: bytes | None = None
) -> dict[str, Any]:
    """Call a path whose query is signed by OpenSSL."""
    target = f"{path}?{urlencode(query)}"
    signature = backends.signed_by_openssl(stack.demo, target.encode(), tmp_path)
    sign = urlencode({"sign": base64.urlsafe_b64encode(signature).decode(), "signType": "RSA"})
    return requests.request(method, f"{stack.demo['http_url']}{target}&{sign}", data=data, timeout=60).json()


def test_a_revoked_message_does_not_arrive_when_the_device_is_back(
    stack: Stack, scope: dict[str, str], new_device: Callable[..., PahoDevice]
) -> None:
    client, device, keys = backends.client_2020(stack.demo), new_device(), [a_key(), a_key()]
    device.disconnect()

    def push(key: str) -> None:
        client.push_simple(
            mpaas2020.PushSimpleRequest(
                **scope, title="T", content="C", delivery_type=1, expired_seconds=300,
                target_msgkey=json.dumps({device.ad_token: key}),
            )
        )  # fmt: skip

    push(keys[0])
    answer = client.revoke_push_message(
        mpaas2020.RevokePushMessageRequest(**scope, message_id=keys[0], target_id=device.ad_token)
    )
    assert answer.body.result_code == "OK"
    push(keys[1])
    again = new_device(known=device)
    again.wait_for_key(keys[1])
    assert keys[0] not in again.keys()  # noqa: SIM118 - a list, by a method of that name


def test_the_same_request_sent_a_hundred_times_at_once_is_one_push(
    stack: Stack, new_device: Callable[..., PahoDevice], database: Database, tmp_path: Path
) -> None:
    device, key = new_device(), a_key()
    raw = json.dumps(
        {
            "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "title": "T", "content": "C",
            "deliveryType": 1, "expiredSeconds": 300, "targetMsgkey": {device.ad_token: key},
        }
    ).encode()  # fmt: skip
    sign = base64.urlsafe_b64encode(backends.signed_by_openssl(stack.demo, raw, tmp_path)).decode()
    url = f"{stack.demo['http_url']}/api/v1/push/simple?{urlencode({'sign': sign, 'signType': 'RSA'})}"
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: requests.post(url, data=raw, timeout=60).json(), range(100)))
    assert {answer["code"] for answer in answers} == {"100"}
    [task] = {answer["data"] for answer in answers}
    device.wait_for_key(key)
    assert database.wait_for_status(task, 2)
    assert device.keys().count(key) == 1


def test_an_answers_request_id_is_found_in_the_logs(stack: Stack) -> None:
    answer = requests.post(f"{stack.demo['http_url']}/api/v1/push/simple", data=b"{}", timeout=10).json()
    assert wait_until(lambda: answer["requestId"] in stack.output)
