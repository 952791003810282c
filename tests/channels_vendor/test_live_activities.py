"""Live Activities of iOS, from both APIs to APNs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from alibabacloud_mpaas20201028 import models as mpaas2020
from alibabacloud_mpaas20201028.client import Client as Mpaas2020
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.core import DaraCore
from django.utils import timezone
from pytest_django import Settings

from channels_vendor.accounts import in_use
from channels_vendor.apns.simulator import SimulatedApns
from channels_vendor.dispatch import sender
from channels_vendor.simulator.script import Incoming
from pushcore import retention
from pushcore.broadcast import vendor_walk
from pushcore.channels import Channel, Platform
from pushcore.devices import server_requests
from pushcore.models import AccessKey, Device, Message, PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from pushcore.security import crypto, keys
from tests.channels_vendor.conftest import add_account
from tests.channels_vendor.samples import SAMPLES
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.pushcore.api.callers import Rest, Rpc2020, form_of
from tests.pushcore.api.samples import COMMON, SCOPE

TOKEN, NEXT_TOKEN, PHONE = "ab" * 32, "cd" * 32, "ef" * 32
STATE = {"progress": 0.5, "driver": {"name": "王"}, "stops": [1, 2]}
PUSH = COMMON | {"title": "Title", "content": "Content", "activityContentState": STATE, "activityEvent": "update"}
APNS = next(sample for sample in SAMPLES if sample.name == "apns")


@pytest.fixture
def apns(workspace: Workspace, settings: Settings) -> Iterator[SimulatedApns]:
    settings.VENDOR_ALLOW_PRIVATE = True
    simulated = SimulatedApns()
    running = SimulatorServer([simulated], tls=True)
    add_account(APNS, running, workspace)
    yield simulated
    running.stop()
    in_use.forget()


@pytest.fixture
def rest(workspace: Workspace) -> Rest:
    private, public = crypto.new_rsa_key()
    keys.add_api_key(workspace, public)
    return Rest(private)


@pytest.fixture
def package(live_server: Any, access_key: tuple[AccessKey, str]) -> Iterator[Mpaas2020]:
    """Return the cloud's published client for this service."""
    key, secret = access_key
    endpoint = live_server.url.removeprefix("http://")
    yield Mpaas2020(
        Config(access_key_id=key.access_key_id, access_key_secret=secret, endpoint=endpoint, protocol="HTTP")
    )
    # It keeps its connections open, and with them the server's threads.
    for session in DaraCore._sessions.values():
        session.close()
    DaraCore._sessions.clear()


def sent(workspace: Workspace, apns: SimulatedApns) -> tuple[dict[str, Any], Incoming]:
    """Return the body and the request of the one message that is due."""
    assert sender.send_due(workspace.pk, Channel.APNS, budget_seconds=5) == 1
    assert Message.objects.latest("id").status == 2
    request = apns.ledger.requests[-1]
    return json.loads(request.body), request


def test_an_activity_is_updated_by_its_push_token_over_rest(
    workspace: Workspace, apns: SimulatedApns, rest: Rest
) -> None:
    assert rest.call("push/simple", PUSH | {"deliveryType": 5, "targetMsgkey": {TOKEN: "k1"}})["code"] == "100"
    body, request = sent(workspace, apns)
    assert request.path == f"/3/device/{TOKEN}"
    assert request.headers["apns-push-type"] == "liveactivity"
    assert request.headers["apns-topic"] == "com.example.shop.push-type.liveactivity"
    assert isinstance(body["aps"].pop("timestamp"), int)
    assert body == {"aps": {"event": "update", "content-state": STATE}}


def test_the_2020_package_starts_an_activity_with_a_map_as_its_parameter_is_typed(
    package: Mpaas2020, workspace: Workspace, apns: SimulatedApns
) -> None:
    state = STATE | {"arrived": False, "order": "0042"}
    answer = package.push_simple(
        mpaas2020.PushSimpleRequest(
            app_id=SCOPE["appId"],
            workspace_id=SCOPE["workspaceId"],
            title="Title",
            content="Content",
            delivery_type=5,
            expired_seconds=300,
            target_msgkey=json.dumps({TOKEN: "k1"}),
            activity_event="update",
            activity_content_state=state,
            third_channel_category={"hms": "9"},
            notify_level={"hms": "1"},
        )
    )
    assert answer.body.result_code == "OK", answer.body.result_message
    body, _ = sent(workspace, apns)
    assert body["aps"]["content-state"] == state
    assert PushTask.objects.get().options["thirdChannelCategory"] == {"hms": "9"}


