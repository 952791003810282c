"""The device simulator's side in the console: who gets a device, and what of secrets the page learns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from console.models import SimulatedDevice
from pushcore.devices import registry
from pushcore.models import Device, Message, Workspace
from tests.console.conftest import Everything

PAGE = reverse("admin:device_simulator")
SWITCH_ON = reverse("admin:device_simulator_switch_on")
PUSH = reverse("admin:device_simulator_push")


def test_an_operator_switches_on_a_device_with_a_secret_of_its_own(
    member: Callable[[str], Client], workspace: Workspace
) -> None:
    answer = member("operator").post(SWITCH_ON, {"workspace": workspace.pk}).json()
    known = registry.find_devices([answer["adToken"]])[answer["adToken"]]
    assert known.has_secret(answer["secret"])
    assert f"{answer['appId']}-{answer['workspaceId']}" == known.username
    assert workspace.client_key not in str(answer)


def test_switched_on_again_it_is_the_same_device_with_a_new_secret(
    member: Callable[[str], Client], workspace: Workspace
) -> None:
    browser = member("operator")
    first, second = (browser.post(SWITCH_ON, {"workspace": workspace.pk}).json() for _ in range(2))
    assert first["adToken"] == second["adToken"]
    assert first["secret"] != second["secret"]
    assert Device.objects.count() == 1
    assert registry.find_devices([first["adToken"]])[first["adToken"]].has_secret(second["secret"])


def test_a_device_that_was_deleted_is_made_anew(member: Callable[[str], Client], workspace: Workspace) -> None:
    browser = member("operator")
    first = browser.post(SWITCH_ON, {"workspace": workspace.pk}).json()
    Device.objects.all().delete()
    second = browser.post(SWITCH_ON, {"workspace": workspace.pk}).json()
    assert first["adToken"] != second["adToken"]
    assert SimulatedDevice.objects.count() == 1


def test_a_test_message_goes_to_the_operators_own_device(member: Callable[[str], Client], workspace: Workspace) -> None:
    browser = member("operator")
    assert browser.post(PUSH, {"workspace": workspace.pk}).status_code == 404
    ad_token = browser.post(SWITCH_ON, {"workspace": workspace.pk}).json()["adToken"]
    assert browser.post(PUSH, {"workspace": workspace.pk}).status_code == 200
    assert Message.objects.get().target == ad_token


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_who_may_not_push_gets_no_device(member: Callable[[str], Client], workspace: Workspace, role: str) -> None:
    browser = member(role)
    assert browser.get(PAGE).status_code == 403
    for address in (SWITCH_ON, PUSH):
        assert browser.post(address, {"workspace": workspace.pk}).status_code == 404
    assert not Device.objects.exists()


def test_another_apps_workspace_does_not_exist(
    member: Callable[[str], Client], workspace: Workspace, theirs: Everything
) -> None:
    browser, strange = member("administrator"), theirs[Workspace]
    assert browser.get(PAGE, {"workspace": strange.pk}).status_code == 404
    assert browser.post(SWITCH_ON, {"workspace": strange.pk}).status_code == 404
    assert browser.post(PUSH, {"workspace": strange.pk}).status_code == 404


def test_a_notification_is_headed_in_the_users_language(member: Callable[[str], Client], workspace: Workspace) -> None:
    page = member("operator").get(PAGE, headers={"accept-language": "zh-CN"}).text
    assert "应用<span data-at>" in page


def test_the_page_shows_no_key_and_no_secret(member: Callable[[str], Client], workspace: Workspace) -> None:
    page = member("operator").get(PAGE)
    assert page.status_code == 200
    assert workspace.client_key not in page.text
    assert "<script>" not in page.text.split("data-simulator", 1)[1]
    assert " onclick=" not in page.text.split("data-simulator", 1)[1]
