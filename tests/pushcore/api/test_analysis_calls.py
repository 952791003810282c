"""The analysis queries through both APIs; the published package reads the answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from alibabacloud_mpaas20201028 import models as mpaas2020
from django.utils import timezone

from pushcore.broadcast import acknowledgements
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import PushTask, Workspace
from pushcore.ports import BroadcastArrival
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.api.callers import Rest, Rpc2020

SCOPE = {"AppId": "ONEX570DA89211721", "WorkspaceId": "test"}
DAY = 86_400_000


@pytest.fixture
def task(workspace: Workspace) -> PushTask:
    """Return a broadcast that reached two devices."""
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    request = BroadcastPush(delivery_type=1, expired_seconds=600, template_name="news", msgkey="b", task_name="monday")
    made = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="")
    fleet = registry.register([(workspace, DeviceInfo())] * 2)
    acknowledgements.record([BroadcastArrival(device.id, made.pk, (made.pk,)) for device, _ in fleet])
    return made


def now_ms() -> int:
    return int(timezone.now().timestamp() * 1000)


def test_the_core_index_is_what_the_package_reads(rpc2020: Rpc2020, task: PushTask) -> None:
    answer = rpc2020.call("QueryPushAnalysisCoreIndex", SCOPE | {"StartTime": str(now_ms()), "EndTime": str(now_ms())})
    body = mpaas2020.QueryPushAnalysisCoreIndexResponseBody().from_map(answer.json())
    data = body.result_content.data
    assert body.result_code == "OK"
    assert (data.push_total_num, data.push_num, data.arrival_num, data.open_num, data.ignore_num) == (2, 2, 2, 0, 0)
    assert (data.arrival_rate, data.open_rate, data.ignore_rate) == (100.0, 0.0, 0.0)


def test_messages_are_counted_by_status(rpc2020: Rpc2020, task: PushTask) -> None:
    asked = SCOPE | {"StartTime": str(now_ms()), "EndTime": str(now_ms())}
    counted = rpc2020.call("QueryPushAnalysisStatusList", asked | {"Type": "BROADCAST"})
    [entry] = counted.json()["ResultContent"]["Data"]
    assert (entry["Channel"], entry["StatusCode"], entry["StatusDesc"], entry["Num"]) == ("ANDROID", 2, "Acked", 2)
    nothing = rpc2020.call("QueryPushAnalysisStatusList", asked | {"Type": "SIMPLE"})
    assert nothing.json()["ResultContent"]["Data"] == []


def test_the_task_list_and_a_tasks_detail_are_what_the_package_reads(rpc2020: Rpc2020, task: PushTask) -> None:
    listed = rpc2020.call("QueryPushAnalysisTaskList", SCOPE | {"StartTime": str(now_ms()), "TaskName": "monday"})
    [entry] = mpaas2020.QueryPushAnalysisTaskListResponseBody().from_map(listed.json()).result_content.data
    assert (entry.task_id, entry.task_name, entry.template_name, entry.type) == (str(task.pk), "monday", "news", 3)
    assert abs(entry.gmt_create - now_ms()) < DAY
    detail = rpc2020.call("QueryPushAnalysisTaskDetail", SCOPE | {"TaskId": entry.task_id})
    data = mpaas2020.QueryPushAnalysisTaskDetailResponseBody().from_map(detail.json()).result_content.data
    assert (data.task_id, data.push_num, data.push_success_num, data.push_arrival_num) == (task.pk, 2, 2, 2)
    assert data.start_time <= data.end_time
    assert data.duration == "0:00:00"


def test_answers_are_written_in_xml_too(rpc2020: Rpc2020, task: PushTask) -> None:
    raw = urlencode(SCOPE | {"StartTime": str(now_ms()), "Format": "XML"}).encode()
    root = ElementTree.fromstring(rpc2020.post(raw, rpc2020.headers("QueryPushAnalysisTaskList", raw)).content)
    assert [entry.findtext("TaskName") for entry in root.findall("ResultContent/Data")] == ["monday"]


def test_the_rest_api_answers_the_same(rest: Rest, task: PushTask) -> None:
    scope = {"appId": "ONEX570DA89211721", "workspaceId": "test"}
    days = {"startTime": now_ms() - DAY, "endTime": now_ms(), "type": "BROADCAST"}
    index = rest.call("analysis/core-index", scope | days)
    assert index["data"]["pushTotalNum"] == 2
    listed = rest.call("analysis/tasks", scope | {"startTime": now_ms()})
    assert [entry["taskId"] for entry in listed["data"]] == [str(task.pk)]
    assert rest.call("analysis/task", scope | {"taskId": str(task.pk)})["data"]["pushArrivalNum"] == 2


@pytest.mark.parametrize(
    ("path", "changes", "named"),
    [
        ("core-index", {}, "startTime"),
        ("core-index", {"startTime": 1}, "endTime"),
        ("core-index", {"startTime": 2, "endTime": 1}, "startTime is after"),
        ("core-index", {"startTime": 0, "endTime": 90 * DAY + 1}, "90 days"),
        ("core-index", {"startTime": 0, "endTime": 1, "platform": "WINDOWS"}, "platform"),
        ("core-index", {"startTime": 0, "endTime": 1, "channel": "PIGEON"}, "channel"),
        ("core-index", {"startTime": 0, "endTime": 1, "type": "REVOKE"}, "type"),
        ("core-index", {"startTime": 0, "endTime": 1, "taskId": "x"}, "taskId"),
        ("tasks", {}, "startTime"),
        ("tasks", {"startTime": 1, "pageSize": 501}, "pageSize"),
        ("tasks", {"startTime": 1, "pageNumber": 0}, "pageNumber"),
        ("task", {"taskId": ""}, "taskId"),
        ("task", {"taskId": "1"}, "taskId"),
    ],
)
def test_a_bad_parameter_is_named(
    rest: Rest, workspace: Workspace, path: str, changes: dict[str, Any], named: str
) -> None:
    scope = {"appId": workspace.app.app_id, "workspaceId": workspace.workspace_id}
    answer = rest.call(f"analysis/{path}", scope | changes)
    assert answer["code"] == "3028"
    assert named in answer["message"]


def test_ninety_days_are_not_too_many(rest: Rest, workspace: Workspace) -> None:
    scope = {"appId": workspace.app.app_id, "workspaceId": workspace.workspace_id}
    assert rest.call("analysis/core-index", scope | {"startTime": 0, "endTime": 90 * DAY})["code"] == "100"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_the_last_representable_moment_can_be_queried(rest: Rest, workspace: Workspace, zone: str) -> None:
    Workspace.objects.update(time_zone=zone)
    scope = {"appId": workspace.app.app_id, "workspaceId": workspace.workspace_id}
    last = 253_402_300_799_000
    for path, asked in (
        ("analysis/core-index", {"startTime": last, "endTime": last}),
        ("analysis/tasks", {"startTime": last}),
        ("schedules/list", {"startTime": last, "endTime": last, "type": 0}),
    ):
        assert rest.call(path, scope | asked)["code"] == "100", path
