"""The query tool."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from pushcore.channels import Channel
from pushcore.devices import client_requests, registry, removal
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, Message, Workspace
from tests.console.conftest import Everything

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
    assert "offline" in page.text
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
