"""Segments in the console: kept by whoever may push, counted while edited, pushed to once their number is typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import AuditEntry
from console.pages.create.duplicating import copy_of
from pushcore.audience import names, profiles, segments
from pushcore.audience.changes import NamesChange, ProfileChange
from pushcore.channels import Platform
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.state import TargetType
from pushcore.loading import load, wake
from pushcore.models import AudienceName, AudienceWalk, Binding, Device, Message, PushTask, Segment, Workspace
from pushcore.push import pushes
from pushcore.push.requests import AudiencePush
from pushcore.schedules import service
from pushcore.schedules.times import Timed
from tests.console.conftest import BY_TEST, Everything
from tests.console.test_create_simple import form

CREATE = "/console/create/audience/"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture
def iphones(workspace: Workspace) -> Segment:
    registry.register(
        [(workspace, DeviceInfo(platform=platform)) for platform in (Platform.IOS, Platform.IOS, Platform.WEB)]
    )
    return segments.create(workspace, "iphones", {"platform": "ios"})


@pytest.mark.django_db(transaction=True)
def test_a_push_to_a_segment_is_sent_at_the_local_time_that_was_typed(
    superuser: Client, workspace: Workspace, iphones: Segment
) -> None:
    typed = form(workspace, step="review", segment="iphones", title="To iPhones", local_time="09:30")
    review = superuser.post(CREATE, typed)
    assert "At the local time" in review.text
    superuser.post(CREATE, typed | {"step": "send", "counted": review.context["counted"], "devices": "2"})
    load.load_all()
    task = PushTask.objects.get()
    walk = AudienceWalk.objects.get(pk=task.pk)
    assert (f"{walk.local_time:%H:%M}", walk.waves.count(), walk.finished_at) == ("09:30", 1, None)
    page = superuser.get(f"/console/pushcore/pushtask/{task.pk}/change/").text
    assert "Local time" in page
    assert "Next wave" in page
    copied = superuser.get(CREATE, {"from": task.pk}).text
    assert 'value="09:30"' in copied
    assert f'value="{typed["valid_seconds"]}"' in copied


@pytest.mark.django_db(transaction=True)
def test_a_push_to_a_segment_has_the_pace_that_was_typed(
    superuser: Client, workspace: Workspace, iphones: Segment
) -> None:
    typed = form(workspace, step="review", segment="iphones", title="To iPhones", messages_per_second="0")
    assert "A number from 1 to 100,000, or nothing." in superuser.post(CREATE, typed).text
    typed |= {"messages_per_second": "1500"}
    review = superuser.post(CREATE, typed)
    assert "Messages a second" in review.text
    superuser.post(CREATE, typed | {"step": "send", "counted": review.context["counted"], "devices": "2"})
    task = PushTask.objects.get()
    assert AudienceWalk.objects.get(pk=task.pk).messages_per_second == 1500
    assert "1,500" in superuser.get(f"/console/pushcore/pushtask/{task.pk}/change/").text
    copied = superuser.get(CREATE, {"from": task.pk})
    assert 'value="1500"' in copied.text


@pytest.mark.django_db(transaction=True)
def test_a_push_to_a_segment_is_sent_at_the_best_time_within_the_hours_that_were_typed(
    superuser: Client, workspace: Workspace, iphones: Segment
) -> None:
    typed = form(workspace, step="review", segment="iphones", title="To iPhones", best_time_hours="25")
    assert "A number from 1 to 24, or nothing" in superuser.post(CREATE, typed).text
    typed |= {"best_time_hours": "13"}
    review = superuser.post(CREATE, typed)
    superuser.post(CREATE, typed | {"step": "send", "counted": review.context["counted"], "devices": "2"})
    task = PushTask.objects.get()
    assert AudienceWalk.objects.get(pk=task.pk).best_time_hours == 13
    assert "Best time within (hours)" in superuser.get(f"/console/pushcore/pushtask/{task.pk}/change/").text
    copied = superuser.get(CREATE, {"from": task.pk}).text
    assert 'value="13"' in copied
    assert f'value="{typed["valid_seconds"]}"' in copied


@pytest.mark.django_db(transaction=True)
def test_a_push_to_a_segment_is_spread_over_the_period_that_was_typed(
    superuser: Client, workspace: Workspace, iphones: Segment
) -> None:
    typed = form(workspace, step="review", segment="iphones", title="To iPhones", over_seconds="2700")
    refused = superuser.post(CREATE, typed | {"messages_per_second": "5", "valid_seconds": "7200"}).text
    assert "not beside a number of messages a second" in refused
    typed |= {"valid_seconds": "7200"}
    assert "Enter a URL without" in superuser.post(CREATE, typed | {"pace_url": "ftp://shop"}).text
    typed |= {"pace_url": "https://shop.example/pace?token=secret"}
    review = superuser.post(CREATE, typed)
    superuser.post(CREATE, typed | {"step": "send", "counted": review.context["counted"], "devices": "2"})
    task = PushTask.objects.get()
    assert AudienceWalk.objects.get(pk=task.pk).over_seconds == 2700
    AudienceWalk.objects.update(held_since=datetime(2026, 6, 1, 9, 30, tzinfo=UTC))
    shown = superuser.get(f"/console/pushcore/pushtask/{task.pk}/change/").text
    for part in ("2,700", "shop.example", "Held by the callback since", "2026-06-01 09:30"):
        assert part in shown, part
    copied = superuser.get(CREATE, {"from": task.pk}).text
    assert 'value="2700"' in copied
    assert "Its pace URL is not copied." in copied
    assert "token=secret" not in shown + copied


@pytest.mark.django_db(transaction=True)
def test_a_push_to_a_segment_is_sent_once_its_number_of_devices_is_typed(
    superuser: Client, workspace: Workspace, iphones: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'value="iphones" selected' in superuser.get(CREATE, {"segment": "iphones"}).text
    typed = form(workspace, step="review", segment="iphones", title="To iPhones")
    review = superuser.post(CREATE, typed)
    assert "The devices of the segment iphones" in review.text
    assert (review.context["reach"].number, review.context["reach"].number_to_type) == ("2", 2)
    send = typed | {"step": "send", "counted": review.context["counted"]}
    assert "that is not the number of devices" in superuser.post(CREATE, send | {"devices": "3"}).text
    assert not PushTask.objects.exists()
    superuser.post(CREATE, send | {"devices": "2"})
    task = PushTask.objects.get()
    load.load_all()
    assert (task.kind, Message.objects.filter(task=task).count()) == ("audience", 2)
    assert AudienceWalk.objects.get().segment_name == "iphones"
    page = superuser.get(f"/console/pushcore/pushtask/{task.pk}/change/").text
    assert "iphones" in page
    assert "2 devices found" in page
    assert copy_of(task).typed["segment"] == "iphones"
    segments.delete(workspace, "iphones")
    assert copy_of(task).notes == ["The segment iphones does not exist any more."]
    assert superuser.get(CREATE, {"from": task.pk}).status_code == 200


def test_a_push_with_a_condition_of_its_own_is_copied_without_it(workspace: Workspace) -> None:
    request = AudiencePush(condition={"bound": True}, msgkey="k", expired_seconds=60, title="T", content="C")
    [note] = copy_of(pushes.accept(workspace, request, **BY_TEST)).notes
    assert note == "Its condition is not copied: save it as a segment, and select that."


def test_a_segment_that_has_nobody_is_not_pushed_to(superuser: Client, workspace: Workspace) -> None:
    segments.create(workspace, "nobody", {"platform": "web"})
    review = superuser.post(CREATE, form(workspace, step="review", segment="nobody"))
    assert "Nobody would get this: it is not sent." in review.text


ADD = "/console/pushcore/segment/add/"


def typed(workspace: Workspace, **changes: str) -> dict[str, str]:
    return {"workspace": str(workspace.pk), "name": "iphones", "condition": '{"platform": "ios"}'} | changes


def test_an_operator_makes_changes_and_deletes_a_segment(member: Callable[[str], Client], workspace: Workspace) -> None:
    browser = member("operator")
    names.make(workspace.pk, names.Kind.TAG, ["vip"])
    answer = browser.post(ADD, typed(workspace, name=" iPhones  ", description="of all"), follow=True)
    assert answer.redirect_chain
    segment = Segment.objects.get()
    assert (segment.name, segment.condition, segment.saved_by) == ("iPhones", {"platform": "ios"}, "a-operator")
    page = f"/console/pushcore/segment/{segment.pk}"
    assert "&quot;platform&quot;: &quot;ios&quot;" in browser.get(f"{page}/change/").text
    browser.post(f"{page}/change/", {"condition": "'vip' in tags && !('vip' in tags)", "name": "other"})
    segment.refresh_from_db()
    wanted = {"and": [{"tag": "vip"}, {"not": {"tag": "vip"}}]}
    assert (segment.name, segment.condition) == ("iPhones", wanted)
    changes = [entry.details for entry in AuditEntry.objects.filter(object_type="segment").order_by("pk")]
    assert changes == [{"what": "Added."}, {"what": "Changed Description and Condition."}]
    listed = browser.get("/console/pushcore/segment/").text
    assert "iPhones" in listed
    assert f"/console/create/audience/?workspace={workspace.pk}&amp;segment=iPhones" in listed
    browser.post(f"{page}/delete/", {"post": "yes"})
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"condition": "{"}, "This is no JSON: line 1, column 2."),
        ({"condition": '{"tag": "vpi"}'}, "the workspace has no tag &#x27;vpi&#x27;"),
        ({"condition": "[" * 100_000}, "at most 32768 characters"),
        ({"condition": '{"a": ' * 4000 + "1" + "}" * 4000}, "It is nested too deeply."),
        ({"condition": '{"a": {"b": 1}}'}, "Illegal condition: condition: &#x27;a&#x27; is none of"),
        ({"condition": ""}, "This field is required"),
        ({"name": "taken"}, "The workspace has a segment of this name already."),
        ({"name": " "}, "This field is required"),
        ({"name": "a\nb"}, "1 to 64 characters, in one line"),
        ({"description": "d" * 201}, "at most 200 characters"),
    ],
)
def test_what_is_wrong_with_a_segment_is_said_at_the_form(
    superuser: Client, workspace: Workspace, changes: dict[str, str], said: str
) -> None:
    segments.create(workspace, "taken", {"bound": True})
    assert said in superuser.post(ADD, typed(workspace, **changes)).text
    assert Segment.objects.count() == 1


def test_a_segment_that_a_schedule_needs_is_not_deleted(superuser: Client, workspace: Workspace) -> None:
    segment = segments.create(workspace, "phones", {"bound": True})
    request = AudiencePush(segment_name="phones", msgkey="k", expired_seconds=60, title="T", content="C")
    schedule = service.create(workspace, request, Timed(timezone.now() + timedelta(hours=1)), **BY_TEST)
    shown = superuser.get(f"/console/pushcore/schedule/{schedule.pk}/change/").text
    assert f'href="/console/pushcore/segment/{segment.pk}/change/">phones</a>' in shown
    page = f"/console/pushcore/segment/{segment.pk}/delete/"
    assert "needed by schedule" in superuser.get(page).text
    superuser.post(page, {"post": "yes"})
    assert Segment.objects.exists()


def test_devices_are_counted_while_a_condition_is_written(
    member: Callable[[str], Client], workspace: Workspace, iphones: Segment
) -> None:
    def said(browser: Client, condition: str, number: int = workspace.pk) -> Any:
        return browser.post("/console/segments/count/", {"workspace": str(number), "condition": condition})

    operator = member("operator")
    assert said(operator, '{"platform": "ios"}').json() == {"text": "Devices that meet it now: 2."}
    assert said(operator, '{"platform": "ios"').json() == {"error": "This is no JSON: line 1, column 19."}
    assert "the workspace has no tag 'a'" in said(operator, "'a' in tags").json()["error"]
    assert said(operator, '{"a": ' * 4000 + "1" + "}" * 4000).json() == {"error": "It is nested too deeply."}
    assert said(operator, "{}", number=0).status_code == 404
    assert said(member("viewer"), "{}").status_code == 403


def test_tags_are_listed_and_removed_by_administrators(member: Callable[[str], Client], workspace: Workspace) -> None:
    token = registry.register([(workspace, DeviceInfo())])[0][0].ad_token
    change = ProfileChange(tags=NamesChange(("vip", "trial")), topics=NamesChange(("news",)))
    profiles.update(workspace.pk, TargetType.DEVICE, [token], change)
    vip = AudienceName.objects.get(name="vip")
    administrator = member("administrator")
    listed = administrator.get("/console/pushcore/audiencename/", {"kind": "1"}).text
    assert "vip" in listed
    assert "news" not in listed
    page = f"/console/pushcore/audiencename/{vip.pk}"
    assert "devices that have it" in administrator.get(f"{page}/change/").text.lower()
    assert member("operator").post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    administrator.post(f"{page}/delete/", {"post": "yes"})
    assert administrator.get(f"{page}/change/").status_code == 404
    assert "vip" not in administrator.get("/console/pushcore/audiencename/").text
    device = profiles.profile_of(workspace.pk, TargetType.DEVICE, token)
    assert device
    assert device.tags == ["trial"]


def test_a_devices_page_shows_what_is_known_of_it_and_of_its_user(superuser: Client, mine: Everything) -> None:
    device, workspace = mine[Device], mine[Workspace]
    own = ProfileChange(tags=NamesChange(("tablet",)), attributes={"seen": {"time": 1_767_225_600_000}})
    users = ProfileChange(topics=NamesChange(("news",)), attributes={"city": "<Oslo>"})
    profiles.update(workspace.pk, TargetType.DEVICE, [device.ad_token], own)
    profiles.update(workspace.pk, TargetType.USER, [mine[Binding].user_id], users)
    page = superuser.get(f"/console/pushcore/device/{device.pk}/change/").text
    assert re.search(r"of the device:</small> <span[^>]*><code>tablet</code>", page)
    assert re.search(r"of its user:</small> <span[^>]*><code>news</code>", page)
    assert "<code>city: &lt;Oslo&gt;</code>" in page
    assert "<code>seen: 2026-01-01 " in page
