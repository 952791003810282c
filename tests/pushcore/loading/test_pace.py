"""A paced push makes no more messages a second than it says, whatever becomes of workers, and keeps no other push."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from pushcore.api.rest.file_push import FilePushSchema
from pushcore.codes.results import ResultError
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.file_push import blocks, upload
from pushcore.file_push.dry_run import dry_run as dry_run_of_file
from pushcore.file_push.records import Lines
from pushcore.loading import load, messages, wake
from pushcore.models import AudienceWalk, FileImport, Message, PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.dry_run import dry_run
from pushcore.push.requests import AudiencePush, FilePush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.api.samples import SCOPE
from tests.pushcore.conftest import Clock, RecordingLane
from tests.pushcore.file_push.files import lines_of

pytestmark = pytest.mark.django_db(transaction=True)

ANDROID = {"platform": "android"}


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


def fleet(workspace: Workspace, count: int) -> list[int]:
    return [device.id for device, _ in registry.register([(workspace, DeviceInfo())] * count)]


def an_audience_push(msgkey: str = "k", **changes: Any) -> AudiencePush:
    fields: dict[str, Any] = {"condition": ANDROID, "expired_seconds": 3600, "title": "Title", "content": "Content"}
    return AudiencePush(msgkey=msgkey, **(fields | changes))


def accept(workspace: Workspace, request: AudiencePush) -> PushTask:
    return pushes.accept(workspace, request, source=PushTask.Source.REST, author="test")


def a_file_push(workspace: Workspace, count: int, **changes: Any) -> tuple[FilePush, bytes]:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    data = lines_of(count).encode()
    digest = hashlib.sha256(data).hexdigest()
    return FilePush(template_name="hello", sha256=digest, delivery_type=3, expired_seconds=3600, **changes), data


def accept_file(workspace: Workspace, count: int, **changes: Any) -> PushTask:
    request, data = a_file_push(workspace, count, **changes)
    return upload.receive(workspace, request, io.BytesIO(data).read, source=PushTask.Source.REST, author="test")


def load_until_done(at: Clock, task: PushTask, *, every: float) -> list[tuple[datetime, int]]:
    """Run the loader every so many seconds; return when it made how many messages of a task."""
    runs: list[tuple[datetime, int]] = []
    for _ in range(500):
        before = Message.objects.filter(task=task).count()
        load.load_all()
        if made := Message.objects.filter(task=task).count() - before:
            runs.append((at.at, made))
        if not any(model._default_manager.filter(pk=task.pk, finished_at=None) for model in load.SOURCES):
            return runs
        at.pass_by(seconds=every)
    raise AssertionError("the load does not end")


def assert_paced(runs: list[tuple[datetime, int]], rate: int) -> None:
    """Between any two runs no more was made than the rate allows, and what two seconds and a block may add."""
    for first in range(len(runs)):
        for last in range(first, len(runs)):
            seconds = (runs[last][0] - runs[first][0]).total_seconds()
            assert sum(made for _, made in runs[first : last + 1]) <= rate * (seconds + 3)


@pytest.mark.parametrize(("rate", "devices", "every"), [(1, 9, 1.0), (7, 60, 1.1), (7, 60, 0.3), (50, 120, 1.7)])
def test_an_audience_gets_so_many_messages_a_second_each_device_one(
    workspace: Workspace, lane: RecordingLane, at: Clock, rate: int, devices: int, every: float
) -> None:
    reached = fleet(workspace, devices)
    began = at.at
    task = accept(workspace, an_audience_push(messages_per_second=rate))
    runs = load_until_done(at, task, every=every)
    assert_paced(runs, rate)
    # The time between two runs of the loader is made good.
    assert runs[-1][0] - began <= timedelta(seconds=devices / rate + 2 * every)
    assert list(Message.objects.order_by("device_id").values_list("device_id", flat=True)) == reached
    assert AudienceWalk.objects.get().found == devices
    task.refresh_from_db()
    assert task.message_count == devices


def test_a_file_is_pushed_line_by_line_where_its_pace_is_small(
    workspace: Workspace, lane: RecordingLane, at: Clock
) -> None:
    task = accept_file(workspace, 30, messages_per_second=4)
    assert_paced(load_until_done(at, task, every=1), 4)
    keys = Message.objects.filter(task=task).values_list("msgkey", flat=True)
    assert sorted(keys) == sorted(f"k{number}" for number in range(30))
    file = FileImport.objects.get()
    assert (file.accepted, file.rejected, file.line, file.position) == (30, 0, 30, file.size)


def test_the_pace_survives_a_worker(
    workspace: Workspace, lane: RecordingLane, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that dies before its block is committed has used up nothing; one that dies after it, the block."""
    fleet(workspace, 20)
    task = accept(workspace, an_audience_push(messages_per_second=5))

    def dying(*_: Any) -> None:
        raise KeyboardInterrupt

    for where, made in (("admit", 0), ("deliver", 5)):
        with monkeypatch.context() as dies:
            dies.setattr(messages, where, dying)
            with pytest.raises(KeyboardInterrupt):
                load.load_all()
        AudienceWalk.objects.update(leased_until=None)  # its lease lapses
        assert Message.objects.filter(task=task).count() == made
    assert load.load_all() == 0
    assert_paced(load_until_done(at, task, every=1), 5)
    assert Message.objects.filter(task=task).count() == 20


