"""PushToAudience through both APIs: now, at a time, as a dry run, and what the other calls say of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gateway.lane import GatewayLane
from pushcore import ports
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import load, wake
from pushcore.models import AudienceWalk, Message, MessageKey, Occurrence, PushTask, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from pushcore.schedules import firing
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2020, form_of
from tests.pushcore.api.samples import REQUESTS, SCOPE
from tests.pushcore.conftest import RecordingLane

pytestmark = pytest.mark.django_db(transaction=True)

PUSH = REQUESTS["PushToAudience"]


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


def call(rest: Rest, action: str, **values: Any) -> Any:
    """Call the REST API; return the answer's data."""
    answer = rest.call(REST_PATHS[action], SCOPE | values)
    assert answer["code"] == "100", answer
    return answer["data"]


def data_of(response: Any) -> str:
    answer = response.json()
    assert answer["PushResult"]["Success"] is True, answer
    return str(answer["PushResult"]["Data"])


def test_a_push_over_either_api_is_followed_and_revoked_as_others(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace, lane: RecordingLane
) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    registry.register([(workspace, DeviceInfo(platform=platform)) for platform in (Platform.ANDROID, Platform.IOS)])
    first = data_of(rpc2020.call("PushToAudience", form_of(PUSH)))
    with_template = {"templateName": "hello", "templateKeyValue": {"name": "all"}}
    second = call(rest, "PushToAudience", condition={"bound": False}, msgkey="k2", expiredSeconds=60, **with_template)
    assert call(rest, "PushToAudience", **PUSH) == first
    assert load.load_all() == 3
    assert {row.title for row in Message.objects.filter(task_id=int(second))} == {"Hello all"}
    today = int(timezone.now().timestamp() * 1000)
    listed = call(rest, "QueryPushAnalysisTaskList", startTime=today)
    assert [(one["taskId"], one["type"]) for one in listed] == [(second, 4), (first, 4)]
    assert call(rest, "QueryPushAnalysisTaskDetail", taskId=second)["pushNum"] == 2
    call(rest, "RevokePushTask", taskId=first)
    assert set(Message.objects.filter(task_id=int(first)).values_list("status", flat=True)) == {-2}
    assert set(Message.objects.filter(task_id=int(second)).values_list("status", flat=True)) == {0}


def test_a_scheduled_push_goes_to_those_who_meet_the_condition_when_it_is_sent(
    rest: Rest, workspace: Workspace, lane: RecordingLane
) -> None:
    registry.register([(workspace, DeviceInfo())])
    soon = int((timezone.now() + timedelta(hours=1)).timestamp() * 1000)
    call(rest, "PushToAudience", **PUSH, strategyType=1, strategyContent={"fixedTime": soon})
    registry.register([(workspace, DeviceInfo())])
    Occurrence.objects.update(at=timezone.now())
    assert firing.fire_due() == 1
    assert load.load_all() == 2
    assert PushTask.objects.get().kind == "audience"


def test_a_push_at_a_local_time_over_either_api_waits_for_it(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace, lane: RecordingLane
) -> None:
    registry.register([(workspace, DeviceInfo(time_zone="Asia/Tokyo"))])
    # Two hours ago in Tokyo, so tomorrow.
    past = (timezone.now() + timedelta(hours=9 - 2)).strftime("%H:%M")
    data_of(rpc2020.call("PushToAudience", form_of(PUSH | {"localTime": past})))
    call(rest, "PushToAudience", **PUSH | {"msgkey": "k2", "localTime": past, "messagesPerSecond": 5})
    assert load.load_all() == 0
    for walk in AudienceWalk.objects.all():
        assert walk.found == 1
        assert walk.not_before is not None
        assert walk.not_before > timezone.now() + timedelta(hours=20)
    soon = int((timezone.now() + timedelta(hours=1)).timestamp() * 1000)
    scheduled = PUSH | {"msgkey": "k3", "localTime": past, "strategyType": 1, "strategyContent": {"fixedTime": soon}}
    call(rest, "PushToAudience", **scheduled)
    dated = scheduled | {"msgkey": "k4", "localDate": "2026-06-01"}
    assert "localDate" in rest.call(REST_PATHS["PushToAudience"], SCOPE | dated)["message"]


def test_a_dry_run_counts_by_channel_and_keeps_nothing(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Vendors(RecordingLane):
        def claims(self, outgoing: ports.OutgoingMessage) -> bool:
            return bool(outgoing.third_token)

        def channel_of(self, outgoing: ports.OutgoingMessage) -> Channel:
            return Channel(outgoing.third_channel or 0)

    monkeypatch.setattr(ports, "_lanes", [(1, Vendors()), (2, GatewayLane())])
    ios = [DeviceInfo(platform=Platform.IOS, third_token=f"{number:064x}") for number in range(2)]
    registry.register([(workspace, info) for info in (*[DeviceInfo()] * 5, *ios)])
    everybody = {**PUSH, "condition": {"bound": False}, "dryRun": True}
    for said in (
        call(rest, "PushToAudience", **everybody),
        json.loads(data_of(rpc2020.call("PushToAudience", form_of(everybody)))),
    ):
        assert (said["targets"], said["messages"], said["devices"]) == (0, 7, 7)
        assert [(one["channel"], one["messages"], len(one["bodies"])) for one in said["channels"]] == [
            ("ANDROID", 5, 3), ("IOS", 2, 2),
        ]  # fmt: skip
        assert json.loads(said["channels"][0]["bodies"][0]["body"])["bData"]["title"] == "Title"
    nobody = call(rest, "PushToAudience", **everybody | {"condition": {"platform": "web"}})
    assert (nobody["devices"], nobody["channels"]) == (0, [])
    for model in (PushTask, AudienceWalk, MessageKey, Message):
        assert not model._default_manager.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"condition": {"tag": "none"}}, ResultCode.CONDITION_INVALID),
        ({"condition": None}, ResultCode.INVALID_PARAM),
        ({"deliveryType": 3}, ResultCode.INVALID_PARAM),
        ({"msgkey": ""}, ResultCode.INVALID_PARAM),
        ({"content": ""}, ResultCode.PAYLOAD_NOT_ENOUGH),
        ({"templateName": "none", "title": "", "content": ""}, ResultCode.TEMPLATE_NOT_EXIST),
        ({"androidChannel": 3}, ResultCode.ANDROID_CHANNEL_PARAM_INVALID),
    ],
)
def test_each_fault_has_its_code(rest: Rest, changes: dict[str, Any], code: ResultCode) -> None:
    assert rest.call(REST_PATHS["PushToAudience"], PUSH | changes)["code"] == code.code
