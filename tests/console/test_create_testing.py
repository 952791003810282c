"""Test devices of a workspace, and pushing a draft to them before anybody else gets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console import models
from console.admins.devices import as_test_device
from console.models import AuditEntry
from pushcore.channels import Platform
from pushcore.loading import wake
from pushcore.models import Device, Message, PushTask, Schedule, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.console.conftest import Everything
from tests.console.test_create_from_template import broadcast, multiple, uploaded
from tests.console.test_create_from_template import form as of_template
from tests.console.test_create_simple import CODED, form

CREATE = "/console/create/"
ADD = "/console/console/testdevice/add/"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture(autouse=True)
def template(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("parcel", "d", "Hello #name#", "Box #box# of #name#", uri="u"))


@pytest.fixture
def chosen(workspace: Workspace) -> list[str]:
    """A user and an Android device; their ids, as the page submits them."""
    device = models.TestDevice.objects.create(workspace=workspace, name="Pixel", target="ad-1", delivery_type=1)
    user = models.TestDevice.objects.create(workspace=workspace, name="Ann", target="ann", delivery_type=3)
    return [str(device.pk), str(user.pk)]


def pushed_as_test(browser: Client, kind: str, values: dict[str, Any]) -> Any:
    return browser.post(f"{CREATE}{kind}/test/", values)


def test_a_draft_goes_to_the_chosen_devices_and_says_that_it_is_a_test(
    superuser: Client, workspace: Workspace, chosen: list[str]
) -> None:
    # Without a target, and with a schedule: a test needs neither.
    values = form(workspace, target="", msgkey="", **{"sending-when": "timed"}) | {"test_devices": chosen}
    answer = pushed_as_test(superuser, "simple", values)
    assert answer.status_code == 200, answer.text
    android, user = PushTask.objects.order_by("delivery_type")
    assert (android.name, android.content["title"], user.source) == ("Test: Parcel", "Parcel", "console")
    assert [row.target for row in Message.objects.order_by("target")] == ["ad-1", "ann"]
    told = answer.json()["sent"]
    assert [one["task"] for one in told] == [str(android.pk), str(user.pk)]
    assert "Pixel" in told[0]["text"]
    assert superuser.get(told[0]["address"]).status_code == 200
    assert AuditEntry.objects.filter(action="test").count() == 2
    assert not Schedule.objects.exists()


@pytest.mark.parametrize("kind", ["template", "broadcast"])
def test_a_template_is_tested_as_it_is_filled_in(
    superuser: Client, workspace: Workspace, chosen: list[str], kind: str
) -> None:
    values = (broadcast if kind == "broadcast" else of_template)(workspace, target="", test_devices=chosen[1:])
    assert pushed_as_test(superuser, kind, values).status_code == 200
    task = PushTask.objects.get()
    assert (task.kind, task.content["title"], task.name) == ("template", "Hello Ann", "Test: parcel")


def test_a_file_is_tested_with_its_first_record(superuser: Client, workspace: Workspace, chosen: list[str]) -> None:
    file = uploaded(superuser, workspace, "alice,k1,name=Ann,box=1\nbob,k2,name=Bob,box=2\n")
    assert pushed_as_test(superuser, "multiple", multiple(workspace, file, test_devices=chosen[1:])).status_code == 200
    assert PushTask.objects.get().content["content"] == "Box 1 of Ann"
    assert pushed_as_test(superuser, "multiple", multiple(workspace, "", test_devices=chosen[1:])).status_code == 200
    assert PushTask.objects.latest("id").content["content"] == "Box #box# of #name#"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"title": ""}, "Message title: Enter a title."),
        ({"valid_seconds": "0"}, "Enter for how many seconds"),
        ({"parameters-0-value": "x"}, "A value needs a key."),
        ({"test_devices": []}, "Select a test device."),
        ({"test_devices": ["0", "x"]}, "Select a test device."),
    ],
)
def test_what_keeps_a_test_from_being_pushed_is_said(
    superuser: Client, workspace: Workspace, chosen: list[str], changes: dict[str, Any], says: str
) -> None:
    answer = pushed_as_test(superuser, "simple", form(workspace) | {"test_devices": chosen} | changes)
    assert says in " ".join(answer.json()["errors"])
    assert not CODED.search(answer.text)
    assert not PushTask.objects.exists()


def test_only_devices_of_ones_own_workspace_are_pushed_to(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    before = PushTask.objects.count()
    operator, strange = member("operator"), str(theirs[models.TestDevice].pk)
    assert "errors" in pushed_as_test(operator, "simple", form(mine[Workspace]) | {"test_devices": [strange]}).json()
    assert pushed_as_test(operator, "simple", form(theirs[Workspace]) | {"test_devices": [strange]}).status_code == 404
    viewer = member("viewer")
    own = [str(mine[models.TestDevice].pk)]
    assert pushed_as_test(viewer, "simple", form(mine[Workspace]) | {"test_devices": own}).status_code == 403
    assert PushTask.objects.count() == before


@pytest.mark.parametrize("kind", ["simple", "template", "multiple", "broadcast"])
def test_every_tab_offers_the_test_devices(
    superuser: Client, workspace: Workspace, chosen: list[str], kind: str
) -> None:
    assert "Pixel" in superuser.get(f"{CREATE}{kind}/").text
    models.TestDevice.objects.all().delete()
    assert f"{ADD}?workspace={workspace.pk}" in superuser.get(f"{CREATE}{kind}/").text


def test_a_device_is_added_from_its_page(member: Callable[[str], Client], mine: Everything) -> None:
    models.TestDevice.objects.all().delete()
    operator, device = member("operator"), mine[Device]
    leads = operator.get(f"/console/pushcore/device/{device.pk}/test-device/")
    page = operator.get(leads["Location"])
    initial = page.context["adminform"].form.initial
    assert (initial["target"], initial["name"]) == (device.ad_token, "Xiaomi 14")
    given = {"workspace": mine[Workspace].pk, "name": "Mine", "delivery_type": "1", "target": f" {device.ad_token} "}
    assert operator.post(ADD, given).status_code == 302
    assert models.TestDevice.objects.get().target == device.ad_token
    assert "test device of the workspace already" in operator.post(ADD, given | {"name": "Again"}).text


def test_a_device_on_ios_is_added_by_its_apns_token() -> None:
    device = Device(platform=Platform.IOS, third_token="a" * 64, ad_token="ad", workspace_id=1)
    assert as_test_device(device)["target"] == "a" * 64


def test_test_devices_are_bounded(superuser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.admins.testing_devices.MAX_TEST_DEVICES", 1)
    models.TestDevice.objects.create(workspace=workspace, name="One", target="1")
    given = {"workspace": workspace.pk, "name": "Two", "delivery_type": "1", "target": "2"}
    assert "1 test devices at most" in superuser.post(ADD, given).text
