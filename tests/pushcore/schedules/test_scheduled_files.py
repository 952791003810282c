"""A multiple push from a file at a time, or again and again: each occurrence pushes every line of it once."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pushcore import retention
from pushcore.codes.results import ResultError
from pushcore.file_push import upload
from pushcore.loading import load, wake
from pushcore.models import FileChunk, FileImport, Message, Occurrence, PushTask, Schedule, Workspace
from pushcore.push import templates
from pushcore.push.requests import FilePush, as_json, from_json
from pushcore.push.templates import TemplateDraft
from pushcore.schedules import firing, service
from pushcore.schedules.times import Timed
from tests.pushcore.schedules.samples import RPC, each_day, make_due

LINES = b"ann,k1,name=Ann\nbob,k2,name=Bob\nann,k1,name=Again\n"

MakeSchedule = Callable[..., Schedule]


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture
def file(transactional_db: None, workspace: Workspace) -> FileImport:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    return upload.keep(workspace, io.BytesIO(LINES).read)


def a_push(file: FileImport) -> FilePush:
    return FilePush(
        delivery_type=3, expired_seconds=300, template_name="hello", sha256=file.sha256, task_name="Winners"
    )


def fire(schedule: Schedule) -> None:
    """Send the schedule's next occurrence, and read its file."""
    following = schedule.occurrences.filter(status=Occurrence.Status.PENDING).earliest("at")
    make_due(following)
    assert firing.fire_due() == 1
    load.load_all()


def test_a_file_goes_out_at_its_time(file: FileImport, workspace: Workspace) -> None:
    schedule = service.create_of_file(workspace, a_push(file), file, Timed(timezone.now() + timedelta(hours=1)), **RPC)
    assert (schedule.kind, schedule.title, schedule.name) == ("multiple", "Hello #name#", "Winners")
    assert not PushTask.objects.exists()
    fire(schedule)
    [task] = PushTask.objects.all()
    assert schedule.occurrences.get().task_id == task.pk
    assert sorted(message.title for message in Message.objects.all()) == ["Hello Ann", "Hello Bob"]
    assert FileImport.objects.get(pk=task.pk).rejected == 1  # the line that is there twice


def test_each_time_of_a_repeated_push_reaches_every_target_once(file: FileImport, workspace: Workspace) -> None:
    schedule = service.create_of_file(workspace, a_push(file), file, each_day(), **RPC)
    for times in (1, 2):
        fire(schedule)
        assert PushTask.objects.count() == times
        assert Message.objects.filter(target="ann", msgkey="k1").count() == times


def test_a_file_is_kept_while_it_waits_and_not_for_longer(file: FileImport, workspace: Workspace) -> None:
    schedule = service.create_of_file(workspace, a_push(file), file, each_day(), **RPC)
    FileImport.objects.update(created_at=timezone.now() - timedelta(days=300))
    assert upload.discard_abandoned() == 0
    retention.purge()
    assert FileChunk.objects.filter(file=file).exists()
    service.cancel(workspace, [schedule.pk], parents=True)
    assert upload.discard_abandoned() == 1
    assert not FileChunk.objects.exists()


def test_files_that_wait_for_their_time_hold_up_no_others(
    file: FileImport, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "MAX_OPEN", 1)
    service.create_of_file(workspace, a_push(file), file, each_day(), **RPC)
    another = upload.keep(workspace, io.BytesIO(LINES).read)
    with pytest.raises(ResultError, match="wait for their time already"):
        service.create_of_file(workspace, a_push(another), another, each_day(), **RPC)


def test_a_file_is_scheduled_once_and_not_pushed_besides(file: FileImport, workspace: Workspace) -> None:
    strategy = each_day()
    first = service.create_of_file(workspace, a_push(file), file, strategy, **RPC)
    assert service.create_of_file(workspace, a_push(file), file, strategy, **RPC).pk == first.pk
    with pytest.raises(ResultError, match="pushed already"):
        upload.push(workspace, a_push(file), file, **RPC)
    file.delete()
    with pytest.raises(ResultError, match="not kept any more"):
        service.create_of_file(workspace, a_push(file), file, each_day(), **RPC)


def test_a_file_push_is_the_same_when_it_is_read_again(file: FileImport) -> None:
    request = a_push(file)
    assert from_json("multiple", as_json(request)) == request


def test_a_push_whose_file_is_gone_fails_by_itself(file: FileImport, workspace: Workspace) -> None:
    schedule = service.create_of_file(workspace, a_push(file), file, each_day(), **RPC)
    file.delete()
    following: Any = schedule.occurrences.earliest("at")
    make_due(following)
    assert firing.fire_due() == 0
    following.refresh_from_db()
    assert following.status == Occurrence.Status.FAILED
    assert "not kept" in following.fault
