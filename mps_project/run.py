"""`mps run` (in a checkout `make run`): the whole service on one machine, in the foreground.

Checks the configuration, starts the embedded engines where none are named, migrates, makes the demo app, starts the
programs of the Procfile and keeps them running. Faults are one line on standard error and an exit code that is not 0.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from mps_project import configuration
from mps_project.configuration import Configuration, LauncherConfiguration
from mps_project.launcher import announcement, engines, exposure, installation, preflight, processes
from mps_project.launcher.disk_space import DiskSpaceMonitor
from mps_project.launcher.environment import complete_environment
from mps_project.launcher.output import write_line
from mps_project.launcher.preload import Preloader
from mps_project.launcher.programs import WORKING_DIRECTORY, Program, service_programs, vendor_demo
from mps_project.launcher.stop_request import StopRequest, stop_requests
from mps_project.launcher.supervisor import Supervisor

TICK_SECONDS = 0.2

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
        stop = stack.enter_context(stop_requests())
        generated = installation.generated_secrets(directory)
        complete_environment(directory, given, generated)
        stack.callback(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
        supervisor = Supervisor(directory / "processes.json")
        embedded = _embedded_engines(directory, given, generated)
        configured = configuration.load()
        stack.callback(_stop_all, supervisor, embedded, stop)
        # It loads while the engines start.
        preloader = Preloader(WORKING_DIRECTORY) if processes.adopt_orphans() else None
        if preloader is not None:
            supervisor.start([preloader])
        for engine in embedded:
            supervisor.adopt([(engine, engine.start_and_wait(cancelled=lambda: stop.asked))])
        if not stop.asked:
            status = _prepare(preloader)
            if status:
                return status
        _warn_of_exposure(configured)
        if not stop.asked:
            supervisor.start(list(service_programs(configured, preloader)))
            if configured.demo_vendors:
                supervisor.start([vendor_demo(preloader)])
            _watch(configured, supervisor, embedded, stop, started)
        write_line("stopping")
    write_line("stopped")
    return 0


def _embedded_engines(
    directory: Path, given: LauncherConfiguration, generated: Mapping[str, str]
) -> list[engines.Engine]:
    """Return the engines the environment does not name; check those it names. Sets DATABASE_URL and REDIS_URL."""
    embedded: list[engines.Engine] = []
    if given.database_url:
        preflight.check_database(given.database_url)
    else:
        embedded.append(engines.postgres(directory / "postgres", generated["postgres_password"]))
        os.environ["DATABASE_URL"] = embedded[-1].url
    if given.redis_url:
        preflight.check_redis(given.redis_url)
    else:
        embedded.append(engines.valkey(directory / "valkey", generated["valkey_password"], engines.free_port()))
        os.environ["REDIS_URL"] = embedded[-1].url
    return embedded


def _stop_all(supervisor: Supervisor, embedded: list[engines.Engine], stop: StopRequest) -> None:
    supervisor.stop(skip_grace=lambda: stop.repeated)
    for engine in embedded:
        engine.clean_up()


def _prepare(preloader: Preloader | None) -> int:
    """Migrate, and create or update the demo app, in a child: this process stays small and imports no models."""
    program = Program("prepare", "python -m mps_project prepare", preloader=preloader)
    try:
        code = program.run()
    except OSError:  # the preloader has said why
        raise preflight.PreflightError("the service's modules cannot be loaded") from None
    if code < 0:
        raise preflight.PreflightError(f"preparing the database was ended by signal {-code}")
    return code


def _watch(
    configured: Configuration,
    supervisor: Supervisor,
    embedded: list[engines.Engine],
    stop: StopRequest,
    started: float,
) -> None:
    """Keep everything running until a stop is asked for; announce once that all of it answers."""
    directory = Path(configured.data_dir)
    announced, disk_space = False, DiskSpaceMonitor(directory)
    while not stop.asked:
        time.sleep(TICK_SECONDS)
        processes.reap_orphans(supervisor.pids.values())
        supervisor.tick()
        for engine in embedded:
            engine.limit_log()
        disk_space.check()
        if not announced and announcement.is_ready(configured):
            announced = True
            announcement.announce(directory, time.monotonic() - started)


def _warn_of_exposure(configured: Configuration) -> None:
    if exposure.is_exposed(configured.bind):
        lines = "".join(f"\n  - {line}" for line in exposure.list_exposed(configured))
        write_line(f"warning: MPS_BIND={configured.bind} lets other machines in. Open to them:{lines}")


if __name__ == "__main__":
    sys.exit(main())
