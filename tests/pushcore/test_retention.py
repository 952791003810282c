"""What grows with traffic is partitioned by day: it is carried over by the migrations and dropped with its day."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from analytics.models import MessageEvent
from pushcore.devices import registry
from pushcore.devices.registry import Facts
from pushcore.models import Broadcast, Message, PushTask, Receipt, ReceiptAttempt, Workspace
from pushcore.storage import ids, partitions, retention
from pushcore.storage.partitions import DailyTable

GROWING = [
    "analytics_messageevent",
    "channels_vendor_vendormessage",
    "pushcore_message",
    "pushcore_messagekey",
    "pushcore_pushtask",
    "pushcore_receipt",
    "pushcore_receiptattempt",
]


@pytest.mark.django_db
def test_all_that_grows_with_traffic_is_partitioned_without_foreign_keys() -> None:
    """A foreign key, either way, would make dropping a day lock a table that pushes need."""
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


@pytest.mark.django_db
@pytest.mark.parametrize("table", partitions.tables(), ids=lambda table: table.name)
def test_a_partitioned_table_has_the_columns_and_indexes_of_its_model(table: DailyTable) -> None:
    [model] = [model for model in apps.get_models() if model._meta.db_table == table.name]
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table.name)]
        indexes = connection.introspection.get_constraints(cursor, table.name)
    assert sorted(map(str, columns)) == sorted(str(field.column) for field in model._meta.concrete_fields)
    assert {str(index.name) for index in model._meta.indexes} <= set(indexes)


def a_task(workspace: Workspace, task_id: int) -> PushTask:
    at = ids.created_at(task_id)
    return PushTask.objects.create(
        id=task_id, workspace=workspace, kind="broadcast", delivery_type=1, source="rpc", content={"title": "T"},
        fingerprint=b"f", expire_at=at, created_at=at, last_message_id=task_id + 5, message_count=3,
    )  # fmt: skip


def make_whole(table: str) -> None:
    """Make a table one without partitions, as it was before."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE whole (LIKE {table} INCLUDING ALL)")
        cursor.execute(f"INSERT INTO whole SELECT * FROM {table}")
        cursor.execute(f"DROP TABLE {table} CASCADE")
        cursor.execute(f"ALTER TABLE whole RENAME TO {table}")


@pytest.mark.django_db
def test_tasks_are_carried_into_their_days(workspace: Workspace) -> None:
    moments = [timezone.now() - timedelta(days=days) for days in (0, 1, 20)]
    for moment in moments:
        partitions.create(partitions.TASKS, moment)
    tasks = [a_task(workspace, ids.first_id_at(moment)) for moment in moments]
    make_whole("pushcore_pushtask")
    import_module("pushcore.migrations.0015_tasks_by_day").forwards(None, None)
    for task in tasks:
        assert PushTask.objects.get(pk=task.pk).last_message_id == task.last_message_id
    assert len(partitions.existing("pushcore_pushtask")) == 3


@pytest.mark.django_db
def test_receipts_and_attempts_are_carried_into_their_days_and_numbered_on(workspace: Workspace) -> None:
    def a_receipt() -> Receipt:
        receipt = Receipt.objects.create(workspace=workspace, message_id=ids.new_ids(1)[0], body="{}",
                                         created_at=timezone.now(), next_attempt_at=timezone.now())  # fmt: skip
        ReceiptAttempt.objects.create(receipt=receipt, at=timezone.now(), duration_ms=1)
        return receipt

    first = a_receipt()
    make_whole("pushcore_receipt")
    make_whole("pushcore_receiptattempt")
    import_module("pushcore.migrations.0017_receipts_by_day").forwards(None, None)
    assert Receipt.objects.get(pk=first.pk).attempts.count() == 1
    second = a_receipt()
    assert second.pk > first.pk
    assert second.attempts.get().pk > first.attempts.get().pk
    with pytest.raises(IntegrityError), transaction.atomic():
        Receipt.objects.create(workspace=workspace, message_id=first.message_id, body="{}",
                               created_at=timezone.now(), next_attempt_at=timezone.now())  # fmt: skip


@pytest.mark.django_db
def test_an_event_is_carried_into_its_day_and_counted_once(workspace: Workspace) -> None:
    [(device, _)] = registry.register([(workspace, Facts())])

    def an_event(message_id: int) -> MessageEvent:
        return MessageEvent.objects.create(workspace=workspace, message_id=message_id, device_id=device.id,
                                           kind="opened", at=timezone.now(), received_at=timezone.now())  # fmt: skip

    first = an_event(ids.new_ids(1)[0])
    make_whole("analytics_messageevent")
    import_module("analytics.migrations.0008_events_by_day").forwards(None, None)
    assert MessageEvent.objects.get().pk == first.pk
    assert an_event(ids.new_ids(1)[0]).pk > first.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        an_event(first.message_id)


@pytest.mark.django_db(transaction=True)
def test_a_task_is_kept_as_long_as_its_last_message_and_then_dropped(workspace: Workspace) -> None:
    """A file is read until a day after its push expired: seven days and one more."""
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
