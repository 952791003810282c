"""The rate of the bare database: pgbench commits the rows of an accepted push and does nothing else."""

from __future__ import annotations

import re
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg2

from mps_project.launcher.engines import postgres_binaries

CLIENTS = 16
THREADS = 2
_ID = "(SELECT pushcore_new_ids(1))"


def script(database_url: str, targets: int) -> str:
    """Return a pgbench script: one transaction that inserts the rows of the newest push to `targets` targets."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM pushcore_pushtask WHERE message_count = %s", [targets])
        newest = cursor.fetchone()
        assert newest is not None
        task = newest[0]
        tasks, values = _insert(cursor, "pushcore_pushtask", {"id": _ID}, "id = %s", task)
        own = {"id": "pushcore_new_ids(1)", "task_id": ":task"}
        messages, message = _insert(cursor, "pushcore_message", own, "task_id = %s LIMIT 1", task)
    return (
        f"BEGIN;\n{tasks} VALUES ({values}) RETURNING id AS task \\gset\n"
        f"{messages} SELECT {message} FROM generate_series(1, {targets});\nCOMMIT;\n"
    )


def _insert(
    cursor: psycopg2.extensions.cursor, name: str, own: dict[str, str], which: str, task: int
) -> tuple[str, str]:
    """Return `INSERT INTO name (columns)`, and the values of an existing row except for the columns in `own`."""
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " ORDER BY attnum",
        [name],
    )
    columns = [row[0] for row in cursor.fetchall()]
    literals = ", ".join(f"quote_nullable({column}::text)" for column in columns)
    cursor.execute(f"SELECT {literals} FROM {name} WHERE {which}", [task])
    row = cursor.fetchone()
    assert row is not None
    values = ", ".join(own.get(column, literal) for column, literal in zip(columns, row, strict=True))
    return f"INSERT INTO {name} ({', '.join(columns)})", values


def run(database_url: str, file: Path, seconds: float) -> float:
    """Return the transactions a second of `CLIENTS` clients with prepared statements.

    Raises:
        CalledProcessError: pgbench failed.
    """
    done = subprocess.run(
        [
            str(postgres_binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", str(THREADS),
            "-T", str(max(1, round(seconds))), "-f", str(file), database_url,
        ],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])
