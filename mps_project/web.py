"""The web process, `python -m mps_project.web`: console and APIs.

WSGI, for it serves sync views nearly three times as fast as ASGI does; on granian, which handles connections and HTTP
outside of Python.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from django.core.handlers.wsgi import WSGIHandler
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from mps_project import environment, processes
from mps_project.collector import spare_what_is_loaded

GRACEFUL_SECONDS = 8
# As long as a URL of the RPC door may be, which takes its parameters there too, with headers.
MAX_HEAD_BYTES = 65536


def main() -> int:
    """Serve until a signal asks for the end; returns the exit code."""
    try:
        checked = environment.load()
    except environment.ConfigurationError as error:
        sys.stderr.write(f"mps: {error}\n")
        return 2
    own_metrics = ""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        # Without a folder that the workers share, each would answer a scrape with its own part of the counts.
        own_metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="mps-metrics-")
    try:
        _server(checked).serve()
    finally:
        if own_metrics:
            shutil.rmtree(own_metrics, ignore_errors=True)
    return 0


def _server(checked: environment.Environment) -> Server:
    return Server(
        "mps_project.web:load_application",
        factory=True,
        address=checked.text("MPS_BIND"),
        port=checked.number("MPS_HTTP_PORT"),
        interface=Interfaces.WSGI,
        workers=checked.number("MPS_WEB_WORKERS"),
        blocking_threads=checked.number("MPS_WEB_THREADS"),
        backpressure=1000,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEAD_BYTES),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACEFUL_SECONDS,
        # Only faults: it has no say about the number of threads, most of which wait.
        log_level=LogLevels.error,
    )


def load_application() -> WSGIHandler:
    """Called in each of its processes."""
    processes.follow_parent()
    from mps_project.wsgi import application

    spare_what_is_loaded()
    return application


if __name__ == "__main__":
    sys.exit(main())
