"""A file has one loader, which keeps it by a heartbeat; one that is killed loses it within seconds."""

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

from pushcore.file_push import lease, load, pieces
from pushcore.models import FileImport, Message, Workspace
from tests.pushcore.conftest import KeepingLane
from tests.pushcore.test_file_push import Send, _no_broker, lines_of, upload_file  # noqa: F401

LINES = 400
# Far more than it should take.
PATIENCE_SECONDS = 60


def load_and_stop_in_the_middle(committed: Any) -> None:
    """In a process of its own: some blocks are committed, the next one never is."""
    # The parent's connection is not ours to use or to close.
    connection.connection = None
    write, calls = load._write, 0

    def writing(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            committed.set()
            time.sleep(PATIENCE_SECONDS)
        write(*arguments)

    load._write = writing  # type: ignore[assignment]
    load.load_all()


@pytest.fixture
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "BLOCK", 512)


@pytest.mark.usefixtures("_small_blocks")
def test_a_file_goes_on_when_its_loader_is_killed_in_the_middle(
    upload_file: Send,  # noqa: F811
    workspace: Workspace,
    lane: KeepingLane,
) -> None:
    task = upload_file(lines_of(LINES))
    forking = multiprocessing.get_context("fork")
    committed = forking.Event()
    loader = forking.Process(target=load_and_stop_in_the_middle, args=[committed])
    loader.start()
    try:
        assert committed.wait(PATIENCE_SECONDS)
        # It lives and is slow: nobody takes its file from it, however often they look.
        looked_until = time.monotonic() + lease.LEASE_SECONDS + 2 * lease.HEARTBEAT_SECONDS
        while time.monotonic() < looked_until:
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


def test_a_killed_loader_is_missed_within_five_seconds() -> None:
    """Its lease lapses, and then somebody looks."""
    looks_every: Any = settings.CELERY_BEAT_SCHEDULE["files"]["schedule"]
    assert timedelta(seconds=lease.LEASE_SECONDS) + looks_every < timedelta(seconds=5)
    assert lease.HEARTBEAT_SECONDS * 3 < lease.LEASE_SECONDS


def test_a_file_is_given_back_at_once_by_a_loader_that_fails(
    upload_file: Send,  # noqa: F811
    lane: KeepingLane,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_file(lines_of(3))

    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as failing:
        failing.setattr(load, "_prepare", fail)
        with pytest.raises(RuntimeError, match="a fault"):
            load.load_all()
    assert FileImport.objects.get().leased_until is None
    assert load.load_all() == 3
