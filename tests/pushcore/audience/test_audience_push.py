"""A push to the devices that meet a condition: all of them get it, once, whatever becomes of the workers meanwhile."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from django.db import connection

from pushcore.audience import conditions, names, profiles, resolve
from pushcore.audience.changes import NamesChange, ProfileChange
from pushcore.audience.source import AudienceSource
from pushcore.channels import Platform
from pushcore.codes.results import ResultError
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.state import TargetType
from pushcore.loading import load, messages, wake
from pushcore.models import AudienceName, AudienceProfile, AudienceWalk, Device, Message, PushTask, Workspace
from pushcore.push import pushes
from pushcore.push.requests import AudiencePush, as_json, from_json
from pushcore.revocation import revocations
from tests.pushcore.audience.test_conditions import NAMES, a_condition, a_population, meets
from tests.pushcore.conftest import RecordingLane
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

Push = Callable[..., PushTask]
# Far more than any step should take.
PATIENCE_SECONDS = 60


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have tests load messages themselves."""
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "PAGE", 7)


@pytest.fixture
def push(workspace: Workspace) -> Push:
    """Push to an audience; further arguments override the request's fields."""

    def accept(condition: Any, msgkey: str = "k", **changes: Any) -> PushTask:
        fields: dict[str, Any] = {"expired_seconds": 300, "title": "Title", "content": "Content"}
        request = AudiencePush(condition=condition, msgkey=msgkey, **(fields | changes))
        return pushes.accept(workspace, request, source=PushTask.Source.REST, author="test")

    return accept


def fleet(workspace: Workspace, count: int, *infos: DeviceInfo) -> list[int]:
    kinds = infos or (DeviceInfo(),)
    registered = registry.register([(workspace, kinds[number % len(kinds)]) for number in range(count)])
    return [device.id for device, _ in registered]


def reached(task: PushTask) -> list[int | None]:
    return list(Message.objects.filter(task=task).order_by("device_id").values_list("device_id", flat=True))


def test_each_device_of_any_platform_gets_one_message_of_its_own_type(
    workspace: Workspace, push: Push, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "online", set)
    android, ios, web = fleet(
        workspace, 3, DeviceInfo(), DeviceInfo(platform=Platform.IOS), DeviceInfo(platform=Platform.WEB)
    )
    task = push({"or": [{"platform": "android"}, {"platform": "ios"}]}, uri="https://example.com")
    assert (task.kind, task.delivery_type, task.message_count) == (PushTask.Kind.AUDIENCE, 10, 0)
    assert load.load_all() == 2
    rows = {row.device_id: row for row in Message.objects.filter(task=task)}
    assert {pk: row.delivery_type for pk, row in rows.items()} == {android: 1, ios: 2}
    assert {row.target for row in rows.values()} == set(
        Device.objects.filter(pk__in=[android, ios]).values_list("ad_token", flat=True)
    )
    assert {(row.kind, row.msgkey, row.status, row.title) for row in rows.values()} == {
        (Message.Kind.AUDIENCE, "k", 0, "Title")
    }
    assert sorted(outgoing.device_id for outgoing in lane.got) == [android, ios]
    assert {outgoing.content["url"] for outgoing in lane.got} == {"https://example.com"}
    task.refresh_from_db()
    assert task.message_count == task.own_messages().count() == 2
    walk = AudienceWalk.objects.get()
    assert (walk.found, walk.finished_at is None, walk.leased_until) == (2, False, None)
    assert web not in rows


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.usefixtures("small_pages")
def test_random_conditions_reach_what_a_plain_recount_chooses(workspace: Workspace, push: Push, seed: int) -> None:
    dice = random.Random(seed)
    all_names = NamesChange(tuple(NAMES))
    profiles.update(workspace.pk, TargetType.USER, [], ProfileChange(all_names, all_names))
    population = a_population(workspace, dice)
    forms = [a_condition(dice) for _ in range(10)]
    tasks = [push(form, f"k{number}") for number, form in enumerate(forms)]
    load.load_all()
    for form, task in zip(forms, tasks, strict=True):
        assert reached(task) == [device.id for device in population if meets(device, form)], form


def test_the_same_push_again_is_the_first_and_another_with_its_msgkey_is_refused(
    workspace: Workspace, push: Push
) -> None:
    fleet(workspace, 1)
    task = push({"platform": "android"})
    assert push({"platform": "android"}).pk == task.pk
    with pytest.raises(ResultError, match="msgkey 'k'"):
        push({"platform": "ios"})
    assert load.load_all() == 1
    assert AudienceWalk.objects.count() == 1