def test_an_activity_ends_by_its_id_over_rpc_with_the_token_it_was_last_reported_with(
    workspace: Workspace, apns: SimulatedApns, access_key: tuple[AccessKey, str]
) -> None:
    rpc = Rpc2020(access_key[0].access_key_id, access_key[1])
    server_requests.bind(workspace, "ann", PHONE, Platform.IOS)
    for token in (TOKEN, NEXT_TOKEN):
        report = {"deliveryToken": PHONE, "osType": 2, "activityId": "ride-7", "activityPushToken": token}
        assert json.loads(rpc.call("PushReport", form_of(SCOPE | report)).content)["ResultCode"] == "OK"
    ends = {"deliveryType": 6, "activityEvent": "end", "dismissalDate": 1_800_000_000, "targetMsgkey": {"ride-7": "k1"}}
    assert json.loads(rpc.call("PushSimple", form_of(PUSH | ends)).content)["ResultCode"] == "OK"
    body, request = sent(workspace, apns)
    assert request.path == f"/3/device/{NEXT_TOKEN}"
    assert (body["aps"]["event"], body["aps"]["dismissal-date"]) == ("end", 1_800_000_000)
    assert body["aps"]["content-state"] == STATE


def test_a_started_activity_has_its_attributes_and_an_alert(
    workspace: Workspace, apns: SimulatedApns, rest: Rest
) -> None:
    starts = {
        "deliveryType": 5, "targetMsgkey": {TOKEN: "k1"}, "activityEvent": "start",
        "activityAttributesType": "RideAttributes", "activityAttributes": {"number": 7},
    }  # fmt: skip
    assert rest.call("push/simple", PUSH | starts)["code"] == "100"
    body, _ = sent(workspace, apns)
    assert (body["aps"]["attributes-type"], body["aps"]["attributes"]) == ("RideAttributes", {"number": 7})
    assert body["aps"]["alert"] == {"title": "Title", "body": "Content"}


def test_an_update_alerts_if_a_sound_is_requested(workspace: Workspace, apns: SimulatedApns, rest: Rest) -> None:
    changes = {"deliveryType": 5, "targetMsgkey": {TOKEN: "k1"}, "extendedParams": {"sound": "ding.aiff"}}
    assert rest.call("push/simple", PUSH | changes)["code"] == "100"
    body, _ = sent(workspace, apns)
    assert body["aps"]["alert"] == {"title": "Title", "body": "Content", "sound": "ding.aiff"}
    assert "sound" not in body["aps"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"activityEvent": ""}, "3028"),
        ({"activityEvent": "pause"}, "3028"),
        ({"activityContentState": None}, "3028"),
        ({"activityContentState": "[1]"}, "3028"),
        ({"activityContentState": '{"a": "\\u0000"}'}, "3028"),
        ({"activityContentState": {"a": "x" * 5000}}, "3050"),
        ({"activityEvent": "start"}, "3028"),
        ({"deliveryType": 6, "activityEvent": "start", "activityAttributesType": "T"}, "3028"),
        ({"deliveryType": 2}, "3028"),
        ({"deliveryType": 4}, "3009"),
        ({"dismissalDate": -1}, "3028"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_an_invalid_live_activity_is_refused(rest: Rest, changes: dict[str, Any], code: str) -> None:
    body = PUSH | {"deliveryType": 5, "targetMsgkey": {TOKEN: "k1"}} | changes
    assert rest.call("push/simple", body)["code"] == code
    assert not Message.objects.exists()


@pytest.mark.parametrize(("delivery_type", "code"), [(2, "3028"), (5, "3009"), (6, "3009")])
def test_a_broadcast_is_for_no_live_activity(workspace: Workspace, rest: Rest, delivery_type: int, code: str) -> None:
    templates.create(workspace, TemplateDraft(name="news", description="d", title="T", body="B"))
    asked = PUSH | {"deliveryType": delivery_type, "templateName": "news", "msgkey": "b"}
    asked = {name: value for name, value in asked.items() if name not in ("title", "content")}
    assert rest.call("push/broadcast", asked)["code"] == code


def test_an_activity_is_no_device_of_a_broadcast_or_of_a_user(
    workspace: Workspace, apns: SimulatedApns, rest: Rest
) -> None:
    rest.call("push/simple", PUSH | {"deliveryType": 5, "targetMsgkey": {TOKEN: "k1"}})
    templates.create(workspace, TemplateDraft(name="news", description="d", title="T", body="B"))
    request = BroadcastPush(
        delivery_type=2, expired_seconds=300, template_name="news", msgkey="b", push_status=1, unbind_period=4
    )
    task = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="")
    vendor_walk.walk_all()
    assert not Message.objects.filter(task=task).exists()
    server_requests.bind(workspace, "ann", TOKEN, Platform.IOS)
    assert Device.objects.filter(third_token=TOKEN, activity_id__isnull=True).count() == 1


def test_a_token_is_kept_once_and_forgotten_with_its_messages(
    workspace: Workspace, apns: SimulatedApns, rest: Rest
) -> None:
    for key in ("k1", "k2"):
        Device.objects.update(last_seen_at=timezone.now() - timedelta(days=60))
        rest.call("push/simple", PUSH | {"deliveryType": 5, "targetMsgkey": {TOKEN: key}})
    assert Device.objects.count() == 1
    retention.purge()
    assert Device.objects.count() == 1
    Device.objects.update(last_seen_at=timezone.now() - timedelta(days=60))
    retention.purge()
    assert not Device.objects.exists()
