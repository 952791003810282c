"""The query tool."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pushcore.channels import Channel
from pushcore.devices import client_requests, registry, removal, server_requests
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, Message, Workspace
from pushcore.push import pushes
from tests.console.conftest import BY_TEST, Everything, a_push

PAGE = "/console/query-tool/"


@pytest.mark.parametrize("dimension", ["user", "device"])
def test_a_device_is_found_by_its_user_and_by_its_id(
    member: Callable[[str], Client], mine: Everything, dimension: str
) -> None:
    workspace, device = mine[Workspace], mine[Device]
    target = f"user-{workspace.pk}" if dimension == "user" else device.ad_token
    page = member("viewer").get(PAGE, {"dimension": dimension, "target": target})
    [found] = page.context["found"]
    assert (found.device, found.user_id) == (device, f"user-{workspace.pk}")
    assert [message.pk for message, _ in found.messages] == [mine[Message].pk]
    assert len(found.bindings) == 1
    assert "Offline" in page.text
    assert device.secret_hash not in page.text


@pytest.mark.parametrize("target", ["nobody", "", "x" * 600, "a\0b"])
def test_what_is_unknown_or_nonsense_is_said(superuser: Client, mine: Everything, target: str) -> None:
    page = superuser.get(PAGE, {"workspace": mine[Workspace].pk, "dimension": "user", "target": target})
    assert page.status_code == 200
    assert not page.context.get("found")


def test_a_refused_id_is_refused_in_the_users_language(superuser: Client, mine: Everything) -> None:
    asked = {"workspace": mine[Workspace].pk, "dimension": "user", "target": "x" * 300}
    page = superuser.get(PAGE, asked, headers={"accept-language": "zh-CN"})
    assert "目标 ID 过长。" in page.text


@pytest.mark.parametrize("ended", [False, True])
def test_a_devices_page_says_to_which_device_its_token_went(superuser: Client, mine: Everything, ended: bool) -> None:
    device, workspace = mine[Device], mine[Workspace]
    client_requests.report(device.pk, Channel.XIAOMI, "mi")
    [(phone, _)] = registry.register([(workspace, DeviceInfo(third_channel=4, third_token="mi"))])
    if ended:
        removal.remove([phone.id])
    page = superuser.get(reverse("admin:pushcore_device_change", args=[device.pk])).text
    assert "Tokens that another device reported" in page
    assert (phone.ad_token in page) is not ended


def test_another_apps_device_is_not_found(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("viewer")
    strange = theirs[Device].ad_token
    assert browser.get(PAGE, {"dimension": "device", "target": strange}).context["found"] == []
    asked = {"workspace": theirs[Workspace].pk, "dimension": "device", "target": strange}
    assert browser.get(PAGE, asked).status_code == 404


def test_a_user_of_many_devices_takes_no_more_queries_than_one_of_a_single_device(
    superuser: Client, mine: Everything
) -> None:
    workspace = mine[Workspace]
    user = f"user-{workspace.pk}"
    asked = {"workspace": workspace.pk, "dimension": "user", "target": user}
    superuser.get(PAGE, asked)
    with CaptureQueriesContext(connection) as for_one:
        superuser.get(PAGE, asked)
    more = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 3)]
    for device in more:
        server_requests.bind(workspace, user, device.ad_token, 1)
    pushes.accept(workspace, a_push({user: "to all"}), **BY_TEST)
    with CaptureQueriesContext(connection) as for_four:
        found = superuser.get(PAGE, asked).context["found"]
    assert len(for_four) == len(for_one)
    assert {one.device.pk for one in found} == {mine[Device].pk, *(device.id for device in more)}
    for one in found:
        assert [binding.user_id for binding in one.bindings] == [user]
        assert one.messages
        assert {message.device_id for message, _ in one.messages} == {one.device.pk}
        numbers = [message.pk for message, _ in one.messages]
        assert numbers == sorted(numbers, reverse=True)
