"""A device's own tags, topics and attributes, over MQTT and HTTP."""

from __future__ import annotations

import pytest
import requests

from pushcore.audience import names, profiles
from pushcore.audience.changes import NamesChange, ProfileChange
from pushcore.audience.names import Kind
from pushcore.audience.profiles import Profile
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.state import TargetType
from pushcore.models import AudienceName, AudienceProfile, Device, Workspace
from tests.gateway.conftest import Connect


def make_names(workspace: Workspace) -> None:
    names.make(workspace.pk, Kind.TAG, ["beta", "tester"])
    names.make(workspace.pk, Kind.TOPIC, ["news", "sport"])


def profile_of(workspace: Workspace, token: str) -> Profile | None:
    return profiles.profile_of(workspace.pk, TargetType.DEVICE, token)


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_device_says_its_tags_topics_and_attributes(connect: Connect, workspace: Workspace, transport: str) -> None:
    make_names(workspace)
    profiles.update(workspace.pk, TargetType.USER, ["ann"], ProfileChange(NamesChange(("tester",))))
    device, other = connect(transport), connect(transport)
    assert device.request("mps/bind", {"userId": "ann"})["code"] == "100"
    said = {"tags": {"set": ["beta"]}, "topics": {"add": ["news", "sport"]}, "attributes": {"city": "Oslo", "age": 30}}
    assert device.request("mps/profile", said)["code"] == "100"
    said = {"topics": {"remove": ["sport", "unknown"]}, "attributes": {"age": None, "at": {"time": 5}}}
    assert device.request("mps/profile", said)["code"] == "100"
    assert profile_of(workspace, device.ad_token) == Profile(["beta"], ["news"], {"city": "Oslo", "at": {"time": 5}})
    assert profile_of(workspace, other.ad_token) == Profile([], [], {})
    assert profiles.profile_of(workspace.pk, TargetType.USER, "ann") == Profile(["tester"], [], {})


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, "3028"),
        ([], "3028"),
        ({"tags": {"add": ["made up"]}}, "3028"),
        ({"tags": {"add": ["unknown"]}}, "3028"),
        ({"tags": {"add": ["news"]}}, "3028"),  # that is a topic
        ({"tags": {"add": "beta"}}, "3028"),
        ({"tags": {"add": [7]}}, "3028"),
        ({"tags": {"drop": ["beta"]}}, "3028"),
        ({"tags": {"add": ["beta"], "set": []}}, "3028"),
        ({"tags": {"add": ["beta"]}, "topics": {"add": ["unknown"]}}, "3028"),
        ({"tags": {"add": ["beta"]}, "attributes": {"age": [1]}}, "3028"),
        ({"attributes": {f"a{n}": n for n in range(51)}}, "3101"),
        ({"tags": {"add": ["beta"]}, "adToken": "another"}, "3054"),
        ({"tags": {"add": ["beta"]}, "deliveryToken": "another"}, "3054"),
    ],
)
def test_a_request_beyond_a_devices_own_is_refused_whole(
    connect: Connect, workspace: Workspace, payload: object, code: str
) -> None:
    make_names(workspace)
    assert connect().request("mps/profile", payload)["code"] == code
    assert not AudienceProfile.objects.exists()
    assert AudienceName.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_device_changes_its_profile_over_http(live_server: object, workspace: Workspace) -> None:
    make_names(workspace)
    [(device, secret)] = registry.register([(workspace, DeviceInfo())])
    url, mine = f"{live_server}/device/v1/profile", (device.ad_token, secret)
    answer = requests.post(url, json={"topics": {"add": ["news"]}}, auth=mine, timeout=10)
    assert answer.json()["code"] == "100"
    assert profile_of(workspace, device.ad_token) == Profile([], ["news"], {})
    assert requests.post(url, json={"topics": {"add": ["news"]}}, auth=("x", "y"), timeout=10).status_code == 401


@pytest.mark.parametrize("payload", [{"marketingConsent": False}, {"marketingConsent": False, "tags": {"set": []}}])
def test_a_device_refuses_marketing_messages(
    connect: Connect, workspace: Workspace, live_server: object, payload: dict[str, object]
) -> None:
    device = connect()
    assert device.request("mps/profile", payload)["code"] == "100"
    assert Device.objects.get(ad_token=device.ad_token).marketing_consent is False
    url, mine = f"{live_server}/device/v1/profile", (device.ad_token, device.secret)
    for consent, code in ((None, "100"), ("no", "3028"), (True, "100")):
        assert requests.post(url, json={"marketingConsent": consent}, auth=mine, timeout=10).json()["code"] == code
    assert Device.objects.get(ad_token=device.ad_token).marketing_consent is True
