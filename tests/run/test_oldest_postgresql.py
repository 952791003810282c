"""The oldest supported PostgreSQL runs all migrations and the core of the domain, and compiles no statement."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.support import oldest_postgresql

ROOT = Path(__file__).parents[2]
# Tests that use most of the server's features: shared statements, COPY, partitions, triggers, sums.
CORE = [
    "tests/pushcore/test_push.py",
    "tests/pushcore/test_insert.py",
    "tests/pushcore/test_outcomes.py",
    "tests/pushcore/test_partitions.py",
    "tests/pushcore/file_push/test_load.py",
    "tests/pushcore/file_push/test_workers.py",
    "tests/pushcore/file_push/test_kept_files.py",
    "tests/pushcore/audience/test_audience_push.py::test_random_conditions_reach_what_a_plain_recount_chooses",
    "tests/analytics/test_ledger.py::test_sums_equal_a_plain_recount",
    "tests/analytics/test_ledger.py::test_messages_acknowledged_by_one_statement_are_counted_for_the_devices_they_went_to",
]


# What Django calls the database of the tests where the service's is `postgres`.
DATABASE = "test_postgres"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of a server's database that has all migrations."""
    # Its own place: a socket's path must be short.
    with (
        tempfile.TemporaryDirectory(prefix="mps-oldest-") as directory,
        oldest_postgresql.server(Path(directory) / "server") as url,
    ):
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
        run(url.replace("/postgres?", f"/{DATABASE}?"), "manage.py", "migrate", "-v0")
        yield url


def run(url: str, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # Its own logical database of Valkey: tests empty theirs.
    valkey = os.environ["REDIS_URL"].rpartition("/")[0] + "/31"
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment | {"DATABASE_URL": url, "REDIS_URL": valkey},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.xdist_group("oldest_postgresql")
def test_the_core_works_with_the_oldest_supported_postgresql(url: str) -> None:
    run(url, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--reuse-db", *CORE)


@pytest.mark.xdist_group("oldest_postgresql")
def test_the_triggers_of_messages_are_never_compiled_whoever_writes_them(url: str) -> None:
    """Another client's connection leaves jit on."""
    with closing(psycopg2.connect(url.replace("/postgres?", f"/{DATABASE}?"))) as connection:
        cursor = connection.cursor()
        cursor.execute("LOAD 'auto_explain'")
        cursor.execute(
            "SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;"
            " SET auto_explain.log_analyze = on; SET client_min_messages = log"
        )
        for _ in range(2):
            cursor.execute(
                "INSERT INTO pushcore_message (id, workspace_id, task_id, delivery_type, target, msgkey, device_id,"
                " status, channel, expire_at, updated_at)"
                " SELECT id, 1, 1, 1, 't', 'k', id, 0, 0, now(), now() FROM pushcore_new_ids(100) AS id"
            )
        cursor.execute("UPDATE pushcore_message SET status = 2, updated_at = now() WHERE id % 2 = 0")
        cursor.execute("UPDATE pushcore_message SET channel = 6, updated_at = now()")
        # Not committed: the tests' database stays empty.
        plans = "\n".join(connection.notices)
    assert "analytics_change" in plans
    assert "JIT:" not in plans
