"""Scheduling through both APIs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from django.utils import timezone

from pushcore.models import Occurrence, PushTask, Workspace
from pushcore.schedules import firing
from tests.pushcore.api.callers import FORM, Rest, Rpc2020

HOUR = 3_600_000


def now_ms() -> int:
    return int(timezone.now().timestamp() * 1000)


def test_a_timed_push_is_listed_cancelled_and_not_sent(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    at = now_ms() + HOUR
    scheduled = rpc2020.call(
        "PushSimple", form | {"StrategyType": "1", "StrategyContent": json.dumps({"fixedTime": at})}
    ).json()
    assert scheduled["ResultCode"] == "OK"
    schedule = scheduled["PushResult"]["Data"]
    assert not PushTask.objects.exists()
    scope = {"AppId": form["AppId"], "WorkspaceId": form["WorkspaceId"]}
    asked = scope | {"StartTime": str(now_ms()), "EndTime": str(at)}
    content = rpc2020.call("QueryPushSchedulerList", asked).json()["ResultContent"]["Data"]
    [entry] = content["List"]
    assert content["TotalCount"] == 1
    assert entry == {
        "UniqueId": schedule, "ParentId": schedule, "PushTime": at, "PushTitle": "Title", "PushContent": "Content",
        "Type": 0, "DeliveryType": 3, "StrategyType": 1, "ExecutedStatus": 0, "CreateType": 0,
        "GmtCreate": entry["GmtCreate"],
    }  # fmt: skip
    cancelled = rpc2020.call("CancelPushScheduler", scope | {"UniqueIds": schedule, "Type": "0"}).json()
    assert (cancelled["ResultCode"], cancelled["ResultContent"]) == ("OK", "success")
    again = rpc2020.call("CancelPushScheduler", scope | {"UniqueIds": schedule, "Type": "0"}).json()
    assert again["ResultCode"] == "3028"
    Occurrence.objects.update(at=timezone.now())
    assert firing.fire_due() == 0


def test_a_list_is_answered_in_xml_with_repeated_elements(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    days = {
        "startTime": now_ms() + HOUR, "endTime": now_ms() + 75 * HOUR, "circleType": 1, "circleValue": [],
        "time": (timezone.now() + timedelta(hours=2)).strftime("%H:%M:%S"),
    }  # fmt: skip
    rpc2020.call("PushSimple", form | {"StrategyType": "2", "StrategyContent": json.dumps(days)})
    asked = {
        "AppId": form["AppId"], "WorkspaceId": form["WorkspaceId"], "StartTime": str(now_ms()),
        "EndTime": str(now_ms() + 99 * HOUR), "Format": "XML",
    }  # fmt: skip

    raw = urlencode(asked).encode()
    headers = rpc2020.headers("QueryPushSchedulerList", raw)
    root = ElementTree.fromstring(rpc2020.post(raw, headers).content)
    entries = root.findall("ResultContent/Data/List")
    assert len(entries) == int(root.findtext("ResultContent/Data/TotalCount", "0")) == 4
    assert len({entry.findtext("UniqueId") for entry in entries}) == 4
    assert len({entry.findtext("ParentId") for entry in entries}) == 1
    assert FORM in headers["content-type"]


def test_the_rest_api_schedules_too(rest: Rest, body: dict[str, Any]) -> None:
    at = now_ms() + HOUR
    scheduled = rest.call("push/simple", body | {"strategyType": 1, "strategyContent": {"fixedTime": at}})
    assert scheduled["code"] == "100"
    scope = {"appId": body["appId"], "workspaceId": body["workspaceId"]}
    found = rest.call("schedules/list", scope | {"startTime": at, "endTime": at, "uniqueId": scheduled["data"]})
    assert [entry["pushTime"] for entry in found["data"]["list"]] == [at]
    assert rest.call("schedules/cancel", scope | {"uniqueIds": scheduled["data"]})["data"] == "success"


@pytest.mark.parametrize(
    ("strategy", "content", "named"),
    [
        (1, {}, "fixedTime"),
        (1, {"fixedTime": 1}, "fixedTime is past"),
        (1, {"fixedTime": "tomorrow"}, "strategyContent"),
        (1, "[", "strategyContent"),
        (1, [1], "strategyContent"),
        (3, {"fixedTime": 1}, "strategyType"),
        ("x", {}, "strategyType"),
        (2, {"startTime": 1, "endTime": 2, "circleType": 1}, "time is missing"),
        (2, {"startTime": 1, "endTime": 2, "circleType": 9, "time": "08:00:00"}, "circleType"),
        (2, {"startTime": 1, "endTime": 2, "circleType": 1, "time": "25:00:00"}, "strategyContent"),
        (2, {"startTime": 1, "endTime": 2, "circleType": 2, "circleValue": [8], "time": "08:00:00"}, "circleValue"),
        (2, {"startTime": 1, "endTime": 2, "circleType": 2, "circleValue": 8, "time": "08:00:00"}, "strategyContent"),
    ],
)
def test_a_faulty_strategy_is_named_and_nothing_is_stored(
    rest: Rest, body: dict[str, Any], strategy: Any, content: Any, named: str
) -> None:
    answer = rest.call("push/simple", body | {"strategyType": strategy, "strategyContent": content})
    assert answer["code"] == "3028"
    assert named in answer["message"]
    assert not Occurrence.objects.exists()


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("list", {"startTime": 1}),
        ("list", {"startTime": 1, "endTime": 2, "type": 4}),
        ("list", {"startTime": 1, "endTime": 2, "pageNumber": 0}),
        ("list", {"startTime": 1, "endTime": 2, "pageSize": 501}),
        ("list", {"startTime": 1, "endTime": 2, "uniqueId": "x"}),
        ("cancel", {"uniqueIds": ""}),
        ("cancel", {"uniqueIds": "1,x"}),
        ("cancel", {"uniqueIds": "1", "type": 2}),
        ("cancel", {"uniqueIds": ",".join("123456789012345678901234567890")}),
    ],
)
def test_bad_parameters_are_refused(rest: Rest, workspace: Workspace, path: str, changes: dict[str, Any]) -> None:
    scope = {"appId": workspace.app.app_id, "workspaceId": workspace.workspace_id}
    assert rest.call(f"schedules/{path}", scope | changes)["code"] == "3028"
