"""The Celery application. Workers keep time and house, load files and send to vendors; the self-built channel does not
wait for them."""

from __future__ import annotations

import os
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # the stubs leave it out
from celery.signals import setup_logging, worker_process_init, worker_ready

from mps_project import broker
from mps_project.collector import spare_what_is_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")

broker.install()
app = Celery("mps")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# It warns of pickled messages under root; ours are JSON, and `make run` is for root too.
warnings.filterwarnings("ignore", category=SecurityWarning)


@setup_logging.connect
def _keep_django_logging(**_: Any) -> None:
    """Celery leaves logging alone where this signal has a receiver: `mps_project.observability.logs` has set it up
    already."""


@worker_process_init.connect
@worker_ready.connect
def _spare_what_is_loaded(**_: Any) -> None:
    """In the processes that do the work: those a worker forks, or itself where threads do it."""
    spare_what_is_loaded()