@pytest.mark.usefixtures("small_pages")
def test_an_audience_is_that_of_the_moment_the_push_was_accepted(workspace: Workspace, push: Push) -> None:
    """Names that are removed or made again, and devices that come later, change nothing."""
    profile = ProfileChange(tags=NamesChange(("vip",)))
    devices = fleet(workspace, 20)
    tokens = list(Device.objects.order_by("pk").values_list("ad_token", flat=True))
    profiles.update(workspace.pk, TargetType.DEVICE, tokens[:10], profile)
    with_tag, without = push({"tag": "vip"}), push({"not": {"tag": "vip"}}, "k2")
    names.remove(workspace.pk, names.Kind.TAG, ["vip"])
    names.purge()
    profiles.update(workspace.pk, TargetType.DEVICE, tokens[15:], profile)
    fleet(workspace, 10)
    load.load_all()
    assert (reached(with_tag), reached(without)) == (devices[:10], devices[10:])
    assert AudienceName.objects.count() == 2
    names.purge()
    assert AudienceName.objects.count() == 1
    assert AudienceProfile.objects.filter(tags=[]).count() == 10
    with pytest.raises(ResultError, match="no tag 'old'"):
        push({"tag": "old"}, "k3")


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("where", "name"),
    [
        (AudienceSource, "prepare"), (messages, "copy"), (AudienceSource, "advance"),
        (messages, "_dispatch_reachable"), (AudienceSource, "finish"),
    ],
)  # fmt: skip
def test_a_worker_continues_where_one_died(
    workspace: Workspace, push: Push, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    """Whatever it was doing on any page, no device is left out and none gets it twice."""
    devices = fleet(workspace, 60)
    task = push({"platform": "android"})
    working, calls = getattr(where, name), itertools.count(0)

    def dying(*arguments: Any) -> Any:
        if next(calls) % 3 == 0:
            raise KeyboardInterrupt
        return working(*arguments)

    monkeypatch.setattr(where, name, dying)
    for _ in range(60):
        try:
            load.load_all()
        except KeyboardInterrupt:
            AudienceWalk.objects.update(leased_until=None)  # its lease lapses
        else:
            break
    assert reached(task) == devices
    task.refresh_from_db()
    assert task.message_count == 60
    assert AudienceWalk.objects.get().finished_at


def load_and_stop_in_the_middle(committed: Any) -> None:
    """Walk an audience in a process of its own: commit some pages, then stop in the next."""
    # The parent's connection must be neither used nor closed here.
    connection.connection = None
    deliver, calls = messages.deliver, itertools.count(1)

    def delivering(*arguments: Any) -> None:
        deliver(*arguments)
        if next(calls) == 3:
            committed.set()
            Event().wait(PATIENCE_SECONDS)

    messages.deliver = delivering  # type: ignore[assignment]
    load.load_all()


@pytest.mark.usefixtures("small_pages")
def test_an_audience_is_walked_on_after_its_worker_is_killed(
    workspace: Workspace, push: Push, lane: RecordingLane
) -> None:
    devices = fleet(workspace, 60)
    task = push({"platform": "android"})
    forking = multiprocessing.get_context("fork")
    committed = forking.Event()
    worker = forking.Process(target=load_and_stop_in_the_middle, args=[committed])
    worker.start()
    try:
        assert committed.wait(PATIENCE_SECONDS)
        # It is alive and slow: nobody else may have its audience.
        assert load.load_all() == 0
    finally:
        assert worker.pid
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    AudienceWalk.objects.update(leased_until=None)  # its lease lapses
    assert 0 < load.load_all() < 60
    assert reached(task) == devices


@pytest.mark.usefixtures("small_pages")
def test_workers_share_audiences_and_reach_no_device_twice(
    workspace: Workspace, push: Push, lane: RecordingLane
) -> None:
    devices = fleet(workspace, 50)
    tasks = [push({"platform": "android"}, f"k{number}") for number in range(3)]
    at_once(3, lambda _: load.load_all())
    for task in tasks:
        assert reached(task) == devices


@pytest.mark.usefixtures("small_pages")
def test_what_is_revoked_in_the_middle_goes_to_no_further_device(
    workspace: Workspace, push: Push, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(workspace, 60)
    task = push({"platform": "android"})
    deliver, calls = messages.deliver, itertools.count(1)

    def revoking(*arguments: Any) -> None:
        deliver(*arguments)
        if next(calls) == 2:
            revocations.revoke_task(workspace, task.pk)

    monkeypatch.setattr(messages, "deliver", revoking)
    load.load_all()
    made = Message.objects.filter(task=task)
    assert 0 < made.count() < 60
    assert set(made.values_list("status", flat=True)) == {-2}
    assert AudienceWalk.objects.get().finished_at
    assert load.load_all() == 0


def test_too_many_audiences_at_one_time_are_refused(
    workspace: Workspace, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushcore.audience.walks.MAX_OPEN", 2)
    for number in range(2):
        push({"platform": "android"}, f"k{number}")
    with pytest.raises(ResultError, match="2 audience pushes are under way"):
        push({"platform": "android"}, "k9")
    load.load_all()
    push({"platform": "android"}, "k9")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": " "}, "title or content is empty"),
        ({"template_name": "hello"}, "templateName stands in the place"),
        ({"template_key_value": {"name": "Ann"}}, "templateKeyValue needs templateName"),
        ({"push_style": 3}, "pushStyle is one of"),
        ({"msgkey": " "}, "a msgkey is empty"),
        ({"condition": {"colour": 1}}, "condition: 'colour'"),
        ({"condition": {"tag": "vpi"}}, "condition.tag: the workspace has no tag 'vpi'"),
        ({"segment_name": "vips"}, "condition or segmentName"),
        ({"condition": None}, "condition or segmentName"),
        ({"condition": None, "segment_name": "vips"}, "segment does not exist: vips"),
        ({"vendor_options": {"activityEvent": "start"}}, "needs a Live Activity"),
    ],
)
def test_a_push_that_breaks_a_limit_is_refused(push: Push, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ResultError, match=said):
        push(**({"condition": {"platform": "ios"}} | changes))
    assert not PushTask.objects.exists()


def test_an_audience_push_is_the_same_when_it_is_read_again() -> None:
    request = AudiencePush(condition={"and": [{"tag": "vip"}]}, msgkey="k", expired_seconds=9, template_name="hello")
    assert from_json(request.kind, as_json(request)) == request
    assert conditions.parse("'vip' in tags") == conditions.parse({"tag": "vip"})
