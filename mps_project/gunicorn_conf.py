"""gunicorn: the web process. WSGI with threads serves sync views nearly three times as fast as ASGI does."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from typing import Any

from mps_project import environment

try:
    _ENV = environment.load()
except environment.ConfigurationError as error:
    sys.stderr.write(f"mps: {error}\n")
    raise SystemExit(2) from None

_own_metrics = ""
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # Without a folder that the workers share, each would answer a scrape with its own part of the counts.
    # prometheus_client reads the variable when it is imported.
    _own_metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="mps-metrics-")

bind = f"{_ENV.text('MPS_BIND')}:{_ENV.number('MPS_HTTP_PORT')}"
if ":" in _ENV.text("MPS_BIND"):
    bind = f"[{_ENV.text('MPS_BIND')}]:{_ENV.number('MPS_HTTP_PORT')}"
workers = _ENV.number("MPS_WEB_WORKERS")
threads = _ENV.number("MPS_WEB_THREADS")
worker_class = "mps_project.web_worker.WebWorker"
timeout = 60
graceful_timeout = 8
keepalive = 75
# The RPC door takes its parameters in the URL too; the default of 4094 would cut off what its limits allow.
limit_request_line = 8190
loglevel = "warning"
preload_app = False
control_socket_disable = True


def post_worker_init(_worker: Any) -> None:
    """What was made while loading stays: the collector need not look at it, nor at what a request makes, so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def child_exit(_server: Any, worker: Any) -> None:
    """The metrics of a worker that ended are kept in the sums, its gauges are not; its connections are gone."""
    from prometheus_client import multiprocess

    from mps_project.web_worker import WebWorker

    if isinstance(worker, WebWorker):
        worker.gone()
    multiprocess.mark_process_dead(worker.pid)


def on_exit(_server: Any) -> None:
    if _own_metrics:
        shutil.rmtree(_own_metrics, ignore_errors=True)
