"""Segments: conditions under a name, which pushes and schedules follow as they are when they are sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pushcore.audience import names, segments
from pushcore.channels import Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import load, wake
from pushcore.models import AudienceWalk, Message, Occurrence, PushTask, Segment, Workspace
from pushcore.schedules import firing
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2020, form_of
from tests.pushcore.api.samples import SCOPE
from tests.pushcore.conftest import RecordingLane

pytestmark = pytest.mark.django_db(transaction=True)

VIPS = {"and": [{"tag": "vip"}, {"platform": "ios"}]}
SIMPLE = {"msgkey": "k", "expiredSeconds": 600, "title": "T", "content": "C"}


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


def call(rest: Rest, action: str, **values: Any) -> Any:
    answer = rest.call(REST_PATHS[action], SCOPE | values)
    assert answer["code"] == "100", answer
    return answer["data"]


def test_a_segment_is_made_changed_listed_and_deleted_over_both_apis(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace
) -> None:
    names.make(workspace.pk, names.Kind.TAG, ["vip"])
    call(rest, "PushCreateSegment", segmentName=" VIP 用户 ", condition="'vip' in tags", description="those")
    rpc2020.answer("PushCreateSegment", SCOPE | {"segmentName": "phones", "condition": VIPS})
    rpc2020.answer("PushUpdateSegment", SCOPE | {"segmentName": "phones", "condition": {"platform": "ios"}})
    call(rest, "PushUpdateSegment", segmentName="VIP 用户", description="")
    [first, second] = call(rest, "PushQuerySegments")
    assert (first["segmentName"], first["condition"], first["description"]) == ("VIP 用户", '{"tag": "vip"}', "")
    assert (second["segmentName"], second["condition"]) == ("phones", '{"platform": "ios"}')
    by_rpc = rpc2020.call("PushQuerySegments", form_of(SCOPE)).json()["ResultContent"]["Data"]
    assert by_rpc[0]["Condition"] == '{"tag": "vip"}'
    assert call(rest, "PushCountAudience", segmentName="phones") == {"devices": 0}
    call(rest, "PushDeleteSegment", segmentName="phones")
    assert [segment.name for segment in Segment.objects.all()] == ["VIP 用户"]


@pytest.mark.parametrize(
    ("action", "values", "code"),
    [
        ("PushCreateSegment", {"segmentName": "taken", "condition": {"bound": True}}, ResultCode.SEGMENT_ALREADY_EXIST),
        ("PushCreateSegment", {"segmentName": "new", "condition": {"tag": "none"}}, ResultCode.CONDITION_INVALID),
        ("PushCreateSegment", {"segmentName": "new", "condition": {"segment": "taken"}}, ResultCode.CONDITION_INVALID),
        ("PushCreateSegment", {"segmentName": " ", "condition": {"bound": True}}, ResultCode.SEGMENT_NAME_INVALID),
        ("PushCreateSegment", {"segmentName": "a\nb", "condition": {"bound": True}}, ResultCode.SEGMENT_NAME_INVALID),
        ("PushCreateSegment", {"segmentName": "n" * 65, "condition": {"bound": True}}, ResultCode.SEGMENT_NAME_INVALID),
        ("PushUpdateSegment", {"segmentName": "none", "description": "d"}, ResultCode.SEGMENT_NOT_EXIST),
        ("PushUpdateSegment", {"segmentName": "taken"}, ResultCode.INVALID_PARAM),
        ("PushUpdateSegment", {"segmentName": "taken", "description": "d" * 201}, ResultCode.INVALID_PARAM),
        ("PushDeleteSegment", {"segmentName": "none"}, ResultCode.SEGMENT_NOT_EXIST),
        ("PushCountAudience", {"segmentName": "none"}, ResultCode.SEGMENT_NOT_EXIST),
        ("PushCountAudience", {}, ResultCode.INVALID_PARAM),
        ("PushToAudience", {**SIMPLE, "segmentName": "none"}, ResultCode.SEGMENT_NOT_EXIST),
    ],
)  # fmt: skip
def test_each_fault_has_its_code_and_changes_nothing(
    rest: Rest, workspace: Workspace, action: str, values: dict[str, Any], code: ResultCode
) -> None:
    segments.create(workspace, "taken", {"bound": True})
    assert rest.call(REST_PATHS[action], SCOPE | values)["code"] == code.code
    assert list(Segment.objects.values_list("name", "condition", "description")) == [("taken", {"bound": True}, "")]


def test_a_workspace_has_so_many_segments_and_no_more(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MAX_SEGMENTS", 1)
    segments.create(workspace, "one", {"bound": True})
    with pytest.raises(ResultError, match="at most 1 in a workspace"):
        segments.create(workspace, "two", {"bound": True})


def test_a_push_keeps_the_segment_as_it_was_and_a_schedule_takes_it_as_it_is_when_sent(
    rest: Rest, workspace: Workspace, lane: RecordingLane
) -> None:
    registry.register([(workspace, DeviceInfo(platform=platform)) for platform in (Platform.ANDROID, Platform.IOS)])
    segments.create(workspace, "phones", {"platform": "android"})
    now = call(rest, "PushToAudience", **SIMPLE, segmentName="phones")
    soon = int(timezone.now().timestamp() * 1000) + 3_600_000
    timed = {"strategyType": 1, "strategyContent": {"fixedTime": soon}}
    call(rest, "PushToAudience", **SIMPLE | {"msgkey": "k2"}, segmentName="phones", **timed)
    assert rest.call(REST_PATHS["PushDeleteSegment"], SCOPE | {"segmentName": "phones"})["code"] == "3028"
    segments.update(workspace, "phones", condition={"platform": "ios"})
    Occurrence.objects.update(at=timezone.now() - timedelta(seconds=1))
    firing.fire_due()
    load.load_all()
    later = PushTask.objects.exclude(pk=int(now)).get()
    reached = dict(Message.objects.values_list("task_id", "delivery_type"))
    assert reached == {int(now): 1, later.pk: 2}
    assert {walk.segment_name for walk in AudienceWalk.objects.all()} == {"phones"}
    segments.delete(workspace, "phones")
    again = rest.call(REST_PATHS["PushToAudience"], SCOPE | SIMPLE | timed | {"msgkey": "k3", "segmentName": "phones"})
    assert again["code"] == ResultCode.SEGMENT_NOT_EXIST.code
