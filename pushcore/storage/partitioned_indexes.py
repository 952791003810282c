"""Add an index to a partitioned table while it is written to; for migrations."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

from pushcore.storage.outages import DatabaseFault
from pushcore.storage.sql import statements
from pushcore.storage.timeouts import is_lock_timeout

_SQL = statements(__file__)

LOCK_TIMEOUT_MS = 500
PAUSE_SECONDS = 2.0
ATTEMPTS = 300


class AddIndexByPartition(AddIndexConcurrently):
    """Build the index of each partition concurrently, and attach it: PostgreSQL builds none of a whole table so.

    (CREATE INDEX, "Building Indexes Concurrently", on partitioned tables.) The migration is not atomic. One that was
    interrupted goes on when it is run again; a partition made meanwhile has its index from the beginning.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Create the index on each partition, then on the table."""
        self._ensure_not_in_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        table, name = model._meta.db_table, str(self.index.name)
        create = str(self.index.create_sql(model, schema_editor))

        def on(place: str, index: str, how: str) -> str:
            rest = create.removeprefix(f'CREATE INDEX "{name}" ON "{table}"')
            return f'CREATE INDEX {how} "{index}" ON {place}{rest}'

        _execute_briefly(schema_editor, on(f'ONLY "{table}"', name, "IF NOT EXISTS"))
        for partition in _without(schema_editor, table, name):
            index = f"{partition}_{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:8]}"
            # One that an interrupted build has left is not valid.
            schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{index}"')
            schema_editor.execute(on(f'"{partition}"', index, "CONCURRENTLY"))
            _execute_briefly(schema_editor, f'ALTER INDEX "{name}" ATTACH PARTITION "{index}"')

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop the index."""
        schema_editor.execute(f'DROP INDEX IF EXISTS "{self.index.name}"')

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Create index {self.index.name} on the partitions of {self.model_name}, one after the other"


def _execute_briefly(schema_editor: Any, statement: str) -> None:
    """Execute a statement that is quick once it has its lock, without making others wait behind it for long.

    Waits for the lock `LOCK_TIMEOUT_MS` at a time, `ATTEMPTS` times.

    Raises:
        DatabaseFault: The last attempt failed.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            schema_editor.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
            schema_editor.execute(statement)
        except DatabaseFault as error:
            if attempt == ATTEMPTS or not is_lock_timeout(error):
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return
        finally:
            schema_editor.execute("RESET lock_timeout")


def _without(schema_editor: Any, table: str, index: str) -> list[str]:
    """Return the table's partitions that have no index attached to this one."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_SQL["partitions_without"], {"table": table, "index": index})
        return [partition for (partition,) in cursor.fetchall()]
