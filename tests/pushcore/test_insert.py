"""Pushes are committed by one statement, and each succeeds or fails by its own keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from pushcore.codes.results import ResultError
from pushcore.devices.registry import KnownDevice
from pushcore.models import Message, MessageKey, PushTask, Workspace
from pushcore.push import insert
from pushcore.push.idempotency import IdempotencyKey
from pushcore.push.new_push import NewPush
from tests.pushcore.conftest import RecordingLane
from tests.support.threads import at_once

Send = Callable[..., PushTask]


@pytest.mark.django_db(transaction=True)
def test_a_push_to_a_device_costs_two_statements(
    send: Send, lane: RecordingLane, known: KnownDevice, django_assert_num_queries: Any
) -> None:
    send({known.ad_token: "k1"}, delivery_type=1)  # connects
    with django_assert_num_queries(2):
        task = send({known.ad_token: "k2"}, delivery_type=1)
    assert lane.got[-1].message_id == Message.objects.get(task_id=task.pk).pk


@pytest.mark.django_db
def test_task_and_messages_have_ids_in_order(send: Send, lane: RecordingLane) -> None:
    task = send({"ann": "k1", "bob": "k2", "eve": "k3"})
    rows = list(Message.objects.order_by("id").values_list("target", "msgkey", "task_id"))
    assert rows == [("ann", "k1", task.pk), ("bob", "k2", task.pk), ("eve", "k3", task.pk)]
    assert task.pk < Message.objects.order_by("id")[0].pk
    assert set(MessageKey.objects.values_list("task_id", flat=True)) == {task.pk}
    stored = PushTask.objects.get()
    assert not task._state.adding
    assert all(
        getattr(stored, field.attname) == getattr(task, field.attname)
        for field in PushTask._meta.fields
        if field.name != "fingerprint"
    )
    assert bytes(stored.fingerprint) == task.fingerprint


@pytest.mark.django_db
def test_one_taken_key_of_several_leaves_nothing_behind(send: Send, lane: RecordingLane) -> None:
    send({"ann": "k1"})
    with pytest.raises(ResultError):
        send({"bob": "k2", "ann": "k1"})
    assert (PushTask.objects.count(), Message.objects.count(), len(claimed())) == (1, 1, 1)


@pytest.mark.django_db
def test_a_push_committed_between_query_and_claim_is_answered_with_the_first_task(
    send: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = send({"ann": "k1"})
    sql = insert._statement()
    blind = sql.replace("WHERE EXISTS", "WHERE false AND EXISTS")
    assert blind != sql
    monkeypatch.setattr(insert, "_statement", lambda: blind)
    assert send({"ann": "k1"}).pk == first.pk
    assert (PushTask.objects.count(), Message.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_callers_transaction_decides_about_the_commit(send: Send, lane: RecordingLane) -> None:
    with transaction.atomic():
        send({"ann": "k1"})
        transaction.set_rollback(True)
    assert not PushTask.objects.exists()
    assert not MessageKey.objects.exists()


@pytest.mark.django_db
def test_pushes_that_share_a_commit_succeed_or_fail_by_their_own_keys(
    workspace: Workspace, send: Send, lane: RecordingLane
) -> None:
    send({"ann": "k1"})
    pushes = [a_push(workspace, *keyed) for keyed in ([("bob", "k1")], [("ann", "k1"), ("eve", "k1")], [("eve", "k2")])]
    assert insert.insert_batch(pushes) == [True, False, True]
    assert sorted(Message.objects.values_list("target", "msgkey")) == [("ann", "k1"), ("bob", "k1"), ("eve", "k2")]
    for push in (pushes[0], pushes[2]):
        [message] = push.messages
        assert Message.objects.get(task_id=push.task.pk).pk == message.pk
        assert PushTask.objects.get(pk=push.task.pk).message_ids == push.task.message_ids == (push.task.pk, message.pk)
        assert list(claimed(task_id=push.task.pk).values()) == [push.task.created_at]
    assert pushes[1].task.pk is None


def claimed(**of: int) -> dict[UUID, datetime]:
    """Return when each key was claimed; in a day's last hour a claim has two rows."""
    return dict(MessageKey.objects.filter(**of).values_list("digest", "claimed_at"))


def a_push(workspace: Workspace, *keyed: tuple[str, str]) -> NewPush:
    now = timezone.now()
    task = PushTask(
        workspace=workspace, kind="simple", delivery_type=3, source="rpc", content={"title": "t"}, fingerprint=b"f",
        expire_at=now, created_at=now, message_count=len(keyed),
    )  # fmt: skip
    messages = [
        Message(
            workspace=workspace, delivery_type=3, target=target, msgkey=msgkey, status=1, override={"n": number},
            expire_at=now, updated_at=now,
        )
        for number, (target, msgkey) in enumerate(keyed)
    ]  # fmt: skip
    return NewPush(task, [IdempotencyKey(*key) for key in keyed], messages=messages)


@pytest.mark.django_db(transaction=True)
def test_pushes_accepted_at_once_are_each_committed_and_handed_over(
    workspace: Workspace, send: Send, lane: RecordingLane, known: KnownDevice
) -> None:
    tasks: dict[str, int] = {}

    def push_ten(thread: int) -> None:
        for number in range(10):
            key = f"{thread}-{number}"
            tasks[key] = send({known.ad_token: key}, delivery_type=1).pk

    at_once(8, push_ten)
    assert dict(Message.objects.values_list("msgkey", "task_id")) == tasks
    assert len(tasks) == len(set(tasks.values())) == 80
    assert sorted(outgoing.msgkey for outgoing in lane.got) == sorted(tasks)
