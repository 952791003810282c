"""Workers share files: no line is lost and none made twice, whichever of them dies, is late or runs out of time."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from pushcore.file_push.source import FileSource
from pushcore.loading import load, messages
from pushcore.models import FileImport, Message
from tests.pushcore.conftest import RecordingLane
from tests.pushcore.file_push.files import Send, faults, lines_of
from tests.support.threads import at_once


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("where", "name"),
    [(FileSource, "claim"), (messages, "copy"), (FileSource, "advance"), (messages, "_dispatch_reachable")],
)
def test_a_worker_continues_where_one_died(
    upload_file: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    """Whatever it was doing in any block, no line is lost and none is made twice."""
    task = upload_file(lines_of(300) + "bad\n" + lines_of(100, 300))
    working, calls = getattr(where, name), itertools.count(1)

    def dying(*arguments: Any) -> Any:
        if next(calls) % 4 == 0:
            raise KeyboardInterrupt
        return working(*arguments)

    monkeypatch.setattr(where, name, dying)
    for _ in range(60):
        try:
            load.load_all()
        except KeyboardInterrupt:
            FileImport.objects.update(leased_until=None)  # its lease lapses
        else:
            break
    keys = list(Message.objects.filter(task=task).values_list("msgkey", flat=True))
    assert sorted(keys) == sorted(f"k{n}" for n in range(400))
    task.refresh_from_db()
    assert task.message_count == 400
    assert faults(task) == [(301, "target and msgkey are expected, separated by a comma")]


@pytest.mark.usefixtures("small_blocks")
def test_workers_share_files_and_make_no_line_twice(upload_file: Send, lane: RecordingLane) -> None:
    tasks = [upload_file(lines_of(200, first * 1000)) for first in range(4)]

    at_once(3, lambda _: load.load_all())
    for task in tasks:
        task.refresh_from_db()
        rows = set(Message.objects.filter(task=task))
        assert task.message_count == len(rows) == 200
        assert set(task.own_messages()) == rows


@pytest.mark.usefixtures("small_blocks")
def test_a_worker_whose_lease_ran_out_stops_and_spoils_nothing(
    upload_file: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = upload_file(lines_of(200))
    write, calls = load._write, itertools.count(1)

    def overtaken(*arguments: Any) -> int:
        if next(calls) == 3:
            FileImport.objects.update(leased_until=None)
            load.load_all()  # another worker, to the end
        return write(*arguments)

    monkeypatch.setattr(load, "_write", overtaken)
    load.load_all()
    FileImport.objects.update(leased_until=None)  # where each stopped for the other
    load.load_all()
    assert Message.objects.filter(task=task).count() == 200


@pytest.mark.usefixtures("small_blocks")
def test_a_worker_gives_its_file_back_when_its_time_is_spent(upload_file: Send) -> None:
    task = upload_file(lines_of(200))
    rounds = 0
    while not FileImport.objects.get().finished_at:
        load.load_all(budget_seconds=0.001)
        rounds += 1
    assert rounds > 2
    assert Message.objects.filter(task=task).count() == 200
