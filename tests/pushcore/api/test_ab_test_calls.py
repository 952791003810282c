"""Variants of a push through both APIs: pushed, compared and decided."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from analytics import intake
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import load, wake
from pushcore.models import AbTest, AudienceWalk, Message, PushTask, Workspace
from pushcore.ports import DeviceEvent, Outcome
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2020, form_of
from tests.pushcore.api.samples import REQUESTS, SCOPE
from tests.pushcore.conftest import RecordingLane

pytestmark = pytest.mark.django_db(transaction=True)

PUSH = REQUESTS["PushToAudience"] | {
    "variants": [{"name": "A", "share": 30}, {"name": "B", "share": 30, "title": "Other"}], "winner": "manual",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


def call(rest: Rest, action: str, **values: Any) -> Any:
    """Call the REST API; return the answer's data."""
    answer = rest.call(REST_PATHS[action], SCOPE | values)
    assert answer["code"] == "100", answer
    return answer["data"]


def test_a_test_over_either_api_is_followed_and_decided(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace, lane: RecordingLane
) -> None:
    registry.register([(workspace, DeviceInfo())] * 60)
    task = call(rest, "PushToAudience", **PUSH)
    assert call(rest, "QueryPushAnalysisVariants", taskId=task)["state"] == "SENDING"
    tested = load.load_all()
    rows = list(Message.objects.order_by("pk"))
    outcomes.record([Outcome(row.pk, statuses.ACKED) for row in rows])
    opened = [row for row in rows if row.override]
    now = timezone.now()
    intake.take([DeviceEvent(row.workspace_id, row.device_id or 0, row.pk, "opened", now) for row in opened])
    said = call(rest, "QueryPushAnalysisVariants", taskId=task)
    assert (said["state"], said["winner"], said["decidesTime"], said["decidedTime"]) == ("UNDECIDED", "", None, None)
    assert said["decideByTime"] > now.timestamp() * 1000
    first, second = said["variants"]
    numbers = ("pushTotalNum", "pushNum", "arrivalNum", "openNum", "openRate")
    others = tested - len(opened)
    assert [first[name] for name in numbers] == [others, others, others, 0, 0.0]
    assert [second[name] for name in numbers] == [len(opened)] * 4 + [100.0]
    assert second["openRateLow"] < 100 == second["openRateHigh"]
    assert said["rest"] == {
        "variant": "", "share": 40, "openRateLow": 0.0, "openRateHigh": 100.0, **dict.fromkeys(numbers, 0),
    }  # fmt: skip
    compared = said["comparison"]
    assert (compared["best"], compared["second"], compared["significant"]) == ("B", "A", True)
    answer = rpc2020.call("PushDecideVariant", form_of(SCOPE | {"taskId": task, "variant": "B"})).json()
    assert answer["PushResult"]["Success"] is True, answer
    assert load.load_all() == 60 - tested
    said = call(rest, "QueryPushAnalysisVariants", taskId=task)
    assert (said["state"], said["winner"], said["rest"]["pushTotalNum"]) == ("DECIDED", "B", 60 - tested)
    assert said["decidedBy"] == AbTest.objects.get().decided_by != ""


def test_the_rpc_api_takes_variants_as_a_list_or_as_json(
    rpc2020: Rpc2020, workspace: Workspace, lane: RecordingLane
) -> None:
    flat = {
        "Variants.1.Name": "A", "Variants.1.Share": "50", "Variants.2.Name": "B", "Variants.2.Share": "50",
        "Variants.2.Title": "Other", "Variants.2.Content": "More",
    }  # fmt: skip
    plain = {name: value for name, value in PUSH.items() if name not in ("variants", "winner")}
    for number, given in enumerate((flat, {"Variants": json.dumps(PUSH["variants"]), "Winner": "manual"})):
        answer = rpc2020.call("PushToAudience", form_of(plain | {"msgkey": f"k{number}"}) | given).json()
        assert answer["PushResult"]["Success"] is True, answer
    first, second = AbTest.objects.order_by("pk")
    assert [one["override"] for one in first.variants] == [{}, {"title": "Other", "content": "More"}]
    assert [one["override"] for one in second.variants] == [{}, {"title": "Other"}]


def test_a_dry_run_of_variants_checks_them_and_keeps_nothing(rest: Rest, workspace: Workspace) -> None:
    registry.register([(workspace, DeviceInfo())] * 3)
    assert call(rest, "PushToAudience", **PUSH, dryRun=True)["messages"] == 3
    wrong = PUSH | {"dryRun": True, "variants": PUSH["variants"][:1]}
    assert "2 to 5" in rest.call(REST_PATHS["PushToAudience"], SCOPE | wrong)["message"]
    for model in (PushTask, AudienceWalk, AbTest):
        assert not model._default_manager.exists()


@pytest.mark.parametrize("action", ["QueryPushAnalysisVariants", "PushDecideVariant"])
def test_a_push_without_variants_has_no_test(rest: Rest, workspace: Workspace, action: str) -> None:
    task = call(rest, "PushToAudience", **REQUESTS["PushToAudience"])
    variant = {"variant": "A"} if action == "PushDecideVariant" else {}
    answer = rest.call(REST_PATHS[action], SCOPE | {"taskId": task} | variant)
    assert answer["code"] == "3028"
    assert "not a push of this workspace with variants" in answer["message"]
