"""The web process, `mps web`: console and APIs.

Starts the processes that serve (`mps_project.web.worker`), which share the port (SO_REUSEPORT), and replaces one that
ends. WSGI, for it serves sync views nearly three times as fast as ASGI does.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from mps_project import configuration
from mps_project.launcher import preflight, processes
from mps_project.launcher.metrics_directory import shared_memory_directory

GRACEFUL_SECONDS = 8.0
_POLL_SECONDS = 0.2
# A process that ends at once is not restarted without a pause.
_RESTART_SECONDS = 0.5
_COMMAND = [sys.executable, "-m", "mps_project.web.worker"]


def main() -> int:
    """Serve until a signal asks for the end; returns the exit code."""
    try:
        configured = configuration.load()
        preflight.check_port(configured.bind, configured.http_port, "MPS_HTTP_PORT")
    except (configuration.ConfigurationError, preflight.PreflightError) as error:
        sys.stderr.write(f"mps: {error}\n")
        return 2
    own_metrics = ""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        # Without a folder that the workers share, each would answer a scrape with its own part of the counts.
        own_metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(
            prefix="mps-metrics-", dir=shared_memory_directory()
        )
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    try:
        _keep_running(configured.web_workers, stop)
    finally:
        if own_metrics:
            shutil.rmtree(own_metrics, ignore_errors=True)
    return 0


def _keep_running(count: int, stop: threading.Event) -> None:
    """Keep `count` workers running until `stop` is set, then end them."""
    workers = [_start() for _ in range(count)]
    while not stop.wait(_POLL_SECONDS):
        for number, worker in enumerate(workers):
            if worker.poll() is not None:
                sys.stderr.write(f"mps: a web process ended with code {worker.returncode}; another is started\n")
                time.sleep(_RESTART_SECONDS)
                workers[number] = _start()
    processes.terminate([(worker, signal.SIGTERM) for worker in workers], GRACEFUL_SECONDS + 1)


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(_COMMAND, start_new_session=True, preexec_fn=processes.die_with_parent())


if __name__ == "__main__":
    sys.exit(main())
