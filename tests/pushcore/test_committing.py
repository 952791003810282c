"""A push is committed by one statement, and by nothing else when it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from pushcore import committing
from pushcore.codes.results import ResultError
from pushcore.devices import KnownDevice
from pushcore.models import Message, MessageKey, PushTask
from tests.pushcore.conftest import KeepingLane

Send = Callable[..., PushTask]


@pytest.mark.django_db(transaction=True)
def test_a_push_to_a_device_costs_two_statements(
    send: Send, lane: KeepingLane, known: KnownDevice, django_assert_num_queries: Any
) -> None:
    send({known.ad_token: "k1"}, delivery_type=1)  # connects
    with django_assert_num_queries(2):
        task = send({known.ad_token: "k2"}, delivery_type=1)
    assert lane.got[-1].message_id == Message.objects.get(task_id=task.pk).pk


@pytest.mark.django_db
def test_task_and_messages_have_ids_in_order(send: Send, lane: KeepingLane) -> None:
    task = send({"ann": "k1", "bob": "k2", "eve": "k3"})
    rows = list(Message.objects.order_by("id").values_list("target", "msgkey", "task_id"))
    assert rows == [("ann", "k1", task.pk), ("bob", "k2", task.pk), ("eve", "k3", task.pk)]
    assert task.pk < Message.objects.order_by("id")[0].pk
    assert set(MessageKey.objects.values_list("task_id", flat=True)) == {task.pk}
    stored = PushTask.objects.get()
    assert all(
        getattr(stored, field.attname) == getattr(task, field.attname)
        for field in PushTask._meta.fields
        if field.name != "fingerprint"
    )
    assert bytes(stored.fingerprint) == task.fingerprint


@pytest.mark.django_db
def test_one_taken_key_of_several_leaves_nothing_behind(send: Send, lane: KeepingLane) -> None:
    send({"ann": "k1"})
    with pytest.raises(ResultError):
        send({"bob": "k2", "ann": "k1"})
    assert (PushTask.objects.count(), Message.objects.count(), MessageKey.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_a_key_taken_between_look_and_claim_is_claimed_the_other_way(
    send: Send, lane: KeepingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = send({"ann": "k1"})
    sql, *fields = committing._statement()
    blind = sql.replace("WHERE NOT EXISTS", "WHERE true OR NOT EXISTS")
    assert blind != sql
    monkeypatch.setattr(committing, "_statement", lambda: (blind, *fields))
    assert send({"ann": "k1"}).pk == first.pk
    assert (PushTask.objects.count(), Message.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_callers_transaction_decides_about_the_commit(send: Send, lane: KeepingLane) -> None:
    with transaction.atomic():
        send({"ann": "k1"})
        transaction.set_rollback(True)
    assert not PushTask.objects.exists()
    assert not MessageKey.objects.exists()
