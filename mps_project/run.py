"""`make run`: the whole service on one machine, in the foreground.

Checks the environment, starts the embedded engines where none are named, migrates, makes the demo app, starts the
processes of the Procfile and keeps them running. Faults are one line on standard error and an exit code that is not 0.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import psycopg2
import redis
from honcho.environ import parse_procfile

from mps_project import engines, environment, installation
from mps_project.supervisor import Program, Supervisor

ROOT = Path(__file__).resolve().parent.parent


class StartError(Exception):
    """The service cannot start; the message is one line for the operator."""


_FAULTS = (StartError, environment.ConfigurationError, installation.AlreadyRunningError, engines.EngineError)


def main() -> int:
    """Run until SIGINT or SIGTERM; returns the exit code."""
    try:
        return _run()
    except _FAULTS as error:
        sys.stderr.write(f"mps: {error}\n")
        return 2 if isinstance(error, environment.ConfigurationError) else 1


def _run() -> int:
    started = time.monotonic()
    checked = environment.load(required=False)
    directory = Path(checked.text("MPS_DATA_DIR")).resolve()
    with ExitStack() as stack:
        try:
            stack.enter_context(installation.lock(directory))
        except OSError as error:
            raise StartError(f"MPS_DATA_DIR={directory} cannot be used: {error.strerror}") from None
        for name in ("MPS_HTTP_PORT", "MPS_WS_PORT", "MPS_MQTT_PORT"):
            _check_port(checked.text("MPS_BIND"), checked.number(name), name)
        stopping = stack.enter_context(_stop_on_signals())
        made_up = installation.generated_secrets(directory)
        for name in ("MPS_SECRET_KEY", "MPS_FIELD_KEYS"):
            os.environ.setdefault(name, made_up[name])
        # The demo's backend runs on this machine; production decides for itself.
        os.environ.setdefault("MPS_RECEIPT_ALLOW_PRIVATE", "1")
        os.environ["MPS_DATA_DIR"] = str(directory)
        for variable in environment.VARIABLES:
            if variable.default is not None:
                os.environ.setdefault(variable.name, variable.default)
        metrics = directory / "metrics"
        _empty(metrics)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        embedded = _start_engines(directory, made_up, stack)
        if stopping:
            return 0
        _prepare()
        supervisor = Supervisor(
            [
                Program(name, command)
                for name, command in parse_procfile((ROOT / "Procfile").read_text()).processes.items()
            ],
            directory / "processes.json",
            embedded.pids,
        )
        stack.callback(supervisor.stop)
        supervisor.start()
        _watch(supervisor, embedded, stopping, started)
    sys.stdout.write("stopped\n")
    return 0


@contextmanager
def _stop_on_signals() -> Iterator[list[int]]:
    """Yields a list that holds the signals that asked for a stop; a second one is heeded by impatience elsewhere."""
    asked: list[int] = []

    def note(signum: int, _frame: FrameType | None) -> None:
        asked.append(signum)

    before = {signum: signal.signal(signum, note) for signum in (signal.SIGINT, signal.SIGTERM)}
    yield asked
    for signum, handler in before.items():
        signal.signal(signum, handler)


def _check_port(address: str, port: int, variable: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            raise StartError(f"{variable}={port}: this port needs privileges this user does not have") from None
        except OSError:
            raise StartError(f"{variable}={port}: the port is taken on {address}, or the address is not ours") from None


def _empty(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink()


class _Embedded:
    """The engines this run started; they are restarted when they die."""

    def __init__(self) -> None:
        self.running: list[tuple[engines.Engine, subprocess.Popen[bytes]]] = []

    def start(self, engine: engines.Engine) -> None:
        process = engine.start()
        self.running.append((engine, process))
        engine.wait(process)

    def pids(self) -> dict[str, int]:
        return {engine.name.lower(): process.pid for engine, process in self.running}

    def restart_dead(self) -> bool:
        """Start again what died; whether anything had."""
        dead = [entry for entry in self.running if entry[1].poll() is not None]
        for entry in dead:
            engine, process = entry
            sys.stderr.write(f"mps: {engine.name} ended with code {process.returncode}; restarted\n")
            self.running.remove(entry)
            self.start(engine)
        return bool(dead)

    def stop(self) -> None:
        for engine, process in reversed(self.running):
            engines.stop(engine, process)


def _start_engines(directory: Path, made_up: dict[str, str], stack: ExitStack) -> _Embedded:
    """Start what the environment does not name and check what it does; sets DATABASE_URL and REDIS_URL."""
    embedded = _Embedded()
    stack.callback(embedded.stop)
    if os.environ.get("DATABASE_URL"):
        _check_database(os.environ["DATABASE_URL"])
    else:
        engine = engines.postgres(directory / "postgres", made_up["postgres_password"])
        embedded.start(engine)
        os.environ["DATABASE_URL"] = engine.url
    if os.environ.get("REDIS_URL"):
        _check_redis(os.environ["REDIS_URL"])
    else:
        engine = engines.valkey(directory / "valkey", made_up["valkey_password"], engines.free_port())
        embedded.start(engine)
        os.environ["REDIS_URL"] = engine.url
    return embedded


def _check_database(url: str) -> None:
    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except psycopg2.Error as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        password = urlsplit(url).password
        if password:
            reason = reason.replace(password, "***")
        raise StartError(f"DATABASE_URL: PostgreSQL cannot be reached: {reason}") from None


def _check_redis(url: str) -> None:
    client = redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    try:
        client.ping()
    except redis.RedisError as error:
        raise StartError(f"REDIS_URL: Valkey or Redis cannot be reached: {type(error).__name__}") from None
    finally:
        client.close()


def _prepare() -> None:
    """Migrate, and make or mend the demo app. In a child, so that this process stays small and imports no models."""
    done = subprocess.run(
        [sys.executable, "-m", "mps_project.prepare"],
        cwd=ROOT,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        raise StartError("the database could not be prepared (see above)")


def _watch(supervisor: Supervisor, embedded: _Embedded, stopping: list[int], started: float) -> None:
    """Keep everything running until a stop is asked for; say so once when all of it answers."""
    announced = False
    while not stopping:
        supervisor.tick(0.5)
        if embedded.restart_dead():
            supervisor.write_pids()
        if not announced and _is_ready():
            announced = True
            _announce(time.monotonic() - started)
    sys.stdout.write("stopping\n")
    sys.stdout.flush()


def _base_url() -> str:
    return f"http://{_reachable(os.environ['MPS_BIND'])}:{os.environ['MPS_HTTP_PORT']}"


def _reachable(address: str) -> str:
    """The address to call ourselves at: a wildcard is listened on, not called."""
    if address in ("0.0.0.0", "::"):  # noqa: S104 - compared with, not bound
        return "127.0.0.1" if address == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{address}]" if ":" in address else address


def _is_ready() -> bool:
    try:
        with urllib.request.urlopen(f"{_base_url()}/readyz", timeout=3) as answer:  # noqa: S310 - our own http URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _announce(seconds: float) -> None:
    demo = installation.read_json(Path(os.environ["MPS_DATA_DIR"]) / "demo.json")
    sys.stdout.write(
        f"\nready in {seconds:.1f} s\n"
        f"  console    {demo.get('console_url')}   (user {demo.get('username')}, password in demo.json)\n"
        f"  API        {demo.get('http_url')}   (documentation at /api/v1/docs/)\n"
        f"  MQTT       {demo.get('mqtt_url')}\n"
        f"  WebSocket  {demo.get('ws_url')}\n"
        f"  demo keys  {os.environ['MPS_DATA_DIR']}/demo.json\n\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
