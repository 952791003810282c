"""Migrations of large tables stop nobody: the rule of CONTRIBUTING, and what it takes to follow it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from pushcore.models import PushTask
from pushcore.storage import partitioned_indexes, partitions
from pushcore.storage.partitioned_indexes import AddIndexByPartition

# Those that grow with traffic, with the fleet, or with time.
LARGE = {table.name for table in partitions.tables()} | {
    "pushcore_device",
    "pushcore_binding",
    "pushcore_broadcastcursor",
    "pushcore_filechunk",
    "analytics_minuterollup",
    "analytics_quarterrollup",
    "console_auditentry",
}
# The last migrations before the rule. Some of those after 0010 rebuild tables, with all processes stopped.
BEFORE = {"pushcore": 20, "analytics": 8, "channels_vendor": 3, "console": 20, "gateway": 0}


def operations(migration: migrations.Migration) -> Iterator[Operation]:
    for operation in migration.operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from operation.database_operations
        else:
            yield operation


def fault_of(operation: Operation, app_label: str) -> str | None:
    """What in an operation would stop those who write to a large table."""
    table = f"{app_label}_{getattr(operation, 'model_name', '')}".lower()
    match operation:
        case migrations.RunSQL():
            sql = str(operation.sql)
            for name in LARGE:
                if re.search(
                    rf"\b(UPDATE|DELETE\s+FROM|CREATE\s+(UNIQUE\s+)?INDEX\s+\w+\s+ON)\s+\"?{name}\b", sql, re.I
                ):
                    return f"one statement over all of {name}"
        case _ if table not in LARGE:
            return None
        case AddIndexConcurrently() | AddConstraintNotValid():
            return None
        case migrations.AddIndex():
            return f"an index of {table} that is not built concurrently"
        case migrations.AddConstraint():
            return f"a constraint of {table} that is validated, or indexed, at once"
        case migrations.AddField() | migrations.AlterField() if operation.field.unique or getattr(
            operation.field, "db_index", False
        ):
            return f"an index of {table} that is not built concurrently"
        case _:
            return None
    return None


def test_migrations_of_large_tables_build_indexes_concurrently_and_change_rows_in_steps() -> None:
    loader = MigrationLoader(None)
    faults = [
        f"{app_label}.{name}: {fault}"
        for (app_label, name), migration in loader.disk_migrations.items()
        if app_label in BEFORE and int(name[:4]) > BEFORE[app_label]
        for operation in operations(migration)
        if (fault := fault_of(operation, app_label))
    ]
    assert faults == []


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddIndex("device", models.Index(fields=["model"], name="x")),
        migrations.AddField("message", "note", models.CharField(max_length=5, null=True, db_index=True)),
        migrations.AddConstraint("receipt", models.CheckConstraint(condition=models.Q(id__gt=0), name="x")),
        migrations.RunSQL("UPDATE pushcore_pushtask SET author = ''"),
        migrations.RunSQL("CREATE INDEX x ON pushcore_binding (user_id)"),
    ],
)
def test_the_rule_sees_what_would_stop_everybody(operation: Operation) -> None:
    assert fault_of(operation, "pushcore")


def _index() -> models.Index:
    return models.Index(fields=["workspace", "msgkey"], name="pushcore_msg_try")


def _state() -> ProjectState:
    return MigrationLoader(None).project_state()


def _add_index(done: list[bool]) -> None:
    operation = AddIndexByPartition("message", _index())
    state = _state()
    after = state.clone()
    operation.state_forwards("pushcore", after)
    try:
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("pushcore", editor, state, after)
        done.append(True)
    finally:
        connection.close()


def _remove_index() -> None:
    state = _state()
    with connection.schema_editor(atomic=False) as editor:
        AddIndexByPartition("message", _index()).database_backwards("pushcore", editor, state, state)


def _there_is(where: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) > 0 FROM {where}")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "where"),
    [
        # A long report: the build waits for it.
        ("SELECT count(*) FROM pushcore_message", "pg_stat_progress_create_index WHERE phase LIKE 'waiting for old%'"),
        # A long transaction that has written: nobody waits behind the build.
        (
            "UPDATE pushcore_message SET sent_at = now() WHERE false",
            "pg_locks WHERE mode = 'ShareLock' AND NOT granted",
        ),
    ],
)
def test_an_index_of_a_partitioned_table_is_built_while_pushes_go_on(
    send: Callable[..., PushTask], statement: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitioned_indexes, "PAUSE_SECONDS", 0.05)
    connecting = connection.get_connection_params() | {"cursor_factory": None}
    done: list[bool] = []
    building = threading.Thread(target=_add_index, args=[done])
    with closing(psycopg2.connect(**connecting)) as other:
        other.set_session(isolation_level="REPEATABLE READ")
        with other.cursor() as cursor:
            cursor.execute(statement)
        building.start()
        while not _there_is(where):
            assert building.is_alive()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
        assert send({"alice": "k"}).message_count == 1
    building.join()
    try:
        assert done
        assert _there_is("pg_index WHERE indexrelid = 'pushcore_msg_try'::regclass AND indisvalid")
    finally:
        _remove_index()


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_build_goes_on_when_it_is_run_again() -> None:
    """The first partition has its index, of the second there is an invalid one, the third has none."""
    done: list[bool] = []
    _add_index(done)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'pushcore_msg_try'::regclass ORDER BY 1"
        )
        names = [row[0] for row in cursor.fetchall()]
        definition = "ON {} (workspace_id, msgkey)"
        cursor.execute("DROP INDEX pushcore_msg_try")
        cursor.execute(f"CREATE INDEX pushcore_msg_try {definition.format('ONLY pushcore_message')}")
        cursor.execute(f"CREATE INDEX {names[0]} {definition.format(names[0].rpartition('_')[0])}")
        cursor.execute(f"ALTER INDEX pushcore_msg_try ATTACH PARTITION {names[0]}")
        cursor.execute(f"CREATE INDEX {names[1]} {definition.format(names[1].rpartition('_')[0])}")
    _add_index(done)
    assert _there_is("pg_index WHERE indexrelid = 'pushcore_msg_try'::regclass AND indisvalid")
    _remove_index()
    assert done == [True, True]
