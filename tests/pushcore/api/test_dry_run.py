"""Dry runs through every API: the answer says what would become of a push, and nothing is kept or sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from gateway.lane import GatewayLane
from pushcore import ports
from pushcore.devices import registry, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.models import Broadcast, Device, FileImport, Message, MessageKey, PushTask, Schedule, Workspace
from pushcore.models.files import FileChunk
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020, form_of
from tests.pushcore.api.conftest import ApiClient
from tests.pushcore.api.samples import REQUESTS
from tests.pushcore.api.test_file_push_calls import FILE, send
from tests.pushcore.conftest import RecordingLane

DRY = {"dryRun": True}
KEPT = (PushTask, Message, MessageKey, Broadcast, Schedule, FileImport, FileChunk)


class DeafLane(GatewayLane):
    """The gateway's lane, which must not be given anything."""

    def send(self, batch: Any) -> None:
        raise AssertionError("sent")


@pytest.fixture(autouse=True)
def _nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_lanes", [(1, DeafLane())])


@pytest.fixture(autouse=True)
def template(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))


def bound_devices(workspace: Workspace, user: str, count: int) -> None:
    for known, _ in registry.register([(workspace, DeviceInfo())] * count):
        server_requests.bind(workspace, user, known.ad_token, 1)


def assert_nothing_is_kept() -> None:
    assert {model.__name__: model._default_manager.count() for model in KEPT} == {model.__name__: 0 for model in KEPT}


def found(api: ApiClient, action: str, **changes: Any) -> dict[str, Any]:
    """Return what a dry run found, asked through an API."""
    values = REQUESTS[action] | DRY | changes
    if isinstance(api, Rest):
        answer = api.call(f"push/{action.removeprefix('Push').lower()}", values)
        assert answer["code"] == "100", answer
        return answer["data"]
    answer = json.loads(api.call(action, form_of(values)).content)
    assert answer["PushResult"]["Success"] is True, answer
    return json.loads(answer["PushResult"]["Data"])


def test_every_api_tells_targets_devices_and_the_first_three_bodies(api: ApiClient, workspace: Workspace) -> None:
    bound_devices(workspace, "ann", 5)
    said = found(api, "PushSimple", targetMsgkey={"ann": "k1", "nobody": "k2"})
    assert (said["targets"], said["messages"], said["devices"], said["withoutDevice"]) == (2, 6, 5, ["nobody"])
    assert (said["dryRun"], said["repeats"], said["sendTimes"]) == (True, None, [])
    [channel] = said["channels"]
    assert (channel["channel"], channel["messages"], len(channel["bodies"])) == ("ANDROID", 5, 3)
    for entry in channel["bodies"]:
        content = json.loads(entry["body"])["bData"]
        assert (entry["target"], entry["refusal"]) == ("ann", "")
        assert (content["title"], content["content"]) == ("Title", "Content")
    assert_nothing_is_kept()


def test_a_multiple_push_renders_each_targets_own_text(rest: Rest, workspace: Workspace) -> None:
    names = {"ann": "Ann", "bob": "Bob"}
    for user in names:
        bound_devices(workspace, user, 1)
    entries = [{"target": user, "msgKey": user, "templateKeyValue": {"name": name}} for user, name in names.items()]
    [channel] = found(rest, "PushMultiple", targetMsg=entries)["channels"]
    titles = {entry["target"]: json.loads(entry["body"])["bData"]["title"] for entry in channel["bodies"]}
    assert titles == {"ann": "Hello Ann", "bob": "Hello Bob"}


