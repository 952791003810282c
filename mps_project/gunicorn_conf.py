"""gunicorn: the web process. WSGI with threads serves sync views nearly three times as fast as ASGI does."""

from __future__ import annotations

import os
from typing import Any

from prometheus_client import multiprocess

from mps_project import environment

_ENV = environment.load()

bind = f"{_ENV.text('MPS_BIND')}:{_ENV.number('MPS_HTTP_PORT')}"
workers = _ENV.number("MPS_WEB_WORKERS")
threads = _ENV.number("MPS_WEB_THREADS")
worker_class = "gthread"
timeout = 60
graceful_timeout = 8
keepalive = 75
# A worker is renewed now and then, not all at once: a slow leak of any library stays small.
max_requests = 100_000
max_requests_jitter = 10_000
loglevel = "warning"
preload_app = False
control_socket_disable = True


def child_exit(_server: Any, worker: Any) -> None:
    """The metrics of a worker that ended are kept in the sums, its gauges are not."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)
