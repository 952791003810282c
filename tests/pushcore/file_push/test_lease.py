"""A file has one loader, which renews its lease by a heartbeat; a killed loader loses the file within seconds."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from pushcore.file_push.source import FileSource
from pushcore.loading import lease, load
from pushcore.models import FileImport, Message, Workspace
from tests.pushcore.conftest import RecordingLane
from tests.pushcore.file_push.files import Send, lines_of

LINES = 400
# Far more than any step should take.
PATIENCE_SECONDS = 60


def load_and_stop_in_the_middle(committed: Any) -> None:
    """Load a file in a process of its own: commit some blocks, then stop in the next."""
    # The parent's connection must be neither used nor closed here.
    connection.connection = None
    write, calls = load._write, 0

    def writing(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls > 3:
            committed.set()
            time.sleep(PATIENCE_SECONDS)
        return write(*arguments)

    load._write = writing  # type: ignore[assignment]
    load.load_all()


@pytest.mark.usefixtures("small_blocks")
def test_a_file_continues_after_its_loader_is_killed(
    upload_file: Send,
    workspace: Workspace,
    lane: RecordingLane,
) -> None:
    task = upload_file(lines_of(LINES))
    forking = multiprocessing.get_context("fork")
    committed = forking.Event()
    loader = forking.Process(target=load_and_stop_in_the_middle, args=[committed])
    loader.start()
    try:
        assert committed.wait(PATIENCE_SECONDS)
        # It is alive and slow: no other loader may take its file.
        until = time.monotonic() + lease.LEASE_SECONDS + 2 * lease.HEARTBEAT_SECONDS
        while time.monotonic() < until:
            assert load.load_all() == 0
            threading.Event().wait(0.1)
    finally:
        assert loader.pid
        os.kill(loader.pid, signal.SIGKILL)
        loader.join()
    made, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while made == 0 and time.monotonic() < deadline:
        made = load.load_all()
        threading.Event().wait(0.05)
    assert 0 < made < LINES
    assert sorted(Message.objects.filter(task=task).values_list("msgkey", flat=True)) == sorted(
        f"k{n}" for n in range(LINES)
    )


def test_a_killed_loaders_file_is_leased_again_within_five_seconds() -> None:
    interval: Any = settings.CELERY_BEAT_SCHEDULE["messages"]["schedule"]
    assert timedelta(seconds=lease.LEASE_SECONDS) + interval < timedelta(seconds=5)
    assert lease.HEARTBEAT_SECONDS * 3 < lease.LEASE_SECONDS


def test_a_loader_that_fails_gives_its_file_back_at_once(
    upload_file: Send,
    lane: RecordingLane,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_file(lines_of(3))

    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as failing:
        failing.setattr(FileSource, "prepare", fail)
        with pytest.raises(RuntimeError, match="a fault"):
            load.load_all()
    assert FileImport.objects.get().leased_until is None
    assert load.load_all() == 3


def test_a_file_that_cannot_be_loaded_does_not_keep_those_behind_it(
    upload_file: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = upload_file(lines_of(3))
    good = upload_file(lines_of(2, first=10))
    load_file = load._load

    def fail(file: FileImport, deadline: float) -> int:
        if file.pk == bad.pk:
            raise RuntimeError("a fault")
        return load_file(file, deadline)

    monkeypatch.setattr(load, "_load", fail)
    with pytest.raises(RuntimeError, match="a fault"):
        load.load_all()
    assert Message.objects.filter(task=good).count() == 2
    assert FileImport.objects.get(pk=good.pk).finished_at
    assert FileImport.objects.get(pk=bad.pk).leased_until is None


def test_a_run_ends_after_a_few_files_that_fail(
    upload_file: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        upload_file(lines_of(1, first=number))
    tried: list[int] = []

    def fail(file: FileImport, _deadline: float) -> int:
        tried.append(file.pk)
        raise RuntimeError("a fault")

    monkeypatch.setattr(load, "MAX_FAILURES", 2)
    monkeypatch.setattr(load, "_load", fail)
    with pytest.raises(RuntimeError, match="a fault"):
        load.load_all()
    assert len(tried) == 2
