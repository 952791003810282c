"""Parameters that a call cannot follow are refused, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from pushcore.devices import info, registry
from pushcore.models import Binding, PushTask, Schedule, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from pushcore.security import crypto
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020
from tests.pushcore.api.conftest import ApiClient
from tests.pushcore.api.samples import REQUESTS, SCOPE, TARGET

TOMORROW = int(timezone.now().timestamp() * 1000) + 86_400_000
PUSHES = ("PushSimple", "PushTemplate", "PushMultiple", "PushBroadcast")


@pytest.fixture(autouse=True)
def template(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))


def nothing_was_taken() -> bool:
    return not (PushTask.objects.exists() or Schedule.objects.exists())


@pytest.mark.parametrize("action", PUSHES)
@pytest.mark.parametrize("kind", [{}, {"strategyType": 0}])
def test_a_schedule_without_its_kind_sends_nothing(
    rpc2020: Rpc2020, rest: Rest, action: str, kind: dict[str, int]
) -> None:
    wish = {"strategyContent": {"fixedTime": TOMORROW}} | kind
    for caller in (rpc2020, rest):
        assert caller.answer(action, REQUESTS[action] | wish) == "3028"
    assert nothing_was_taken()


def test_an_empty_schedule_is_no_schedule(rest: Rest) -> None:
    for content in ("", {}, {"fixedTime": None}):
        body = REQUESTS["PushSimple"] | {"strategyContent": content, "targetMsgkey": {"ann": f"k{content}"}}
        assert rest.answer("PushSimple", body) == "100"


# The cloud's own sample has the parts of all kinds.
def test_parts_of_another_kind_of_schedule_do_no_harm(rest: Rest) -> None:
    content = {
        "fixedTime": TOMORROW, "startTime": TOMORROW, "endTime": TOMORROW, "circleType": 1, "circleValue": [1, 7],
        "time": "13:45:11",
    }  # fmt: skip
    assert rest.answer("PushSimple", REQUESTS["PushSimple"] | {"strategyType": 1, "strategyContent": content}) == "100"
    assert Schedule.objects.count() == 1


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"smsStrategy": 1}, "3028"),
        ({"smsStrategy": "2", "smsTemplateCode": "SMS_1"}, "3028"),
        ({"smsTemplateCode": "SMS_1"}, "3028"),
        ({"smsStrategy": "maybe"}, "3028"),
        ({"smsStrategy": 0, "smsTemplateCode": "SMS_1"}, "100"),
        ({"smsStrategy": ""}, "100"),
    ],
)
def test_an_sms_is_not_promised_where_none_can_be_sent(api: ApiClient, wish: dict[str, Any], code: str) -> None:
    assert api.answer("PushSimple", REQUESTS["PushSimple"] | wish) == code
    assert PushTask.objects.exists() == (code == "100")


@pytest.mark.parametrize(
    ("action", "changes", "named"),
    [
        ("PushSimple", {"extendedParam": {"a": "b"}}, "extendedParams"),
        ("PushSimple", {"tenantId": "x"}, "tenantId"),
        ("PushMultiple", {"targetMsg": [TARGET | {"msgkey": "k2"}]}, "targetMsg[0].msgkey"),
        ("PushSimple", {"strategyType": 1, "strategyContent": {"fixedtime": TOMORROW}}, "strategyContent.fixedtime"),
        ("PushBind", {"phone": "1"}, "phone"),
        ("CreateTemplate", {"content": "x"}, "content"),
    ],
)
def test_a_misspelt_parameter_of_the_rest_api_is_named(
    rest: Rest, action: str, changes: dict[str, Any], named: str
) -> None:
    path = {"PushSimple": "push/simple", "PushMultiple": "push/multiple", "PushBind": "bind"}.get(action, "templates")
    answer = rest.call(path, REQUESTS[action] | changes)
    assert (answer["code"], named in answer["message"]) == ("3028", True)
    assert nothing_was_taken()


def test_parameters_of_newer_packages_are_ignored(rpc2019: Rpc2019, rpc2020: Rpc2020) -> None:
    newest = {"tenantId": "ZXCV", "newest": "x"}
    assert rpc2019.answer("PushSimple", REQUESTS["PushSimple"] | newest) == "100"
    other = REQUESTS["PushSimple"] | {"targetMsgkey": {"ann": "k2"}}
    assert rpc2020.answer("PushSimple", other | newest) == "100"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pushStatus": 2, "unBindPeriod": 1, "bindPeriod": 1}, "3028"),
        ({"pushStatus": 2, "unBindPeriod": 1, "bindStartTime": 1, "bindEndTime": 2}, "3028"),
        ({"unBindPeriod": 1}, "3028"),
        ({"pushStatus": 0, "unBindStartTime": 1, "unBindEndTime": 2}, "3028"),
        ({"deliveryType": 2, "androidChannel": 1}, "3057"),
        ({"deliveryType": 2, "androidChannel": 2}, "3057"),
        ({"androidChannel": 0}, "3057"),
        ({"activityEvent": "update"}, "3028"),
        ({"androidChannel": 2, "bindPeriod": 4}, "100"),
        ({"deliveryType": 2, "pushStatus": 1, "bindPeriod": 1, "unBindPeriod": 2}, "100"),
    ],
)
def test_a_broadcast_with_a_filter_that_does_not_apply_is_refused(
    rest: Rest, changes: dict[str, Any], code: str
) -> None:
    assert rest.answer("PushBroadcast", REQUESTS["PushBroadcast"] | changes) == code
    assert PushTask.objects.exists() == (code == "100")


@pytest.mark.parametrize("action", ["PushSimple", "PushTemplate", "PushMultiple"])
@pytest.mark.parametrize(
    "wish",
    [
        {"activityEvent": "update"},
        {"activityContentState": {"a": 1}},
        {"activityAttributesType": "Ride"},
        {"activityAttributes": {"a": 1}},
        {"dismissalDate": 1_800_000_000},
    ],
)
def test_a_push_without_a_live_activity_takes_none_of_its_parameters(
    rest: Rest, action: str, wish: dict[str, Any]
) -> None:
    assert rest.answer(action, REQUESTS[action] | wish) == "3028"
    assert nothing_was_taken()


@pytest.mark.parametrize(
    "wish",
    [
        {"activityEvent": "update", "dismissalDate": 1_800_000_000},
        {"activityEvent": "update", "activityAttributesType": "Ride"},
        {"activityEvent": "end", "activityAttributes": {"a": 1}},
    ],
)
def test_a_live_activitys_event_takes_only_what_belongs_to_it(rest: Rest, wish: dict[str, Any]) -> None:
    body = REQUESTS["PushSimple"] | {"deliveryType": 5, "activityContentState": {"a": 1}} | wish
    assert rest.answer("PushSimple", body) == "3028"


def test_a_bound_users_phone_number_is_kept_encrypted_until_the_binding_ends(
    workspace: Workspace, api: ApiClient
) -> None:
    [(device, _)] = registry.register([(workspace, info.DeviceInfo())])
    bind = SCOPE | {"userId": "ann", "deliveryToken": device.ad_token, "osType": 1}
    answers = {"PushBind": bind | {"phoneNumber": "+8613800138000"}, "PushUnBind": bind}
    del answers["PushUnBind"]["osType"]
    if isinstance(api, Rpc2019):
        return
    assert api.answer("PushBind", answers["PushBind"]) == "100"
    kept = Binding.objects.get().phone_number_sealed
    assert "138" not in kept
    assert crypto.decrypt(kept) == "+8613800138000"
    assert api.answer("PushBind", bind | {"osType": 1}) == "100"
    assert Binding.objects.get().phone_number_sealed == kept
    assert api.answer("PushUnBind", answers["PushUnBind"]) == "100"
    assert Binding.objects.get().phone_number_sealed == ""


@pytest.mark.parametrize("number", ["138-0013-8000", "four", "1234", "1" * 16, "１２３４５６"])
def test_what_is_no_phone_number_is_refused(workspace: Workspace, rest: Rest, number: str) -> None:
    [(device, _)] = registry.register([(workspace, info.DeviceInfo())])
    bind = SCOPE | {"userId": "ann", "deliveryToken": device.ad_token, "osType": 1, "phoneNumber": number}
    answer = rest.call("bind", bind)
    assert (answer["code"], "phoneNumber" in answer["message"]) == ("3028", True)
    assert not Binding.objects.exists()
