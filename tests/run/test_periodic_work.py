"""Periodic work: each kind has its own thread, so that one that hangs delays no other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from analytics.models import Change
from channels_vendor.models import VendorMessage
from mps_project.beat import Scheduler
from mps_project.celery import app
from mps_project.configuration import CommonConfiguration
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import (
    Broadcast,
    ConsentRefusal,
    Erasure,
    FileImport,
    PushTask,
    QuietHours,
    Revocation,
    Workspace,
)
from pushcore.schedules import service
from pushcore.storage import ids
from pushcore.storage.one_at_a_time import one_at_a_time, takes_one_thread
from sms.models import SmsMessage
from tests.pushcore.schedules.samples import SIMPLE, soon

THREADS = CommonConfiguration.model_fields["worker_threads"].default
CLOCK = "pushcore.fire_schedules"


def in_threads() -> list[str]:
    """Return the periodic tasks of the worker with threads."""
    names = {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    return sorted(name for name in names if name not in settings.CELERY_TASK_ROUTES)


def test_the_worker_has_more_threads_than_there_are_kinds_of_periodic_work() -> None:
    assert len(in_threads()) < THREADS


def test_each_kind_of_periodic_work_takes_one_thread_at_most() -> None:
    app.loader.import_default_modules()
    assert [name for name in in_threads() if not takes_one_thread(app.tasks[name].run)] == []


def test_a_worker_whose_clock_is_ahead_of_the_beat_still_works() -> None:
    """Celery lets a task expire by the sender's clock, and the worker compares it with its own."""
    apart = timedelta(seconds=2 * settings.MAX_CLOCK_OFFSET_SECONDS)
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        sent = app.amqp.as_task_v2("id", str(entry["task"]), expires=entry["options"]["expires"])
        assert datetime.fromisoformat(sent.headers["expires"]) > datetime.now(UTC) + apart, entry["task"]


def test_work_that_hangs_delays_neither_other_work_nor_the_schedule() -> None:
    """The schedule requests each far more often than it ends."""
    free, fired = threading.Event(), threading.Event()
    under_way: list[str] = []

    def kind(name: str) -> Callable[[], None]:
        @one_at_a_time
        def hang() -> None:
            under_way.append(name)
            assert free.wait(30)

        return hang

    hanging = [kind(name) for name in in_threads() if name != CLOCK]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(10):
            for work in hanging:
                pool.submit(work)
        pool.submit(one_at_a_time(fired.set))
        assert fired.wait(10)
        assert len(under_way) == len(set(under_way)) <= len(hanging)
        free.set()


def test_work_requested_while_it_runs_runs_once_more() -> None:
    begun, free = threading.Semaphore(0), threading.Semaphore(0)
    done: list[int] = []

    @one_at_a_time
    def work() -> None:
        begun.release()
        assert free.acquire(timeout=10)
        done.append(1)

    first = threading.Thread(target=work)
    first.start()
    assert begun.acquire(timeout=10)
    for _ in range(5):
        work()
    free.release()
    assert begun.acquire(timeout=10)
    free.release()
    first.join(10)
    assert len(done) == 2


def test_work_that_fails_runs_again_when_it_is_next_requested() -> None:
    done: list[int] = []

    @one_at_a_time
    def work() -> None:
        done.append(1)
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            work()
    assert len(done) == 2


@pytest.fixture
def beat(monkeypatch: pytest.MonkeyPatch) -> tuple[Scheduler, list[str]]:
    """Celery's clock, and what it has sent."""
    sent: list[str] = []
    scheduler = Scheduler(app=app, lazy=True)
    monkeypatch.setattr(scheduler, "apply_async", lambda entry, **_: sent.append(entry.task))
    # It would close the test's, which is in a transaction.
    monkeypatch.setattr("mps_project.beat.close_old_connections", lambda: None)
    scheduler.setup_schedule()
    return scheduler, sent


@pytest.mark.django_db
def test_work_is_requested_only_where_there_is_some(beat: tuple[Scheduler, list[str]], workspace: Workspace) -> None:
    scheduler, sent = beat
    requested = {entry.task: entry for entry in scheduler.schedule.values()}
    assert settings.PERIODIC_WORK.keys() <= requested.keys()
    for entry in requested.values():
        scheduler.apply_entry(entry)
    assert set(sent) == requested.keys() - settings.PERIODIC_WORK.keys()
    sent.clear()
    now = timezone.now() - timedelta(minutes=1)
    schedule = service.create(workspace, SIMPLE, soon(), source=PushTask.Source.RPC, author="test")
    schedule.occurrences.update(at=now)
    for url in ("", "https://shop.example/pace"):
        FileImport.objects.create(
            pk=ids.new_ids(1)[0], workspace=workspace, created_at=now, accepted_at=now, pace_url=url
        )
    VendorMessage.objects.create(
        message_id=ids.new_ids(1)[0], workspace_id=workspace.pk, channel=6, task_id=1, device_id=1, due_at=now
    )
    SmsMessage.objects.create(message_id=ids.new_ids(1)[0], workspace_id=workspace.pk, task_id=1, due_at=now)
    Change.objects.create(metrics=[1], minutes=[1], tasks=[1], channels=[0], devices=[1], statuses=[2])
    QuietHours.objects.create(workspace=workspace, starts=time(22), ends=time(8), walked_until=now)
    [(device, _secret)] = registry.register([(workspace, DeviceInfo())])
    ConsentRefusal.objects.create(device_id=device.id, refused_at=now)
    Broadcast.objects.create(
        task_id=1, workspace=workspace, platform=1, msgkey="k", self_built=True, expire_at=now + timedelta(hours=1)
    )
    Revocation.objects.create(task_id=1, own_task_id=2, created_at=now)
    Erasure.objects.create(workspace=workspace, user_id="u", requested_at=now)
    for name in settings.PERIODIC_WORK:
        scheduler.apply_entry(requested[name])
    assert set(sent) == settings.PERIODIC_WORK.keys()


@pytest.mark.django_db
def test_work_is_requested_where_the_database_cannot_be_asked(
    beat: tuple[Scheduler, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> bool:
        raise OperationalError

    monkeypatch.setattr("pushcore.schedules.firing.any_due", away)
    scheduler, sent = beat
    scheduler.apply_entry(scheduler.schedule["schedules"])
    assert sent == [CLOCK]
