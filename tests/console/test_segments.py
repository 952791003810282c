"""Segments in the console: kept by whoever may push, counted while edited, pushed to once their number is typed."""

from __future__ import annotations

import pytest
from django.test import Client

from console.pages.create.duplicating import copy_of
from pushcore.audience import segments
from pushcore.channels import Platform
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import load, wake
from pushcore.models import AudienceWalk, Message, PushTask, Segment, Workspace
from pushcore.push import pushes
from pushcore.push.requests import AudiencePush
from tests.console.conftest import BY_TEST
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
