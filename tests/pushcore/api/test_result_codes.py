"""Every result code is provoked by a call on each API that has it, and listed in docs/api.md."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pushcore.audience import segments
from pushcore.codes.results import ResultCode
from pushcore.models import Segment, Template, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2019, Rpc2020
from tests.pushcore.api.samples import REQUESTS, SCOPE, TARGET

API_PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"


@dataclass
class Apis:
    """Clients of all APIs, and what a call may need to be refused."""

    rest: Rest
    rpc2019: Rpc2019
    rpc2020: Rpc2020
    workspace: Workspace
    patch: pytest.MonkeyPatch


# Makes the call at every API that has it, and returns the one code they all answered.
Provoke = Callable[[Apis], str]


@pytest.fixture
def apis(rest: Rest, rpc2019: Rpc2019, rpc2020: Rpc2020, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Apis:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    return Apis(rest, rpc2019, rpc2020, workspace, monkeypatch)


def only(codes: set[str]) -> str:
    [code] = codes
    return code


def push(action: str, **changes: Any) -> Provoke:
    """Push in both versions and over REST."""

    def provoke(apis: Apis) -> str:
        values = REQUESTS[action] | changes
        return only({caller.answer(action, values) for caller in (apis.rpc2019, apis.rpc2020, apis.rest)})

    return provoke


def device(action: str, **changes: Any) -> Provoke:
    """Make a call that the older version does not have."""

    def provoke(apis: Apis) -> str:
        return only({caller.answer(action, REQUESTS[action] | changes) for caller in (apis.rpc2020, apis.rest)})

    return provoke


def template(**changes: Any) -> Provoke:
    """Create a template, which only the REST API does."""
    return lambda apis: apis.rest.answer("CreateTemplate", REQUESTS["CreateTemplate"] | changes)


def raw(body: bytes, **query: str) -> Provoke:
    """Send a body to the REST API as it is."""
    return lambda apis: apis.rest.send(REST_PATHS["PushSimple"], body, **query).json()["code"]


def signed(**query: str) -> Provoke:
    return raw(json.dumps(REQUESTS["PushSimple"]).encode(), **query)


def without_a_task_name(apis: Apis) -> str:
    """Push without a task name, which the older version requires."""
    return apis.rpc2019.answer("PushSimple", REQUESTS["PushSimple"] | {"taskName": " "})


def an_empty_file(apis: Apis) -> str:
    query = SCOPE | {"templateName": "hello", "deliveryType": 3, "expiredSeconds": 300}
    path = f"/api/v1/push/multiple/file?{urlencode(query | {'sha256': hashlib.sha256().hexdigest()})}"
    url = f"{path}&{urlencode({'sign': apis.rest.sign(path.encode()), 'signType': 'RSA'})}"
    return apis.rest.client.post(url, b"", content_type="text/csv").json()["code"]


def switched_off(apis: Apis) -> str:
    Workspace.objects.filter(pk=apis.workspace.pk).update(push_api_enabled=False)
    return signed()(apis)


def one_template_too_many(apis: Apis) -> str:
    Template.objects.bulk_create(
        Template(workspace=apis.workspace, name=f"t{n}", description="d", title="t", body="b") for n in range(999)
    )
    return template()(apis)


def a_segment_that_is_there(apis: Apis) -> str:
    segments.create(apis.workspace, "phones", {"platform": "ios"})
    return device("PushCreateSegment")(apis)


def one_segment_too_many(apis: Apis) -> str:
    Segment.objects.bulk_create(Segment(workspace=apis.workspace, name=f"s{n}", condition={}) for n in range(200))
    return device("PushCreateSegment")(apis)


def a_fault_of_ours(apis: Apis) -> str:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    apis.patch.setattr("pushcore.push.pushes.accept", broken)
    return push("PushSimple")(apis)


PARAMS = {f"p{n}": "v" for n in range(21)}
TARGET_OF_MANY_PARAMS = TARGET | {"extendedParams": PARAMS}
PROVOKED: dict[ResultCode, Provoke] = {
    ResultCode.SUCCESS: push("PushSimple"),
    ResultCode.SIGNATURE_MISMATCH: signed(sign="x"),
    ResultCode.NEED_DELIVERYTOKEN: device("PushBind", deliveryToken=""),
    ResultCode.NEED_FILE: an_empty_file,
    ResultCode.NEED_APPID_WORKSPACEID: push("PushSimple", appId=""),
    ResultCode.APPID_WRONG: push("PushSimple", workspaceId="unknown"),
    ResultCode.OS_TYPE_NOT_SUPPORTED: device("PushBind", osType=10),
    ResultCode.DELIVERY_TYPE_NOT_SUPPORTED: push("PushSimple", deliveryType=10),
    ResultCode.NEED_USERID: device("PushUnBind", userId=""),
    ResultCode.TASKNAME_NULL: without_a_task_name,
    ResultCode.EXPIREDSECONDS_WRONG: push("PushTemplate", expiredSeconds=0),
    ResultCode.TOKEN_OR_USERID_NULL: push("PushSimple", targetMsgkey={}),
    ResultCode.TEMPLATE_NOT_EXIST: push("PushTemplate", templateName="unknown"),
    ResultCode.TEMPLATEKV_NOT_ENOUGH: push("PushTemplate", templateKeyValue={"other": "x"}),
    ResultCode.PAYLOAD_NOT_ENOUGH: push("PushSimple", title=""),
    ResultCode.NEED_TEMPLATE: push("PushMultiple", templateName=""),
    ResultCode.EXPIREDTIME_TOO_LONG: push("PushMultiple", expiredSeconds=604_801),
    ResultCode.INVALID_PARAM: push("PushSimple", silent=7),
    ResultCode.SINGLE_PUSH_TARGET_TOO_MUCH: push("PushTemplate", targetMsgkey={f"user{n}": "k" for n in range(11)}),
    ResultCode.BROADCAST_ONLY_SUPPORT_BY_DEVICE: push("PushBroadcast", deliveryType=3),
    ResultCode.REQUEST_SHOULD_BE_UTF8: raw(b'{"title": "\xff"}'),
    ResultCode.REST_API_SWITCH_NOT_OPEN: switched_off,
    ResultCode.UNKNOWN_REST_SIGN_TYPE: signed(signType="MD5"),
    ResultCode.EXTEND_PARAM_TO_MUCH: push("PushSimple", extendedParams=PARAMS),
    ResultCode.TEMPLATE_ALREADY_EXIST: template(name="hello"),
    ResultCode.TEMPLATE_NAME_NULL: template(name=""),
    ResultCode.TEMPLATE_NAME_INVALID: template(name="no blanks"),
    ResultCode.TEMPLATE_CONTENT_INVALID: template(body=""),
    ResultCode.TEMPLATE_TITLE_INVALID: template(title=""),
    ResultCode.TEMPLATE_DESC_INFO_INVALID: template(description=""),
    ResultCode.TEMPLATE_URI_INVALID: template(uri="x" * 2049),
    ResultCode.SINGLE_PUSH_CONTENT_TOO_LONG: push("PushSimple", content="x" * 201),
    ResultCode.INVALID_EXTEND_PARAM: push("PushSimple", extendedParams={"taskId": "1"}),
    ResultCode.MULTIPLE_INNER_EXTEND_PARAM_TO_MUCH: push("PushMultiple", targetMsg=[TARGET_OF_MANY_PARAMS]),
    ResultCode.MSG_PAYLOAD_TOO_LONG: push("PushBroadcast", extendedParams={"p": "x" * 4096}),
    ResultCode.BROADCAST_ALL_USER_NEED_UNBIND_PERIOD: push("PushBroadcast", pushStatus=1),
    ResultCode.BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID: push("PushBroadcast", pushStatus=1, unBindPeriod=9),
    ResultCode.BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID: push("PushBroadcast", pushStatus=1, unBindPeriod=1),
    ResultCode.DELIVERYTOKEN_INVALID: device("PushBind", deliveryToken="unknown", osType=1),
    ResultCode.MULTIPLE_TARGET_NUMBER_TOO_MUCH: push("PushMultiple", targetMsg=[TARGET] * 401),
    ResultCode.TEMPLATE_NUM_TOO_MUCH: one_template_too_many,
    ResultCode.ANDROID_CHANNEL_PARAM_INVALID: push("PushBroadcast", androidChannel=9),
    ResultCode.BADGE_ADD_NUM_INVALID: push("PushSimple", extendedParams={"badge_add_num": "x", "badge_class": "c"}),
    ResultCode.BADGE_ADD_NUM_NEED_BADGE_CLASS: push("PushSimple", extendedParams={"badge_add_num": "1"}),
    ResultCode.TAG_NUM_TOO_MUCH: device("PushUpdateTags", add=json.dumps([f"t{n}" for n in range(101)])),
    ResultCode.CONDITION_INVALID: device("PushCountAudience", condition={"tag": "unknown"}),
    ResultCode.SEGMENT_NOT_EXIST: device("PushCountAudience", condition="", segmentName="unknown"),
    ResultCode.SEGMENT_ALREADY_EXIST: a_segment_that_is_there,
    ResultCode.SEGMENT_NUM_TOO_MUCH: one_segment_too_many,
    ResultCode.SEGMENT_NAME_INVALID: device("PushCreateSegment", segmentName=" "),
    ResultCode.MESSAGE_CATEGORY_NOT_EXIST: push("PushSimple", messageCategory="unknown"),
    ResultCode.SYSTEM_ERROR: a_fault_of_ours,
}  # fmt: skip


@pytest.mark.parametrize("result", PROVOKED, ids=lambda result: result.name)
def test_a_result_code_is_answered_where_the_documents_say_so(apis: Apis, result: ResultCode) -> None:
    assert PROVOKED[result](apis) == result.code


def test_every_result_code_is_provoked_by_a_call() -> None:
    assert set(PROVOKED) == set(ResultCode)


def test_the_api_page_lists_every_result_code_in_order() -> None:
    section = API_PAGE.read_text().partition("\n## Result codes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `?(-?\d+)`? \| (\w+) \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    assert [row[:3] for row in rows] == [(result.code, result.name, result.meaning) for result in ResultCode]
    assert all(when.strip() for *_, when in rows)
