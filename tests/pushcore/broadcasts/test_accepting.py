"""A broadcast is accepted once, within limits, and becomes visible in the order of ids."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from pushcore.broadcast import broadcasts
from pushcore.codes.results import ResultError
from pushcore.models import Broadcast, Message, PushTask, Workspace
from pushcore.push import pushes
from tests.pushcore.broadcasts.samples import NEWS, RPC
from tests.pushcore.conftest import RecordingLane
from tests.support.threads import at_once


def test_an_android_broadcast_is_one_row(workspace: Workspace, lane: RecordingLane) -> None:
    task = pushes.accept(workspace, NEWS, **RPC)
    assert (task.kind, task.content["content"], task.message_count) == ("broadcast", "About tea", 0)
    assert not Message.objects.exists()
    _, [active] = broadcasts.read_active(())
    assert (active.platform, active.outgoing.message_id, active.outgoing.msgkey) == (1, task.pk, "b1")


def test_the_same_broadcast_again_is_the_first_one(workspace: Workspace) -> None:
    first = pushes.accept(workspace, NEWS, **RPC)
    assert pushes.accept(workspace, NEWS, **RPC).pk == first.pk
    with pytest.raises(ResultError, match="b1"):
        pushes.accept(workspace, replace(NEWS, expired_seconds=301), **RPC)
    assert Broadcast.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"delivery_type": 3}, "3030"),
        ({"delivery_type": 4}, "3009"),
        ({"push_status": 1}, "3051"),
        ({"push_status": 2}, "3051"),
        ({"push_status": 1, "unbind_period": 5}, "3052"),
        ({"push_status": 1, "unbind_period": 0}, "3052"),
        ({"push_status": 1, "unbind_period": 1}, "3053"),
        ({"push_status": 2, "unbind_period": 4, "android_channel": 1}, "3053"),
        ({"push_status": 3}, "3028"),
        ({"bind_period": 5}, "3028"),
        ({"android_channel": 3}, "3057"),
        ({"msgkey": " "}, "3028"),
        ({"template_name": ""}, "3025"),
        ({"template_name": "other"}, "3022"),
        ({"template_key_value": {}}, "3023"),
        ({"task_name": "", "task_name_required": True}, "3019"),
    ],
)
def test_a_broadcast_beyond_a_limit_is_refused_and_leaves_nothing(
    workspace: Workspace, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ResultError) as caught:
        pushes.accept(workspace, replace(NEWS, **changes), **RPC)
    assert caught.value.result.code == code
    assert not PushTask.objects.exists()


def test_the_number_of_valid_broadcasts_is_limited(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "MAX_ACTIVE", 2)
    for key in ("a", "b"):
        pushes.accept(workspace, replace(NEWS, msgkey=key), **RPC)
    with pytest.raises(ResultError, match="2 broadcasts"):
        pushes.accept(workspace, replace(NEWS, msgkey="c"), **RPC)
    Broadcast.objects.update(expire_at=timezone.now())
    pushes.accept(workspace, replace(NEWS, msgkey="c"), **RPC)


@pytest.mark.usefixtures("transactional_db")
def test_broadcasts_at_once_become_visible_in_the_order_of_their_ids(workspace: Workspace) -> None:
    """No smaller id becomes visible after a cursor has moved past an id."""
    stop, orders = threading.Event(), []

    def watch() -> None:
        highest = 0
        try:
            while not stop.is_set():
                seen = broadcasts.read_active(())[0]
                orders.append(all(task_id > highest for task_id in set(seen) - known))
                known.update(seen)
                highest = max(known, default=0)
        finally:
            connection.close()

    def send(number: int) -> None:
        for count in range(5):
            pushes.accept(workspace, replace(NEWS, msgkey=f"{number}-{count}"), **RPC)

    known: set[int] = set()
    watcher = threading.Thread(target=watch)
    watcher.start()
    at_once(6, send)
    stop.set()
    watcher.join()
    assert all(orders)
    assert len(broadcasts.read_active(())[0]) == 30
