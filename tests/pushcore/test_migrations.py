"""Migrations follow the rules of CONTRIBUTING: they import no code of ours and block nobody."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.apps import apps
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from pushcore.models import PushTask
from pushcore.storage import partitioned_indexes, partitions
from pushcore.storage.partitioned_indexes import AddIndexByPartition
from pushcore.storage.partitions import DailyTable

ROOT = Path(__file__).parents[2]

# Those that grow with traffic, with the fleet, or with time.
LARGE = {table.name for table in partitions.tables()} | {
    "pushcore_device",
    "pushcore_binding",
    "pushcore_broadcastcursor",
    "pushcore_filechunk",
    "analytics_minuterollup",
    "analytics_quarterrollup",
    "analytics_statusrollup",
    "console_auditentry",
}


def operations(migration: migrations.Migration) -> Iterator[Operation]:
    for operation in migration.operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from operation.database_operations
        else:
            yield operation


def fault_of(operation: Operation, app_label: str) -> str | None:
    """Return what in an operation would block writers of a large table."""
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


def our_migrations() -> list[migrations.Migration]:
    """Return all migrations of the project's apps."""
    ours = {config.label for config in apps.get_app_configs() if Path(config.path).parent == ROOT}
    loader = MigrationLoader(None)
    return [migration for (app_label, _), migration in loader.disk_migrations.items() if app_label in ours]


def path_of(migration: migrations.Migration) -> Path:
    return Path(str(inspect.getfile(type(migration))))


def test_migrations_of_large_tables_build_indexes_concurrently_and_change_rows_in_steps() -> None:
    faults = [
        f"{migration}: {fault}"
        for migration in our_migrations()
        if not migration.initial
        for operation in operations(migration)
        if (fault := fault_of(operation, migration.app_label))
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
def test_the_check_finds_migrations_that_would_block(operation: Operation) -> None:
    assert fault_of(operation, "pushcore")


@pytest.mark.parametrize("migration", our_migrations(), ids=str)
def test_a_migration_works_whatever_becomes_of_the_code(migration: migrations.Migration) -> None:
    """It imports Django, the standard library and `AddIndexByPartition`, and no model, setting or function of ours."""
    imported = set[str]()
    for node in ast.walk(ast.parse(path_of(migration).read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            imported.add(str(node.module))
    imported.discard(AddIndexByPartition.__module__)
    assert {name.partition(".")[0] for name in imported} <= {"django", *sys.stdlib_module_names}


def test_every_sql_file_beside_the_migrations_is_run_by_the_one_whose_number_it_has() -> None:
    for migration in our_migrations():
        path = path_of(migration)
        run = [operation.sql for operation in operations(migration) if isinstance(operation, migrations.RunSQL)]
        beside = sorted(path.parent.glob(f"{path.name[:4]}_*.sql"))
        assert sorted(run) == sorted(file.read_text() for file in beside)


# What is compared: columns (but for the default of a number that counts up), checks, and what the model names.
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull,
    CASE WHEN attname <> 'id' THEN pg_get_expr(adbin, adrelid) END
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""
CHECKS = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %(table)s::regclass AND contype = 'c' ORDER BY 1
"""
INDEXES = """
SELECT relname, indisunique, substring(pg_get_indexdef(indexrelid) FROM 'USING .*')
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = %(table)s::regclass AND relname = ANY(%(named)s) ORDER BY relname
"""


@pytest.mark.django_db
@pytest.mark.parametrize("table", partitions.tables(), ids=lambda table: table.name)
def test_a_partitioned_table_is_what_django_would_make_of_its_model(table: DailyTable) -> None:
    [model] = [model for model in apps.get_models() if model._meta.db_table == table.name]
    named = [str(each.name) for each in (*model._meta.indexes, *model._meta.constraints)]
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA plain")
        cursor.execute("SET LOCAL search_path TO plain, public")
        with connection.schema_editor() as editor:
            editor.create_model(model)

        def described(schema: str) -> list[list[tuple[Any, ...]]]:
            name, found = f"{schema}.{table.name}", []
            for query in (COLUMNS, CHECKS, INDEXES):
                cursor.execute(query, {"table": name, "named": named})
                found.append(cursor.fetchall())
            return found

        ours, plain = described("public"), described("plain")
    assert ours == plain
    assert len(plain[2]) == len(named)


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
def test_an_interrupted_index_build_continues_when_run_again() -> None:
    """The first partition has its index, the second an invalid one, the third none."""
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
