"""Tags, topics and attributes over both APIs, and what is counted of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction

from pushcore.audience import resolve
from pushcore.codes.results import ResultCode
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import AudienceProfile, Device, UserAlias, Workspace
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2020
from tests.pushcore.api.samples import SCOPE

pytestmark = pytest.mark.django_db


def call(rest: Rest, action: str, **values: Any) -> Any:
    """Call the REST API; return the answer's data."""
    answer = rest.call(REST_PATHS[action], SCOPE | values)
    assert answer["code"] == "100", answer
    return answer["data"]


def test_what_one_api_says_of_a_user_the_other_shows_and_counts(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace
) -> None:
    token = registry.register([(workspace, DeviceInfo())])[0][0].ad_token
    call(rest, "PushBind", userId="ann", deliveryToken=token, osType=1)
    rpc2020.answer("PushUpdateTags", SCOPE | {"targetType": 2, "targets": '["ann"]', "add": '["vip", "trial"]'})
    assert call(rest, "PushUpdateTags", targetType=2, targets=["ann"], remove=["trial"]) == {"unknownTargets": []}
    told = call(rest, "PushUpdateTopics", targetType=1, targets=[token, "nobody"], set=["news"])
    assert told == {"unknownTargets": ["nobody"]}
    attributes = {"age": 30, "city": "Oslo", "joined": {"time": 1_767_225_600_000}}
    call(rest, "PushUpdateAttributes", targetType=2, targets=["ann"], attributes=attributes)
    assert call(rest, "PushQueryProfile", target="ann", targetType=2) == {
        "tags": ["vip"],
        "topics": [],
        "attributes": [
            {"name": "age", "type": "number", "value": 30},
            {"name": "city", "type": "text", "value": "Oslo"},
            {"name": "joined", "type": "time", "value": 1_767_225_600_000},
        ],
        "aliases": [],
    }
    assert call(rest, "PushQueryAudienceNames") == {"tags": ["trial", "vip"], "topics": ["news"]}
    condition = {"and": [{"tag": "vip"}, {"topic": "news"}, {"attribute": "age", "gte": 18}, {"bound": True}]}
    assert call(rest, "PushCountAudience", condition=condition) == {"devices": 1}
    assert call(rest, "PushCountAudience", condition="'vip' in tags && !('news' in topics)") == {"devices": 0}
    call(rest, "PushUnBind", userId="ann", deliveryToken=token)
    assert call(rest, "PushCountAudience", condition={"tag": "vip"}) == {"devices": 0}


def test_the_rpc_api_takes_lists_and_maps_as_packages_flatten_them(rpc2020: Rpc2020) -> None:
    form = {
        "Targets.1": "ann",
        "Targets.2": "7",
        "TargetType": "2",
        "Attributes.age": "30",
        "Attributes.joined.time": "5",
    }
    answer = rpc2020.call(
        "PushUpdateAttributes", {name[:1].upper() + name[1:]: value for name, value in SCOPE.items()} | form
    )
    assert answer.json()["ResultContent"]["Data"] == {"UnknownTargets": []}
    rows = {row.user_id: row.attributes for row in AudienceProfile.objects.all()}
    wanted = {"age": 30, "joined": {"time": 5}}
    assert rows == {"ann": wanted, "7": wanted}


@pytest.mark.parametrize(
    ("action", "values", "code"),
    [
        ("PushUpdateTags", {"targetType": 3, "targets": ["ann"], "add": ["vip"]}, "3009"),
        ("PushUpdateTags", {"targetType": 2, "targets": "ann", "add": ["vip"]}, "3021"),
        ("PushUpdateTags", {"targetType": 2, "targets": [" "], "add": ["vip"]}, "3012"),
        ("PushUpdateTags", {"targetType": 2, "targets": ["u"] * 1001, "add": ["vip"]}, "3028"),
        ("PushUpdateTags", {"targetType": 2, "targets": ["ann"]}, "3028"),
        ("PushUpdateTags", {"targetType": 2, "targets": ["ann"], "add": ["vip"], "remove": ["vip"]}, "3028"),
        ("PushUpdateTags", {"targetType": 2, "targets": ["ann"], "add": ["vip"], "set": []}, "3028"),
        ("PushUpdateTopics", {"targetType": 2, "targets": ["ann"], "add": ["two words"]}, "3028"),
        ("PushUpdateAttributes", {"targetType": 2, "targets": ["ann"], "attributes": {"age": True}}, "3028"),
        ("PushUpdateAttributes", {"targetType": 2, "targets": ["ann"], "attributes": {"9": 1}}, "3028"),
        ("PushUpdateAttributes", {"targetType": 2, "targets": ["ann"], "attributes": {}}, "3028"),
        ("PushSetAliases", {"aliases": {}}, "3028"),
        ("PushSetAliases", {"aliases": {" ": "ann"}}, "3028"),
        ("PushSetAliases", {"aliases": {"a": "u" * 257}}, "3028"),
        ("PushSetAliases", {"aliases": {f"a{n}": "ann" for n in range(11)}}, "3101"),
        ("PushQueryProfile", {"targetType": 1, "target": "nobody"}, "3054"),
        ("PushCountAudience", {"condition": {"and": {}}}, "3102"),
        ("PushCountAudience", {"condition": "'vip' in"}, "3102"),
        ("PushCountAudience", {"condition": []}, "3028"),
    ],
)
def test_a_call_that_breaks_a_limit_is_refused_and_changes_nothing(
    rest: Rest, action: str, values: dict[str, Any], code: str
) -> None:
    assert rest.call(REST_PATHS[action], SCOPE | values)["code"] == code
    assert not AudienceProfile.objects.exists()
    assert not UserAlias.objects.exists()


def test_counts_of_a_workspace_run_one_after_the_other(
    workspace: Workspace, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "COUNT_TIMEOUT_MS", 200)
    asked = (REST_PATHS["PushCountAudience"], SCOPE | {"condition": {"platform": "ios"}})
    locked, done = Event(), Event()

    def count_for_long() -> None:
        try:
            with transaction.atomic():
                resolve.lock(workspace.pk)
                locked.set()
                done.wait(15)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        counting = threads.submit(count_for_long)
        assert locked.wait(15)
        assert rest.call(*asked)["code"] == ResultCode.SYSTEM_ERROR.code
        done.set()
        counting.result()
    monkeypatch.undo()
    assert rest.call(*asked)["data"] == {"devices": 0}


def test_consent_is_said_of_devices_and_of_the_devices_of_users(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace
) -> None:
    device, other = (device for device, _ in registry.register([(workspace, DeviceInfo())] * 2))
    bindings.bind(Device.objects.get(pk=other.id), "ann")
    values = {"targetType": 1, "targets": [device.ad_token, "nobodys"], "marketingConsent": False}
    assert call(rest, "PushUpdateConsent", **values) == {"unknownTargets": ["nobodys"]}
    rpc2020.answer(
        "PushUpdateConsent", SCOPE | {"targetType": 2, "targets": '["ann", "bob"]', "marketingConsent": "true"}
    )
    consents = dict(Device.objects.values_list("pk", "marketing_consent"))
    assert (consents[device.id], consents[other.id]) == (False, True)
