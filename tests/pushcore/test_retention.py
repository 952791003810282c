"""What grows with traffic is partitioned by day: it is carried over by the migrations and dropped with its day."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from pushcore import ids, partitions, retention
from pushcore.models import Broadcast, Message, PushTask, Workspace
from pushcore.partitions import DailyTable

GROWING = ["pushcore_message", "pushcore_messagekey", "pushcore_pushtask"]


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


@pytest.mark.django_db
def test_tasks_are_carried_into_their_days(workspace: Workspace) -> None:
    moments = [timezone.now() - timedelta(days=days) for days in (0, 1, 20)]
    for moment in moments:
        partitions.create(partitions.TASKS, moment)
    tasks = [a_task(workspace, ids.first_id_at(moment)) for moment in moments]
    with connection.cursor() as cursor:
        # As it was before: one table.
        cursor.execute("CREATE TABLE whole (LIKE pushcore_pushtask INCLUDING ALL)")
        cursor.execute("INSERT INTO whole SELECT * FROM pushcore_pushtask")
        cursor.execute("DROP TABLE pushcore_pushtask")
        cursor.execute("ALTER TABLE whole RENAME TO pushcore_pushtask")
    import_module("pushcore.migrations.0015_tasks_by_day").forwards(None, None)
    for task in tasks:
        assert PushTask.objects.get(pk=task.pk).last_message_id == task.last_message_id
    assert len(partitions.existing("pushcore_pushtask")) == 3


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
