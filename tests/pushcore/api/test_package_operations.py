"""Actions of the published packages answer what the packages' classes read."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from alibabacloud_mpaas20201028 import models as mpaas2020
from django.utils import timezone

from pushcore.devices import info, registry
from pushcore.models import PushTask, Template, Workspace
from pushcore.push import pushes
from pushcore.push.requests import SimplePush
from tests.pushcore.api.callers import Rest, Rpc2020

SCOPE = {"AppId": "ONEX570DA89211721", "WorkspaceId": "test"}
DRAFT = {
    "TemplateName": "winner", "DescInfo": "a prize", "Title": "Hello #name#", "Content": "C# for #name#",
    "Uri": "https://m.example.com/#/prize?id=#id#", "Variables": "name,id", "ShowStyle": "1", "PushStyle": "2",
    "JumpAction": "1", "IconUrls": json.dumps({"defaultUrl": "https://example.com/i.png"}),
}  # fmt: skip
pytestmark = pytest.mark.django_db


def call(client: Rpc2020, action: str, form: dict[str, str]) -> Any:
    """Return the answer as the package's class of the action reads it."""
    response = client.call(action, SCOPE | form)
    assert response.status_code == 200
    return getattr(mpaas2020, f"{action}ResponseBody")().from_map(response.json())


def test_a_template_is_made_shown_listed_and_deleted_with_the_package(rpc2020: Rpc2020) -> None:
    made = call(rpc2020, "CreateTemplate", DRAFT)
    template = Template.objects.get()
    assert (made.success, made.code, made.msg, made.data) == (True, "100", "SUCCESS", str(template.pk))
    assert made.request_id
    for naming in (
        {"TemplateName": "winner"},
        {"TemplateId": made.data},
        {"TemplateName": "winner", "TemplateId": made.data},
    ):
        shown = call(rpc2020, "GetTemplate", naming)
        assert (shown.success, shown.code) == (True, "100")
        assert shown.data.to_map() == {
            "Id": made.data, "Name": "winner", "DescInfo": "a prize", "Title": "Hello #name#",
            "Content": "C# for #name#", "Uri": "https://m.example.com/#/prize?id=#id#", "Variables": "id,name",
            "Action": "1", "ShowStyle": "1", "PushStyle": "2", "IconUrls": DRAFT["IconUrls"], "ImageUrls": "",
            "GmtCreate": shown.data.gmt_create, "GmtModified": shown.data.gmt_create,
        }  # fmt: skip
        assert {type(value) for value in shown.data.to_map().values()} == {str}
    call(rpc2020, "CreateTemplate", DRAFT | {"TemplateName": "second"})
    page = call(rpc2020, "ListTemplatePage", {"CurrentPage": "2", "PageSize": "1"})
    assert (page.code, page.current_page, page.page_size, page.total_size) == ("100", 2, 1, 2)
    assert [entry.name for entry in page.data] == ["winner"]
    gone = call(rpc2020, "DeleteTemplate", {"TemplateName": "winner"})
    assert (gone.success, gone.code, gone.msg) == (True, "100", "SUCCESS")
    assert call(rpc2020, "GetTemplate", {"TemplateName": "winner"}).code == "3022"
    assert Template.objects.get().name == "second"


@pytest.mark.parametrize(
    ("action", "form", "code"),
    [
        ("CreateTemplate", DRAFT | {"TemplateName": "a,b"}, "3038"),
        ("CreateTemplate", DRAFT | {"Title": "#name#id#"}, "3040"),
        ("CreateTemplate", DRAFT | {"JumpAction": "9"}, "3028"),
        ("CreateTemplate", DRAFT | {"Variables": "a#b"}, "3028"),
        ("GetTemplate", {}, "3025"),
        ("GetTemplate", {"TemplateId": "nine"}, "3022"),
        ("DeleteTemplate", {"TemplateName": "unknown"}, "3022"),
        ("ListTemplatePage", {"CurrentPage": "0"}, "3028"),
    ],
)
def test_a_faulty_template_is_answered_as_the_package_reads_it(
    rpc2020: Rpc2020, action: str, form: dict[str, str], code: str
) -> None:
    answer = call(rpc2020, action, form)
    assert (answer.success, answer.code) == (False, code)
    assert answer.msg
    assert not Template.objects.exists()


