"""The web process, `mps web`: console and APIs.

Loads the application and forks the processes that serve it (`mps_project.web.worker`), which share the port
(SO_REUSEPORT); replaces one that ends. WSGI, for it serves sync views nearly three times as fast as ASGI does.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack

from mps_project import configuration
from mps_project.launcher import preflight, processes
from mps_project.launcher.metrics_directory import shared_memory_directory

GRACEFUL_SECONDS = 8.0
_POLL_SECONDS = 0.2
# A process that ends at once is not restarted without a pause.
_RESTART_SECONDS = 0.5


def main() -> int:
    """Serve until a signal asks for the end; returns the exit code."""
    try:
        configured = configuration.load()
        preflight.check_port(configured.bind, configured.http_port, "MPS_HTTP_PORT")
    except (configuration.ConfigurationError, preflight.PreflightError) as error:
        sys.stderr.write(f"mps: {error}\n")
        return 2
    with ExitStack() as stack:
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            # Without a folder that the workers share, each would answer a scrape with its own part of the counts.
            folder = tempfile.mkdtemp(prefix="mps-metrics-", dir=shared_memory_directory())
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        # Imported once the folder is known.
        from mps_project.web import worker

        worker.load()
        stop = threading.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: stop.set())
        if _keep_running(configured.web_workers, stop):
            return 0
        stack.pop_all()  # what is removed at the end is the parent's
    return worker.serve()


def _keep_running(count: int, stop: threading.Event) -> bool:
    """Keep `count` workers running until `stop` is set, then end them.

    Returns:
        True when all have ended; False at once in a worker.
    """
    workers: list[processes.ForkedProcess] = []
    while not stop.wait(_POLL_SECONDS if len(workers) == count else 0):
        for ended in [worker for worker in workers if worker.poll() is not None]:
            sys.stderr.write(f"mps: a web process ended with code {ended.returncode}; another is started\n")
            time.sleep(_RESTART_SECONDS)
            workers.remove(ended)
        if len(workers) < count:
            worker = processes.fork()
            if worker is None:
                return False
            workers.append(worker)
    processes.terminate([(worker, signal.SIGTERM) for worker in workers], GRACEFUL_SECONDS + 1)
    return True


if __name__ == "__main__":
    sys.exit(main())