def test_a_paced_push_keeps_no_other_waiting_and_no_worker_busy(
    workspace: Workspace, lane: RecordingLane, at: Clock
) -> None:
    fleet(workspace, 10)
    slow = accept(workspace, an_audience_push("slow", messages_per_second=1))
    quick = accept(workspace, an_audience_push("quick"))
    assert load.load_all() == 11
    assert Message.objects.filter(task=quick).count() == 10
    assert not load.any_waiting()
    assert AudienceWalk.objects.get(pk=slow.pk).leased_until is None
    at.pass_by(seconds=1)
    assert load.any_waiting()
    assert load.load_all() == 1


def test_a_dry_run_says_how_long_it_takes(workspace: Workspace, lane: RecordingLane) -> None:
    fleet(workspace, 10)
    by: dict[str, Any] = {"source": PushTask.Source.REST, "author": "test"}
    assert dry_run(workspace, an_audience_push(messages_per_second=3), **by).as_data()["paceSeconds"] == 4
    assert dry_run(workspace, an_audience_push(), **by).as_data()["paceSeconds"] is None
    request, data = a_file_push(workspace, 25, messages_per_second=10)
    assert dry_run_of_file(workspace, request, io.BytesIO(data).read)["paceSeconds"] == 3


@pytest.mark.parametrize(("devices", "over", "every"), [(40, 20, 1.0), (7, 60, 1.1), (90, 9, 0.4), (1, 30, 1.0)])
def test_an_audience_is_spread_evenly_over_a_period(
    workspace: Workspace, lane: RecordingLane, at: Clock, devices: int, over: int, every: float
) -> None:
    """Of each part of the period as much of the push is made as of the period has passed."""
    reached = fleet(workspace, devices)
    began, task = at.at, accept(workspace, an_audience_push(over_seconds=over))
    made = 0
    for moment, count in load_until_done(at, task, every=every):
        made += count
        passed = (moment - began).total_seconds() / over
        assert devices * passed - 1 <= made <= devices * (passed + 3 / over) + 1
    assert list(Message.objects.order_by("device_id").values_list("device_id", flat=True)) == reached


def test_a_file_is_spread_by_its_lines_whatever_becomes_of_them(
    workspace: Workspace, lane: RecordingLane, at: Clock
) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    data = (lines_of(10).replace("\n", "\r\n") + "\r\nno record\r\n" * 5).encode()
    request = FilePush(
        template_name="hello", sha256=hashlib.sha256(data).hexdigest(), delivery_type=3, expired_seconds=3600,
        over_seconds=45,
    )  # fmt: skip
    pieces = io.BytesIO(data)
    task = upload.receive(workspace, request, lambda _: pieces.read(7), source=PushTask.Source.REST, author="test")
    file = FileImport.objects.get()
    assert file.lines == data.count(b"\n")
    runs = load_until_done(at, task, every=1)
    assert sum(made for _, made in runs) == 10
    assert (runs[-1][0] - runs[0][0]).total_seconds() == pytest.approx(45 * 9 / file.lines, abs=2.5)


def test_a_dry_run_of_a_push_that_is_spread_says_its_period(workspace: Workspace, lane: RecordingLane) -> None:
    fleet(workspace, 3)
    spread = dry_run(workspace, an_audience_push(over_seconds=70), source=PushTask.Source.REST, author="test")
    assert spread.as_data()["paceSeconds"] == 70


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"over_seconds": 0}, "a number from 1, less than expiredSeconds"),
        ({"over_seconds": 3600}, "a number from 1, less than expiredSeconds"),
        ({"over_seconds": 60, "messages_per_second": 5}, "messagesPerSecond or overSeconds, not both"),
        ({"over_seconds": 60, "local_time": "09:00"}, "a push at a local or best time has messagesPerSecond only"),
    ],
)
def test_a_period_that_cannot_be_kept_is_refused(workspace: Workspace, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ResultError, match=said):
        accept(workspace, an_audience_push(**changes))


@pytest.mark.parametrize("rate", [0, -1, 100_001])
def test_a_pace_is_from_1_to_100000(workspace: Workspace, rate: int) -> None:
    with pytest.raises(ResultError, match="messagesPerSecond is a number from 1 to 100000"):
        accept(workspace, an_audience_push(messages_per_second=rate))


def test_a_file_over_the_api_names_its_pace() -> None:
    query = {"templateName": "hello", "deliveryType": "3", "expiredSeconds": "9", "sha256": "0" * 64} | SCOPE
    assert FilePushSchema.read(query | {"messagesPerSecond": "7"}).push.messages_per_second == 7
    assert FilePushSchema.read(query).push.messages_per_second is None


@pytest.mark.parametrize("data", [b"a,1\nb,2\nc,3", b"a,1\r\nb,2\r\nc,3\r\n", b"a,1\rb,2\rc,3\r", b"\n\na,1\n"])
def test_a_block_is_cut_at_the_ends_of_lines(data: bytes) -> None:
    lines = Lines(100, 100 + len(data), 1, data)
    parts = []
    while lines.data:
        part = blocks.first_of(lines, 1)
        parts.append(part)
        lines = Lines(part.end, lines.end, part.last + 1, lines.data[len(part.data) :])
    assert b"".join(part.data for part in parts) == data
    assert all(before.end == after.start for before, after in pairwise(parts))
    assert [part.first for part in parts] == [1, 2, 3]
    assert parts[-1].end == 100 + len(data)
