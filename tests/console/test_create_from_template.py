"""Create a message: template push, broadcast, multiple push from a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import AuditEntry
from console.pages.create import confirming
from pushcore.channels import Channel, Platform
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.loading import load, wake
from pushcore.models import (
    Binding,
    Broadcast,
    Device,
    FileImport,
    Message,
    PushTask,
    Schedule,
    Template,
    Workspace,
)
from pushcore.push import audience_estimate, templates
from pushcore.push.templates import TemplateDraft
from tests.console.conftest import Everything

CREATE = "/console/create/"


@pytest.fixture
def template(workspace: Workspace) -> Template:
    return templates.create(workspace, TemplateDraft("parcel", "d", "Hello #name#", "Box #box# of #name#", uri="u"))


@pytest.fixture
def silent(workspace: Workspace) -> Template:
    return templates.create(workspace, TemplateDraft("quiet", "d", "Sync", "Now", silent=1))


def form(into: Workspace, **changes: Any) -> dict[str, Any]:
    return {
        "step": "send",
        "workspace": str(into.pk),
        "target_type": "user",
        "target": "alice",
        "msgkey": "console_1",
        "template": "parcel",
        "value_0": "A1",
        "value_1": "Ann",
        "android_channel": "0",
        "valid_seconds": "180",
        "sending-when": "now",
        "parameters-TOTAL_FORMS": "0",
        "parameters-INITIAL_FORMS": "0",
    } | changes


def broadcast(into: Workspace, **changes: Any) -> dict[str, Any]:
    return form(into, platform="1", login_status="0", logout_period="1") | changes


def confirmed(browser: Client, values: dict[str, Any], **changes: str) -> Any:
    """Review a broadcast, type the number of devices it names, send it; `changes`: of what is sent then."""
    asked = browser.post(f"{CREATE}broadcast/", values | {"step": "review"})
    typed = {"devices": str(asked.context["reach"].number_to_type), "counted": asked.context["counted"]}
    return browser.post(f"{CREATE}broadcast/", values | typed | changes)


# -- template push ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("template")
def test_a_template_is_filled_in(superuser: Client, workspace: Workspace) -> None:
    superuser.post(f"{CREATE}template/", form(workspace))
    task, message = PushTask.objects.get(), Message.objects.get()
    assert (task.kind, task.content["title"], task.content["content"]) == ("template", "Hello Ann", "Box A1 of Ann")
    assert (message.target, message.msgkey) == ("alice", "console_1")


@pytest.mark.usefixtures("template")
def test_the_page_asks_for_the_placeholders_of_the_chosen_template(superuser: Client, workspace: Workspace) -> None:
    assert superuser.get(f"{CREATE}template/").context["form"].placeholders == []
    page = superuser.get(f"{CREATE}template/", {"template": "parcel"})
    assert [field.label for field in page.context["form"].placeholders] == ["#box#", "#name#"]


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"template": ""}, "Select a template."), ({"template": "unknown"}, "Select a valid choice"),
        ({"value_0": ""}, "Enter a value for each placeholder."), ({"target": ""}, "Enter a target ID."),
        ({"valid_seconds": ""}, "Enter for how many seconds"),
        ({"template": "a\0b"}, "Null characters"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", ["review", "send"])
def test_a_template_push_that_lacks_something_is_refused(
    superuser: Client, workspace: Workspace, changes: dict[str, str], says: str, step: str
) -> None:
    answer = superuser.post(f"{CREATE}template/", form(workspace, step=step, **changes))
    assert answer.status_code == 200
    assert says in answer.text
    assert not PushTask.objects.exists()


@pytest.mark.usefixtures("silent")
def test_a_silent_template_goes_the_self_built_way(superuser: Client, workspace: Workspace) -> None:
    page = superuser.get(f"{CREATE}template/", {"template": "quiet"})
    assert 'name="android_channel"' not in page.text
    superuser.post(f"{CREATE}template/", form(workspace, template="quiet"))
    task = PushTask.objects.get()
    assert (task.options["androidChannel"], task.content["silent"]) == (1, 1)


@pytest.mark.usefixtures("template")
def test_the_preview_shows_the_template_as_far_as_it_is_filled_in(superuser: Client, workspace: Workspace) -> None:
    made = superuser.post(f"{CREATE}template/preview/", form(workspace, value_1="")).json()
    assert (made["title"], made["body"]) == ("Hello #name#", "Box A1 of #name#")
    assert json.loads(made["android"])["bData"]["templateCode"] == "parcel"
    nothing = superuser.post(f"{CREATE}template/preview/", form(workspace, template="")).json()
    assert nothing["android"] == ""


def test_a_template_of_another_workspace_is_not_offered(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    other = theirs[Template]
    browser = member("operator")
    assert other.name not in browser.get(f"{CREATE}template/").text
    before = PushTask.objects.count()
    answer = browser.post(f"{CREATE}template/", form(mine[Workspace], template=other.name, value_0="x"))
    assert answer.status_code == 200
    assert PushTask.objects.count() == before


# -- broadcast --------------------------------------------------------------------------------------------------------


@pytest.fixture
def android(workspace: Workspace) -> list[KnownDevice]:
    """Two devices."""
    return [device for device, _ in registry.register([(workspace, DeviceInfo())] * 2)]


@pytest.fixture
def iphone(workspace: Workspace) -> Device:
    """A user is bound to it, and another was."""
    [(known, _)] = registry.register([(workspace, DeviceInfo(platform=Platform.IOS, third_token="a" * 64))])
    Device.objects.filter(pk=known.id).update(third_channel=Channel.APNS)
    now = timezone.now()
    for user, unbound_at in (("ann", now), ("bob", None)):
        Binding.objects.create(
            workspace=workspace, device_id=known.id, user_id=user, bound_at=now, unbound_at=unbound_at
        )
    return Device.objects.get(pk=known.id)


@pytest.mark.usefixtures("template", "android")
def test_a_broadcast_is_sent_to_the_number_of_devices_that_was_typed(superuser: Client, workspace: Workspace) -> None:
    asked = superuser.post(f"{CREATE}broadcast/", broadcast(workspace, step="review"))
    assert asked.context["reach"].number == "2"
    assert not Broadcast.objects.exists()
    confirmed(superuser, broadcast(workspace))
    made = Broadcast.objects.get()
    assert (made.platform, made.msgkey, made.self_built) == (1, "console_1", True)
    assert made.task.content["title"] == "Hello Ann"
    assert AuditEntry.objects.get(action="push").details == {"devices": "2"}


@pytest.mark.usefixtures("template", "android")
@pytest.mark.parametrize("typed", ["", "0", "1", "3", "two", "٢", "2" * 40, "2\0"])
def test_another_number_broadcasts_nothing(superuser: Client, workspace: Workspace, typed: str) -> None:
    answer = confirmed(superuser, broadcast(workspace), devices=typed)
    assert answer.status_code == 200
    assert "Nothing was pushed" in answer.text
    assert not PushTask.objects.exists()


@pytest.mark.usefixtures("template", "android")
@pytest.mark.parametrize(
    "changes",
    [
        {"value_1": "Somebody else"},
        {"platform": str(Platform.HARMONYOS.value)},
        {"sending-when": "timed", "sending-at": "2027-01-01T10:00"},
        {"parameters-TOTAL_FORMS": "1", "parameters-0-key": "k", "parameters-0-value": "v"},
        {"counted": ""},
        {"counted": "forged"},
    ],
)
def test_a_number_typed_for_one_broadcast_sends_no_other(
    superuser: Client, workspace: Workspace, changes: dict[str, str]
) -> None:
    assert confirmed(superuser, broadcast(workspace), **changes).status_code == 200
    assert not PushTask.objects.exists()
    assert not Schedule.objects.exists()


@pytest.mark.usefixtures("template", "android")
def test_a_number_is_good_while_it_was_read_just_now(
    superuser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "VALID_SECONDS", -1)
    assert "Nothing was pushed" in confirmed(superuser, broadcast(workspace)).text
    assert not PushTask.objects.exists()


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize("platform", [str(one.value) for one in (Platform.ANDROID, Platform.IOS, Platform.HARMONYOS)])
def test_a_broadcast_for_no_device_is_not_sent(superuser: Client, workspace: Workspace, platform: str) -> None:
    answer = confirmed(superuser, broadcast(workspace, platform=platform))
    assert "Nobody would get this" in answer.text
    assert 'value="send"' not in answer.text
    assert not PushTask.objects.exists()


@pytest.mark.usefixtures("template", "android")
def test_thousands_may_be_set_apart(superuser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience_estimate, "of_broadcast", lambda *_: 1234567)
    asked = superuser.post(f"{CREATE}broadcast/", broadcast(workspace, step="review"))
    assert (asked.context["reach"].number, asked.context["reach"].number_to_type) == ("more than 1,000,000", 1000000)
    confirmed(superuser, broadcast(workspace), devices=" 1,000,000 ")
    assert Broadcast.objects.exists()


@pytest.mark.usefixtures("template", "iphone")
@pytest.mark.parametrize(("status", "period", "unbound"), [("0", "1", False), ("1", "2", True), ("1", "4", True)])
def test_a_broadcast_to_ios_is_chosen_by_login(
    superuser: Client, workspace: Workspace, status: str, period: str, unbound: bool
) -> None:
    confirmed(superuser, broadcast(workspace, platform="2", login_status=status, logout_period=period))
    made = Broadcast.objects.get()
    assert (made.platform, made.bound is not None, made.unbound is not None) == (2, True, unbound)
    if unbound:
        assert made.unbound is not None
        assert (made.unbound[0] is None) == (period == "4")


@pytest.mark.usefixtures("template", "android")
def test_login_counts_for_ios_alone(superuser: Client, workspace: Workspace) -> None:
    confirmed(superuser, broadcast(workspace, login_status="1"))
    assert Broadcast.objects.get().unbound is None


# -- multiple push ----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


FILE = "alice,k1,name=Ann,box=1\nbob,k2,name=Bob,box=2\nno comma\ncarol,k3,name=Carol\n"


def uploaded(browser: Client, workspace: Workspace, data: str | bytes = FILE) -> str:
    answer = browser.post(f"{CREATE}file/?workspace={workspace.pk}", data, content_type="application/octet-stream")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["file"])


def multiple(into: Workspace, file: str, **changes: Any) -> dict[str, Any]:
    return form(into, file=file, file_name="winners.csv") | changes


@pytest.mark.usefixtures("template", "transactional_db")
def test_a_file_is_uploaded_looked_at_and_pushed(superuser: Client, mine: Everything) -> None:
    workspace = mine[Workspace]
    before = PushTask.objects.count()
    file = uploaded(superuser, workspace, FILE.replace("alice", f"user-{workspace.pk}"))
    shown = superuser.post(f"{CREATE}file/inspect/?workspace={workspace.pk}", multiple(workspace, file))
    assert "Box 2 of Bob" in shown.text
    assert "no comma" in shown.text
    assert (shown.context["found"].records, shown.context["found"].faults) == (2, 2)
    values = multiple(workspace, file, findings=shown.context["signed"])
    asked = superuser.post(f"{CREATE}multiple/", values | {"step": "review"})
    assert (asked.context["reach"].number, asked.context["reach"].unit) == ("2", "records to push")
    assert "Lines at fault, left out: 2." in asked.text
    assert "have 1 devices now" in asked.text
    assert PushTask.objects.count() == before
    answer = superuser.post(f"{CREATE}multiple/", values)
    task = PushTask.objects.latest("id")
    assert answer["Location"] == f"/console/pushcore/pushtask/{task.pk}/change/"
    assert (task.kind, task.name, task.source) == ("multiple", "Console winners.csv", "console")
    assert load.load_all() == 2
    assert superuser.post(f"{CREATE}multiple/", values)["Location"] == answer["Location"]


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize(
    ("when", "times"),
    [
        ({"sending-when": "timed", "sending-at": "2027-03-01T08:00"}, 1),
        ({"sending-when": "cyclic", "sending-first_day": "2027-03-01", "sending-last_day": "2027-03-07",
          "sending-circle": "1", "sending-time_of_day": "08:00"}, 7),
    ],
)  # fmt: skip
def test_a_file_is_scheduled(superuser: Client, workspace: Workspace, when: dict[str, str], times: int) -> None:
    values = multiple(workspace, uploaded(superuser, workspace), task_name="Winners") | when
    asked = superuser.post(f"{CREATE}multiple/", values | {"step": "review"})
    assert "The message is pushed at its time." in asked.text
    answer = superuser.post(f"{CREATE}multiple/", values)
    schedule = Schedule.objects.get()
    assert answer["Location"] == f"/console/pushcore/schedule/{schedule.pk}/change/"
    assert (schedule.name, str(schedule.file_id), schedule.occurrences.count()) == ("Winners", values["file"], times)
    assert superuser.post(f"{CREATE}multiple/", values)["Location"] == answer["Location"]
    assert superuser.get(answer["Location"]).status_code == 200
    assert not PushTask.objects.exists()


@pytest.mark.usefixtures("template")
def test_findings_that_are_not_ours_are_found_anew(superuser: Client, workspace: Workspace) -> None:
    file = uploaded(superuser, workspace)
    other = uploaded(superuser, workspace, "dave,k4,name=D,box=4\n")
    signed = superuser.post(
        f"{CREATE}file/inspect/?workspace={workspace.pk}", multiple(workspace, other)
    ).context["signed"]  # fmt: skip
    for findings in ("", "forged", signed):
        values = multiple(workspace, file, findings=findings, step="review")
        assert superuser.post(f"{CREATE}multiple/", values).context["reach"].number == "2"


@pytest.mark.usefixtures("template")
def test_a_file_without_a_record_is_not_sent(superuser: Client, workspace: Workspace) -> None:
    file = uploaded(superuser, workspace, "no comma\n")
    for step in ("review", "send"):
        answer = superuser.post(f"{CREATE}multiple/", multiple(workspace, file, step=step))
        assert "Nobody would get this" in answer.text
    assert not PushTask.objects.exists()


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "Select a file"), (b"a,b\xff\n", "not UTF-8"), (b"x" * 2000, "too large: 1,000 bytes at most")],
)
def test_a_file_that_is_no_file_of_targets_is_refused_and_forgotten(
    superuser: Client, workspace: Workspace, settings: Any, data: bytes, says: str
) -> None:
    settings.MAX_FILE_BYTES = 1000
    answer = superuser.post(f"{CREATE}file/?workspace={workspace.pk}", data, content_type="application/octet-stream")
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert not FileImport.objects.exists()


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize("file", ["", "1", "x", "9" * 30])
def test_a_push_without_its_file_is_refused(superuser: Client, workspace: Workspace, file: str) -> None:
    for step in ("review", "send"):
        answer = superuser.post(f"{CREATE}multiple/", multiple(workspace, file, step=step))
        assert answer.status_code == 200
        assert answer.context["form"].errors
    assert superuser.post(f"{CREATE}file/inspect/?workspace={workspace.pk}", {"file": file}).status_code == 200


@pytest.mark.usefixtures("template")
def test_nobody_uploads_into_or_pushes_a_file_of_another_app(
    member: Callable[[str], Client], superuser: Client, mine: Everything, theirs: Everything
) -> None:
    browser, before = member("operator"), PushTask.objects.count()
    strange = theirs[Workspace]
    assert browser.post(f"{CREATE}file/?workspace={strange.pk}", FILE, content_type="text/csv").status_code == 404
    file = uploaded(superuser, strange)
    shown = browser.post(
        f"{CREATE}file/inspect/?workspace={mine[Workspace].pk}", multiple(mine[Workspace], file)
    )  # fmt: skip
    assert "alice" not in shown.text
    assert browser.post(f"{CREATE}multiple/", multiple(mine[Workspace], file)).status_code == 200
    assert PushTask.objects.count() == before
    viewer = member("viewer")
    assert (
        viewer.post(f"{CREATE}file/?workspace={mine[Workspace].pk}", FILE, content_type="text/csv").status_code == 403
    )


def test_there_is_no_fifth_kind(superuser: Client, workspace: Workspace) -> None:
    assert superuser.get(f"{CREATE}nonsense/").status_code == 404
    assert superuser.post(f"{CREATE}nonsense/preview/", {"workspace": workspace.pk}).status_code == 404