def test_another_workspaces_template_is_found_by_no_id(rpc2020: Rpc2020, workspace: Workspace) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    theirs = Template.objects.create(workspace=other, name="winner", description="d", title="t", body="b")
    for action in ("GetTemplate", "DeleteTemplate"):
        assert call(rpc2020, action, {"TemplateId": str(theirs.pk)}).code == "3022"
    assert Template.objects.get() == theirs


@pytest.fixture
def task(workspace: Workspace) -> PushTask:
    request = SimplePush(
        delivery_type=3, expired_seconds=600, title="T", content="C", target_msgkey={"ann": "k1"}, task_name="t"
    )
    return pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")


def test_characters_that_xml_cannot_hold_spoil_no_answer(rpc2020: Rpc2020, workspace: Workspace) -> None:
    Template.objects.create(workspace=workspace, name="odd", title="a\uffff\ufffe\x07b\t\U0001f600", body="b")
    response = rpc2020.call("GetTemplate", SCOPE | {"TemplateName": "odd", "Format": "XML"})
    root = ElementTree.fromstring(response.content)
    assert root.findtext("Data/Title") == "a\ufffd\ufffd\ufffdb\t\U0001f600"


def test_core_figures_are_strings_where_the_package_has_strings(rpc2020: Rpc2020, task: PushTask) -> None:
    now = str(int(timezone.now().timestamp() * 1000))
    answer = call(rpc2020, "ListAnalysisCoreIndex", {"StartTime": now, "EndTime": now})
    assert (answer.success, answer.result_code, answer.result_content.success) == (True, "OK", True)
    numbers = answer.result_content.data.to_map()
    assert len(numbers) == 8
    assert {type(value) for value in numbers.values()} == {str}
    assert all(float(value) >= 0 for value in numbers.values())


def test_schedules_are_listed_by_the_package_s_other_name(rpc2020: Rpc2020, rest: Rest) -> None:
    at = int(timezone.now().timestamp() * 1000) + 3_600_000
    scheduled = rest.call(
        "push/simple",
        {"appId": "ONEX570DA89211721", "workspaceId": "test", "title": "T", "content": "C", "deliveryType": 3,
         "expiredSeconds": 600, "targetMsgkey": {"ann": "k1"}, "strategyType": 1,
         "strategyContent": {"fixedTime": at}},
    )  # fmt: skip
    answer = call(rpc2020, "QueryMpsSchedulerList", {"StartTime": str(at), "EndTime": str(at)})
    [entry] = answer.result_content.data.list
    assert answer.result_content.data.total_count == 1
    assert (entry.unique_id, entry.push_time, entry.executed_status) == (scheduled["data"], at, "0")


def test_binding_unbinding_and_reporting_answer_data(rpc2020: Rpc2020, workspace: Workspace) -> None:
    [(device, _)] = registry.register([(workspace, info.DeviceInfo())])
    named = {"DeliveryToken": device.ad_token, "OsType": "1"}
    for action in ("PushBind", "PushReport", "PushUnBind"):
        answer = call(rpc2020, action, named | {"UserId": "ann"})
        assert (answer.push_result.success, answer.push_result.data) == (True, "success")


def test_no_id_loses_digits_in_a_javascript_client(rest: Rest, task: PushTask) -> None:
    """JavaScript rounds JSON numbers above 2^53, so ids are strings."""
    scope = {"appId": "ONEX570DA89211721", "workspaceId": "test"}
    detail = rest.call("analysis/task", scope | {"taskId": str(task.pk)})["data"]
    assert detail["taskId"] == str(task.pk)
    now = int(timezone.now().timestamp() * 1000)
    for path, body in (
        ("analysis/tasks", {"startTime": now}),
        ("analysis/task", {"taskId": str(task.pk)}),
        ("schedules/list", {"startTime": now, "endTime": now + 1}),
    ):
        assert all(number < 2**53 for number in numbers_in(rest.call(path, scope | body)["data"]))


def numbers_in(part: Any) -> list[float]:
    if isinstance(part, dict | list):
        return [found for one in (part.values() if isinstance(part, dict) else part) for found in numbers_in(one)]
    return [part] if isinstance(part, int | float) and not isinstance(part, bool) else []
