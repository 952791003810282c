"""`mps run` (in a checkout `make run`): the whole service on one machine, in the foreground.

Checks the environment, starts the embedded engines where none are named, migrates, makes the demo app, starts the
processes of the Procfile and keeps them running. Faults are one line on standard error and an exit code that is not 0.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from honcho.environ import parse_procfile

from mps_project import configuration
from mps_project.configuration import Configuration, LauncherConfiguration
from mps_project.launcher import disk, engines, exposure, installation, preflight, processes
from mps_project.launcher.supervisor import Program, Supervisor, say

_PACKAGE = Path(__file__).resolve().parent
# The processes start here: it holds the packages, in a checkout as where they are installed.
ROOT = _PACKAGE.parent
TICK_SECONDS = 0.2
READY_TIMEOUT_SECONDS = 3
# Calls ourselves, whatever proxy the environment names.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

_FAULTS = (
    configuration.ConfigurationError,
    installation.InstallationError,
    preflight.PreflightError,
    engines.EngineError,
)


def main() -> int:
    """Run until a signal asks for the end; returns the exit code."""
    try:
        return _run()
    except _FAULTS as error:
        sys.stderr.write(f"mps: {error}\n")
        return 2 if isinstance(error, configuration.ConfigurationError) else 1
    except OSError as error:
        sys.stderr.write(f"mps: {error.filename or 'the system'}: {error.strerror}\n")
        return 1


def _run() -> int:
    started = time.monotonic()
    given = configuration.load_for_launcher()
    directory = Path(given.data_dir).resolve()
    with ExitStack() as stack:
        try:
            stack.enter_context(installation.lock(directory))
        except OSError as error:
            raise preflight.PreflightError(f"MPS_DATA_DIR={directory} cannot be used: {error.strerror}") from None
        preflight.check_ports(given)
        stop = stack.enter_context(_stop_requests())
        made_up = installation.generated_secrets(directory)
        _complete_environment(directory, given, made_up)
        stack.callback(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
        supervisor = Supervisor(directory / "processes.json")
        embedded = _engines(directory, given, made_up)
        configured = configuration.load()
        stack.callback(_stop_all, supervisor, embedded, stop)
        for engine in embedded:
            supervisor.adopt([(engine, engine.launch(cancelled=lambda: stop.asked))])
        if not stop.asked:
            status = _prepare()
            if status:
                return status
        _warn_of_what_is_open(configured)
        if not stop.asked:
            procfile = parse_procfile((_PACKAGE / "Procfile").read_text())
            supervisor.start(list(_programs(procfile.processes, configured.gateway_processes)))
            if configured.demo_vendors:
                supervisor.start([Program("simulator", "python -m mps_project demo_vendors", ROOT)])
            _watch(configured, supervisor, embedded, stop, started)
        say("stopping")
    say("stopped")
    return 0


def _programs(commands: Mapping[str, str], gateways: int) -> Iterator[Program]:
    """Yield the Procfile's programs, the gateway `gateways` times."""
    for name, command in commands.items():
        copies = gateways if name == "gateway" else 1
        for number in range(1, copies + 1):
            yield Program(name if number == 1 else f"{name}.{number}", command, ROOT)


class _Stop:
    """Whether we were asked to stop, and how often."""

    def __init__(self) -> None:
        self.signals = 0
        self._make = processes.Make()

    @property
    def asked(self) -> bool:
        return self.signals > 0 or self._make.interrupted

    @property
    def repeated(self) -> bool:
        """A second Ctrl-C: do not wait for anybody."""
        return self.signals > 1


@contextmanager
def _stop_requests() -> Iterator[_Stop]:
    """Count the signals that ask for the end. SIGHUP (the terminal is closed) does, unless nohup(1) turned it off."""
    stop = _Stop()

    def count(_signum: int, _frame: FrameType | None) -> None:
        stop.signals += 1

    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {signum: signal.signal(signum, count) for signum in wanted}
    yield stop
    for signum, handler in before.items():
        signal.signal(signum, handler)


