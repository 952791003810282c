"""The table of operations: every action in each version answers in JSON and XML, and on the REST API."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from django.utils import timezone

from pushcore.api.operation import V2019, V2020
from pushcore.api.operations import BY_ACTION, OPERATIONS, REST_OPERATIONS
from pushcore.audience import segments
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import AudienceWalk, Occurrence, Template, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020
from tests.pushcore.api.samples import REQUESTS, SCOPE

BOTH, NEWER = {V2019, V2020}, {V2020}

# The actions of the published packages, with the versions that these have a request class for.
PUBLISHED = {
    "PushSimple": BOTH, "PushTemplate": BOTH, "PushMultiple": BOTH, "PushBroadcast": BOTH,
    "PushBind": NEWER, "PushUnBind": NEWER, "PushReport": NEWER, "PushQueryDeviceState": NEWER,
    "QueryPushAnalysisCoreIndex": NEWER, "QueryPushAnalysisTaskList": NEWER, "QueryPushAnalysisTaskDetail": NEWER,
    "QueryPushSchedulerList": NEWER, "CancelPushScheduler": NEWER,
    "RevokePushMessage": NEWER, "RevokePushTask": NEWER,
    "CreateTemplate": NEWER, "GetTemplate": NEWER, "ListTemplatePage": NEWER, "DeleteTemplate": NEWER,
    "ListAnalysisCoreIndex": NEWER, "QueryMpsSchedulerList": NEWER,
}  # fmt: skip
ACTIONS = [operation.action for operation in REST_OPERATIONS]
CASES = [(operation.action, version) for operation in REST_OPERATIONS for version in sorted(operation.versions)]


@pytest.fixture
def values(workspace: Workspace, rest: Rest) -> dict[str, dict[str, Any]]:
    """Return the parameters of each action as the REST API takes them."""
    Template.objects.filter(workspace=workspace).delete()
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    segments.create(workspace, "androids", {"platform": "android"})
    token = registry.register([(workspace, DeviceInfo())])[0][0].ad_token
    now = int(timezone.now().timestamp() * 1000)
    pushed = rest.call("push/simple", REQUESTS["PushSimple"] | {"targetMsgkey": {"eve": "e1"}})
    timed = {"strategyType": 1, "strategyContent": {"fixedTime": now + 3_600_000}}
    scheduled = rest.call("push/simple", REQUESTS["PushSimple"] | timed | {"targetMsgkey": {"eve": "e2"}})
    range_ = {"startTime": now, "endTime": now + 7_200_000}
    webhook = {"endpointId": rest.call("webhook/create", REQUESTS["PushCreateWebhook"])["data"]["endpointId"]}
    variants = [{"name": "A", "share": 1}, {"name": "B", "share": 1}]
    by_hand = REQUESTS["PushToAudience"] | {"msgkey": "k9", "variants": variants, "winner": "manual"}
    tested = {"taskId": rest.call("push/audience", by_hand)["data"]}
    AudienceWalk.objects.filter(pk=int(tested["taskId"])).update(phase=AudienceWalk.Phase.DECISION)
    return REQUESTS | {
        "QueryPushAnalysisVariants": tested,
        "PushDecideVariant": tested | {"variant": "A"},
        "PushBind": {"userId": "ann", "deliveryToken": token, "osType": 1},
        "PushUnBind": {"userId": "ann", "deliveryToken": token},
        "PushReport": {"deliveryToken": token, "osType": 1},
        "PushQueryDeviceState": {"target": token, "targetType": 1},
        "QueryPushAnalysisCoreIndex": range_,
        "QueryPushAnalysisStatusList": range_,
        "QueryPushAnalysisTaskList": {"startTime": now},
        "QueryPushAnalysisTaskDetail": {"taskId": pushed["data"]},
        "QueryPushSchedulerList": range_,
        "CancelPushScheduler": {"uniqueIds": scheduled["data"]},
        "RevokePushMessage": {"messageId": "e1", "targetId": "eve"},
        "RevokePushTask": {"taskId": pushed["data"]},
        "PushUpdateWebhook": webhook,
        "PushDeleteWebhook": webhook,
        "PushReplayWebhook": webhook | range_,
        "PushUpdateSegment": {"segmentName": "androids", "description": "phones"},
        "PushDeleteSegment": {"segmentName": "androids"},
    }


def flattened(values: dict[str, Any]) -> dict[str, str]:
    """Return parameters as the packages send them: capitalized, lists flattened, maps as JSON text."""
    sent: dict[str, str] = {}
    for name, value in (SCOPE | values).items():
        key = name[:1].upper() + name[1:]
        if isinstance(value, list):
            for index, entry in enumerate(value, 1):
                sent |= {f"{key}.{index}.{part[:1].upper() + part[1:]}": _text(given) for part, given in entry.items()}
        else:
            sent[key] = _text(value)
    return sent


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def test_the_table_has_every_action_of_the_published_packages() -> None:
    assert {action: set(BY_ACTION[action].versions) for action in PUBLISHED} == PUBLISHED


def test_no_two_operations_have_one_action_or_one_path() -> None:
    assert len(BY_ACTION) == len(OPERATIONS)
    assert len({operation.path for operation in REST_OPERATIONS}) == len(REST_OPERATIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_documented_example_of_an_action_is_a_good_call_of_it(
    rest: Rest, values: dict[str, dict[str, Any]], action: str
) -> None:
    """Its parameters exist, all required ones are there, and the documented answer has the real fields."""
    operation = BY_ACTION[action]
    assert operation.example is not None
    example, data = operation.example
    assert set(example) <= set(operation.schema().fields)
    assert set(operation.required[V2020]) <= set(example)
    operation.schema.read(example)
    real = rest.call(operation.path, SCOPE | values[action])["data"]
    assert type(real) is type(data)
    shown, found = (part[0] if isinstance(part, list) and part else part for part in (data, real))
    if isinstance(shown, dict) and found:
        assert list(shown) == list(found)


@pytest.mark.parametrize("answer_format", ["JSON", "XML"])
@pytest.mark.parametrize(("action", "version"), CASES)
def test_every_action_succeeds_in_each_of_its_versions(
    rpc2019: Rpc2019, rpc2020: Rpc2020, values: dict[str, dict[str, Any]], action: str, version: str, answer_format: str
) -> None:
    form = flattened(values[action])
    if version == V2019:
        answer = rpc2019.call(action, form, Format=answer_format)
    else:
        raw = urlencode(form | {"Format": answer_format}).encode()
        answer = rpc2020.post(raw, rpc2020.headers(action, raw))
    assert answer.status_code == 200
    success = "100" if version == V2019 else "OK"
    if answer_format == "JSON":
        shown = json.loads(answer.content)
        assert (shown["ResultCode"], shown["ResultMessage"]) == (success, "SUCCESS")
        assert shown["RequestId"]
    else:
        root = ElementTree.fromstring(answer.content)
        assert root.tag == f"{action}Response"
        assert (root.findtext("ResultCode"), root.findtext("ResultMessage")) == (success, "SUCCESS")
        assert root.findtext("RequestId")


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_succeeds_on_the_rest_api(rest: Rest, values: dict[str, dict[str, Any]], action: str) -> None:
    answer = rest.call(BY_ACTION[action].path, SCOPE | values[action])
    assert (answer["success"], answer["code"], answer["name"]) == (True, "100", "SUCCESS")


@pytest.mark.parametrize("action", [one.action for one in REST_OPERATIONS if V2019 not in one.versions])
def test_an_action_of_the_newer_version_is_unknown_to_the_older(
    rpc2019: Rpc2019, values: dict[str, dict[str, Any]], action: str
) -> None:
    refused = rpc2019.call(action, flattened(values[action]))
    assert (refused.status_code, refused.json()["Code"]) == (400, "InvalidVersion")
    assert Occurrence.objects.get().status == Occurrence.Status.PENDING


@pytest.mark.parametrize(("action", "version"), CASES)
def test_a_required_parameter_left_out_is_named(
    rpc2019: Rpc2019, rpc2020: Rpc2020, values: dict[str, dict[str, Any]], action: str, version: str
) -> None:
    client = rpc2019 if version == V2019 else rpc2020
    for name in BY_ACTION[action].required[version]:
        parameter = name[:1].upper() + name[1:]
        form = {key: value for key, value in flattened(values[action]).items() if key.partition(".")[0] != parameter}
        refused = client.call(action, form)
        assert (refused.status_code, refused.json()["Code"]) == (400, f"Missing{parameter}")


@pytest.mark.parametrize(("action", "version"), CASES)
def test_another_apps_workspace_answers_appid_wrong(
    rpc2019: Rpc2019, rpc2020: Rpc2020, values: dict[str, dict[str, Any]], action: str, version: str
) -> None:
    client = rpc2019 if version == V2019 else rpc2020
    answer = client.call(action, flattened(values[action]) | {"WorkspaceId": "production"}).json()
    assert answer["ResultCode"] == "3007"