def test_a_push_after_its_dry_run_is_the_first_with_its_msgkeys(
    rest: Rest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(rest, "PushSimple")
    monkeypatch.setattr(ports, "_lanes", [(1, RecordingLane())])
    sent = rest.call("push/simple", REQUESTS["PushSimple"])["data"]
    assert PushTask.objects.get().pk == int(sent)
    assert found(rest, "PushSimple")["repeats"] == sent
    assert rest.call("push/simple", REQUESTS["PushSimple"])["data"] == sent


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        ("PushSimple", {"title": "x" * 201}),
        ("PushSimple", {"targetMsgkey": {}}),
        ("PushSimple", {"deliveryType": 4}),
        ("PushTemplate", {"templateName": "unknown"}),
        ("PushMultiple", {"targetMsg": [{"target": "ann", "msgKey": "k1"}]}),
        ("PushSimple", {"strategyType": 1, "strategyContent": {"fixedTime": 1}}),
    ],
)
def test_what_a_push_is_refused_for_its_dry_run_is_too(rest: Rest, action: str, wrong: dict[str, Any]) -> None:
    path = f"push/{action.removeprefix('Push').lower()}"
    real, dry = (rest.call(path, REQUESTS[action] | wrong | more) for more in ({}, DRY))
    assert dry["code"] != "100"
    assert (dry["code"], dry["message"]) == (real["code"], real["message"])


def test_a_msgkey_of_another_request_is_refused(
    rest: Rest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_lanes", [(1, RecordingLane())])
    rest.call("push/simple", REQUESTS["PushSimple"])
    answer = rest.call("push/simple", REQUESTS["PushSimple"] | DRY | {"title": "Another"})
    assert answer["code"] == "3028"
    assert "k1" in answer["message"]


def test_a_device_of_another_platform_is_refused(rest: Rest, workspace: Workspace) -> None:
    token = registry.register([(workspace, DeviceInfo())])[0][0].ad_token
    answer = rest.call("push/simple", REQUESTS["PushSimple"] | DRY | {"deliveryType": 2, "targetMsgkey": {token: "k"}})
    assert answer["code"] == "3009"


def test_a_broadcast_counts_its_audience(api: ApiClient, workspace: Workspace) -> None:
    bound_devices(workspace, "ann", 4)
    said = found(api, "PushBroadcast")
    assert (said["targets"], said["messages"], said["devices"]) == (0, None, 4)
    [channel] = said["channels"]
    [body] = channel["bodies"]
    assert json.loads(body["body"])["bData"]["title"] == "Hello Ann"
    assert_nothing_is_kept()


def test_a_schedule_says_when_it_would_send(rest: Rest) -> None:
    at = int(timezone.now().timestamp()) * 1000 + 3_600_000
    said = found(rest, "PushSimple", strategyType=1, strategyContent={"fixedTime": at})
    assert said["sendTimes"] == [at]
    assert_nothing_is_kept()


def test_a_live_activity_that_nobody_has_met_stays_unknown(rest: Rest) -> None:
    activity = {"activityEvent": "update", "activityContentState": {"step": 2}}
    said = found(rest, "PushSimple", deliveryType=5, targetMsgkey={"ab" * 40: "k1"}, **activity)
    assert said["devices"] == 1
    assert not Device.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_is_read_to_its_end_and_deleted(rest: Rest, workspace: Workspace) -> None:
    bound_devices(workspace, "ann", 2)
    said = send(rest, FILE, dryRun="true")["data"]
    assert (said["records"], said["faults"], said["sampled"]) == (2, 1, 2)
    assert said["firstFaults"][0]["line"] == 2
    assert (said["targets"], said["messages"], said["devices"], said["withoutDevice"]) == (2, 3, 2, ["carl"])
    [channel] = said["channels"]
    assert json.loads(channel["bodies"][0]["body"])["bData"]["title"] == "Hello Ann"
    assert_nothing_is_kept()


@pytest.mark.parametrize("value", ["perhaps", 7])
def test_another_value_is_refused(rest: Rest, value: Any) -> None:
    answer = rest.call("push/simple", REQUESTS["PushSimple"] | {"dryRun": value})
    assert (answer["code"], "dryRun" in answer["message"]) == ("3028", True)
    assert_nothing_is_kept()


def test_the_older_versions_want_a_name_in_a_dry_run_too(rpc2019: Rpc2019, rpc2020: Rpc2020) -> None:
    form = form_of(REQUESTS["PushSimple"] | DRY)
    del form["TaskName"]
    assert rpc2019.call("PushSimple", form).status_code == 400
    assert rpc2020.call("PushSimple", form).status_code == 200