def _complete_environment(directory: Path, given: LauncherConfiguration, made_up: Mapping[str, str]) -> None:
    """Set what the processes need and nobody has set: generated secrets and the demo's choices."""
    for name in ("MPS_SECRET_KEY", "MPS_FIELD_KEYS"):
        if not os.environ.get(name):
            os.environ[name] = made_up[name]
    if not exposure.is_exposed(given.bind):
        # The demo's backend runs on this machine, and nobody else is here; production decides for itself.
        os.environ.setdefault("MPS_RECEIPT_ALLOW_PRIVATE", "1")
    if given.demo_vendors:
        # The simulated vendors are on this machine, and post their receipts here.
        os.environ["MPS_VENDOR_ALLOW_PRIVATE"] = "1"
        if not given.public_url:
            os.environ["MPS_PUBLIC_URL"] = f"http://{_reachable(given.bind)}:{given.http_port}"
    # The processes start in another directory than this one.
    os.environ["MPS_DATA_DIR"] = str(directory)
    for name in ("MPS_TLS_CERT_FILE", "MPS_TLS_KEY_FILE"):
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).resolve())
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(disk.metrics_folder(directory))
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def _engines(directory: Path, given: LauncherConfiguration, made_up: Mapping[str, str]) -> list[engines.Engine]:
    """Return the engines the environment does not name; check those it names. Sets DATABASE_URL and REDIS_URL."""
    embedded: list[engines.Engine] = []
    if given.database_url:
        preflight.check_database(given.database_url)
    else:
        embedded.append(engines.postgres(directory / "postgres", made_up["postgres_password"]))
        os.environ["DATABASE_URL"] = embedded[-1].url
    if given.redis_url:
        preflight.check_redis(given.redis_url)
    else:
        embedded.append(engines.valkey(directory / "valkey", made_up["valkey_password"], engines.free_port()))
        os.environ["REDIS_URL"] = embedded[-1].url
    return embedded


def _stop_all(supervisor: Supervisor, embedded: list[engines.Engine], stop: _Stop) -> None:
    supervisor.stop(hurried=lambda: stop.repeated)
    for engine in embedded:
        engine.clean_up()


def _prepare() -> int:
    """Migrate, and make or mend the demo app. In a child, so that this process stays small and imports no models."""
    done = subprocess.run(
        [sys.executable, "-m", "mps_project.launcher.prepare"],
        cwd=ROOT,
        check=False,
        start_new_session=True,
        preexec_fn=processes.die_with_parent(),
    )
    if done.returncode < 0:
        raise preflight.PreflightError(f"preparing the database was ended by signal {-done.returncode}")
    return done.returncode


def _watch(
    configured: Configuration, supervisor: Supervisor, embedded: list[engines.Engine], stop: _Stop, started: float
) -> None:
    """Keep everything running until a stop is asked for; say so once when all of it answers."""
    announced, room = False, disk.Room(Path(configured.data_dir))
    while not stop.asked:
        time.sleep(TICK_SECONDS)
        supervisor.tick()
        for engine in embedded:
            engine.bound_log()
        room.look()
        if not announced and _is_ready(configured):
            announced = True
            _announce(Path(configured.data_dir), time.monotonic() - started)


def _warn_of_what_is_open(configured: Configuration) -> None:
    if exposure.is_exposed(configured.bind):
        open_things = "".join(f"\n  - {line}" for line in exposure.open_to_others(configured))
        say(f"warning: MPS_BIND={configured.bind} lets other machines in. Open to them:{open_things}")


def _reachable(address: str) -> str:
    """The address to call ourselves at: a wildcard is listened on, not called."""
    if address in ("0.0.0.0", "::"):  # noqa: S104 - compared with, not bound
        return "127.0.0.1" if address == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{address}]" if ":" in address else address


def _is_ready(configured: Configuration) -> bool:
    url = f"http://{_reachable(configured.bind)}:{configured.http_port}/readyz"
    try:
        with _direct.open(url, timeout=READY_TIMEOUT_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _announce(directory: Path, seconds: float) -> None:
    demo = installation.read_json(directory / "demo.json")
    say(
        f"\nready in {seconds:.1f} s\n"
        f"  console    {demo.get('console_url')}   (user {demo.get('username')}, password in demo.json)\n"
        f"  API        {demo.get('http_url')}   (documentation at /api/v1/docs/)\n"
        f"  MQTT       {demo.get('mqtt_url')}\n"
        f"  WebSocket  {demo.get('ws_url')}\n"
        f"  demo keys  {directory}/demo.json\n"
    )


if __name__ == "__main__":
    sys.exit(main())
