"""Messages not delivered while valid become Expired: counted, final, and with a receipt if wanted."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pushcore.callbacks import queueing
from pushcore.codes import statuses
from pushcore.delivery import expiry, outcomes
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.file_push import upload
from pushcore.loading import load, wake
from pushcore.models import Device, Message, PushTask, Receipt, Workspace
from pushcore.ports import Outcome
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush, FilePush
from pushcore.push.templates import TemplateDraft
from pushcore.revocation import revocations
from pushcore.storage import ids, partitions
from tests.pushcore.conftest import RecordingLane

pytestmark = pytest.mark.django_db
Send = Callable[..., PushTask]
BY_TEST: dict[str, Any] = {"source": PushTask.Source.REST, "author": "test"}


def end_validity(*tasks: PushTask, ago: timedelta = expiry.GRACE) -> None:
    for number, task in enumerate(tasks):
        at = timezone.now() - ago - timedelta(seconds=len(tasks) - number)
        PushTask.objects.filter(pk=task.pk).update(expire_at=at)
        Message.objects.filter(task=task).update(expire_at=at)


def statuses_of(task: PushTask) -> list[int]:
    return list(Message.objects.filter(task=task).order_by("pk").values_list("status", flat=True))


def test_undelivered_messages_expire_and_all_others_stay(
    send: Send, workspace: Workspace, known: KnownDevice, lane: RecordingLane
) -> None:
    acked = send({known.ad_token: "k1"}, delivery_type=1)
    outcomes.record([Outcome(Message.objects.get(task=acked).pk, statuses.ACKED)])
    revoked = send({known.ad_token: "k2"}, delivery_type=1)
    revocations.revoke_task(workspace, revoked.pk)
    waiting = send({known.ad_token: "k3"}, delivery_type=1)
    unbound = send({"nobody": "k4", "no one": "k5"})
    valid = send({known.ad_token: "k6"}, delivery_type=1)
    end_validity(acked, revoked, waiting, unbound)
    assert expiry.expire_due() == 3
    assert [statuses_of(task) for task in (acked, revoked, waiting, unbound, valid)] == [[2], [-2], [-3], [-3, -3], [0]]
    for task, expired in ((acked, 0), (revoked, 0), (waiting, 1), (unbound, 2), (valid, 0)):
        task.refresh_from_db()
        assert task.expired_count == expired
    assert expiry.expire_due() == 0


def test_an_expired_message_is_neither_delivered_nor_acknowledged(
    send: Send, workspace: Workspace, known: KnownDevice, lane: RecordingLane
) -> None:
    task = send({"ann": "k"})
    end_validity(task)
    expiry.expire_due()
    bindings.bind(Device.objects.get(pk=known.id), "ann")
    assert lane.got == []
    assert outcomes.record_acknowledged([Message.objects.get().pk]) == 0
    assert statuses_of(task) == [statuses.EXPIRED]


def test_an_acknowledgement_shortly_after_the_validity_counts(
    send: Send, known: KnownDevice, lane: RecordingLane
) -> None:
    task = send({known.ad_token: "k"}, delivery_type=1)
    end_validity(task, ago=timedelta(seconds=1))
    assert expiry.expire_due() == 0
    lane.behind = True
    end_validity(task)
    assert expiry.expire_due() == 0
    outcomes.record_acknowledged([Message.objects.get().pk])
    lane.behind = False
    assert expiry.expire_due() == 0
    assert statuses_of(task) == [statuses.ACKED]


@pytest.mark.parametrize(("asked", "receipts"), [(False, []), (True, ["-3"])])
def test_a_backend_gets_a_receipt_for_an_expired_message_if_it_wants_one(
    send: Send, workspace: Workspace, known: KnownDevice, lane: RecordingLane, asked: bool, receipts: list[str]
) -> None:
    workspace.callback_enabled, workspace.callback_url = True, "https://backend.example/receipts"
    workspace.expiry_receipts = asked
    workspace.save()
    end_validity(send({known.ad_token: "k"}, delivery_type=1))
    expiry.expire_due()
    bodies = [json.loads(receipt.body) for receipt in Receipt.objects.all()]
    assert [body["statusCode"] for body in bodies] == receipts
    for body in bodies:
        assert (body["msgId"], body["targetId"]) == ("k", known.ad_token)
        assert (body["pushSuccess"], body["statusDesc"]) == (False, "Expired")


def test_a_message_that_expires_after_its_receipts_partition_was_dropped_stops_nothing(
    send: Send, workspace: Workspace, known: KnownDevice, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.callback_enabled, workspace.callback_url = True, "https://backend.example/receipts"
    workspace.expiry_receipts = True
    workspace.save()
    task = send({known.ad_token: "k"}, delivery_type=1)
    end_validity(task)
    # As if the service had been away for weeks: messages are kept longer than their receipts.
    monkeypatch.setattr(queueing, "RECEIPTS", replace(partitions.RECEIPTS, kept=lambda: timedelta(days=-2)))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {partitions.RECEIPTS.partition(ids.created_at(task.pk))}")
    assert expiry.expire_due() == 1
    assert statuses_of(task) == [statuses.EXPIRED]
    assert not Receipt.objects.exists()


def test_a_large_task_expires_in_batches_and_continues_where_it_was_interrupted(
    workspace: Workspace, send: Send, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 4)
    small = [send({f"a{n}": "k"}) for n in range(3)]
    large = send({f"b{n}": "k" for n in range(10)})
    after = send({"c": "k"})
    end_validity(*small, large, after)
    done = [expiry.expire_due(budget_seconds=0)]
    for _ in range(10):
        with monkeypatch.context() as once:
            once.setattr(expiry, "_expire_batch", _once(expiry._expire_batch))
            done.append(expiry.expire_due())
    assert [count for count in done if count] == [3, 4, 4, 2, 1]
    assert set(Message.objects.values_list("status", flat=True)) == {statuses.EXPIRED}
    large.refresh_from_db()
    assert large.expired_count == 10


def _once(step: Callable[[], int | None]) -> Callable[[], int | None]:
    """Let a loop call `step` once, as if it were interrupted afterwards."""
    steps = iter([step])
    return lambda: next(steps, lambda: None)()


def test_delivered_tasks_are_skipped_without_querying_their_messages(
    send: Send, workspace: Workspace, lane: RecordingLane
) -> None:
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 5)]
    tasks = [send({device.ad_token: "k"}, delivery_type=1) for device in fleet]
    outcomes.record_acknowledged(Message.objects.values_list("pk", flat=True))
    end_validity(*tasks)
    with CaptureQueriesContext(connection) as queries:
        assert expiry.expire_due() == 0
    assert [query for query in queries if "pushcore_pushtask" in query["sql"]]
    assert not [query for query in queries if "pushcore_message " in query["sql"]]


@pytest.mark.django_db(transaction=True)
def test_lines_that_are_read_after_the_push_expired_expire_at_once(
    workspace: Workspace, lane: RecordingLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    raw = b"ann,k\nbob,k\n"
    request = FilePush(
        delivery_type=3, expired_seconds=300, template_name="hello", sha256=hashlib.sha256(raw).hexdigest()
    )
    task = upload.receive(workspace, request, io.BytesIO(raw).read, **BY_TEST)
    end_validity(task)
    assert expiry.expire_due() == 0
    load.load_all()
    assert statuses_of(task) == [statuses.EXPIRED] * 2
    task.refresh_from_db()
    assert (task.message_count, task.expired_count) == (2, 2)
    assert lane.got == []


def test_a_broadcasts_rows_at_vendors_expire_too(workspace: Workspace, lane: RecordingLane) -> None:
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    request = BroadcastPush(delivery_type=1, expired_seconds=600, template_name="news", msgkey="b")
    task = pushes.accept(workspace, request, **BY_TEST)
    [(device, _)] = registry.register([(workspace, DeviceInfo())])
    message = Message.objects.create(
        id=task.pk + 1, workspace=workspace, task=task, delivery_type=1, target=device.ad_token, msgkey="b",
        device_id=device.id, status=0, expire_at=task.expire_at, updated_at=timezone.now(),
    )  # fmt: skip
    PushTask.objects.filter(pk=task.pk).update(**PushTask.grown_by([message.pk]))
    end_validity(task)
    assert expiry.expire_due() == 1
