"""A server of the oldest supported PostgreSQL, from its Debian package."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from mps_project.launcher import engines, processes
from mps_project.launcher.engines.system_user import (
    SYSTEM_USER,
    allow_traversal,
    change_owner,
    ensure_user,
    group_of,
)

VERSION = 15
BINARIES = Path(f"/usr/lib/postgresql/{VERSION}/bin")


@contextmanager
def server(directory: Path) -> Iterator[str]:
    """Run the server with its data in a private `directory`; yields its URL. Skips the test if it is not installed."""
    if not (BINARIES / "initdb").exists():
        pytest.skip(f"no PostgreSQL {VERSION} on this machine (Debian package: postgresql-{VERSION})")
    # PostgreSQL refuses to run as root.
    user = SYSTEM_USER if os.geteuid() == 0 else None
    if user:
        ensure_user(user)
        allow_traversal(directory)
    directory.mkdir(mode=0o700)
    change_owner(directory, user)
    data = directory / "postgres"
    made = subprocess.run(
        [BINARIES / "initdb", "-D", data, "-U", "postgres", "--encoding=UTF8", "--locale=C", "--auth=trust"],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        user=user,
        group=group_of(user),
        extra_groups=[] if user else None,
        preexec_fn=processes.die_with_parent(),
    )
    assert made.returncode == 0, made.stderr
    engine = engines.Engine(
        f"PostgreSQL {VERSION}",
        [str(BINARIES / "postgres"), "-D", str(data), "-h", "", "-k", str(directory), "-c", "fsync=off"],
        f"postgresql://postgres@/postgres?host={directory}",
        signal.SIGINT,
        lambda: _answers(directory),
        directory.parent / "oldest.log",
        user=user,
    )
    process = engine.start_and_wait()
    try:
        yield engine.url
    finally:
        engine.stop(process)


def _answers(directory: Path) -> bool:
    try:
        psycopg2.connect(host=str(directory), user="postgres", dbname="postgres").close()
    except psycopg2.OperationalError:
        return False
    return True
