"""Data that grows with traffic is partitioned by day and dropped with its day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from pushcore import retention
from pushcore.models import Broadcast, Message, PushTask, Workspace
from pushcore.storage import ids, partitions

GROWING = [
    "analytics_messageevent",
    "channels_vendor_vendormessage",
    "pushcore_message",
    "pushcore_messagekey",
    "pushcore_pushtask",
    "pushcore_receipt",
    "pushcore_receiptattempt",
    "pushcore_webhookattempt",
    "pushcore_webhookdelivery",
    "sms_smsmessage",
]


@pytest.mark.django_db
def test_tables_that_grow_with_traffic_are_partitioned_without_foreign_keys() -> None:
    """With a foreign key, dropping a day would lock a table that pushes need."""
    assert sorted(table.name for table in partitions.tables()) == sorted(GROWING)
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'p' AND relname = ANY(%s)", [GROWING])
        assert sorted(str(row[0]) for row in cursor.fetchall()) == sorted(GROWING)
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f'"
            " AND (conrelid = ANY(%s::regclass[]) OR confrelid = ANY(%s::regclass[]))",
            [GROWING, GROWING],
        )
        assert cursor.fetchall() == []


def a_task(workspace: Workspace, task_id: int) -> PushTask:
    at = ids.created_at(task_id)
    return PushTask.objects.create(
        id=task_id, workspace=workspace, kind="broadcast", delivery_type=1, source="rpc", content={"title": "T"},
        fingerprint=b"f", expire_at=at, created_at=at, last_message_id=task_id + 5, message_count=3,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_task_is_kept_as_long_as_its_last_message_and_then_dropped(workspace: Workspace) -> None:
    """A file is read until a day after its push expired, so a task is kept a day longer."""
    now = timezone.now()
    for table in (partitions.TASKS, partitions.MESSAGES):
        for days in range(8, 41):
            partitions.create(table, now - timedelta(days=days))
    task = a_task(workspace, ids.first_id_at(now - timedelta(days=38)))
    gone = a_task(workspace, ids.first_id_at(now - timedelta(days=39, hours=1)))
    broadcasts = [Broadcast.objects.create(task=t, workspace=workspace, platform=1, msgkey="k", self_built=True,
                                           expire_at=now) for t in (task, gone)]  # fmt: skip
    Message.objects.create(
        id=ids.first_id_at(now - timedelta(days=30)), workspace=workspace, task=task, delivery_type=1, target="t",
        msgkey="k", status=2, expire_at=now, updated_at=now,
    )  # fmt: skip
    dropped = partitions.drop_expired()
    retention.purge()
    assert dropped
    assert Message.objects.get().title == "T"
    assert [row.pk for row in PushTask.objects.all()] == [task.pk]
    assert not Broadcast.objects.filter(pk__in=[row.pk for row in broadcasts]).exists()
