"""The Celery application: periodic work, files, exports and vendors. The self-built channel does not wait for it."""

from __future__ import annotations

import os
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # the stubs leave it out
from celery.signals import setup_logging, worker_process_init, worker_ready

from mps_project import broker
from mps_project.garbage_collection import exempt_loaded_objects

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")
# Django's checks load the whole console. `migrate` runs them, before any worker starts.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

broker.install()
app = Celery("mps")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# It warns of pickled messages under root; ours are JSON, and `make run` is for root too.
warnings.filterwarnings("ignore", category=SecurityWarning)


@setup_logging.connect
def _keep_django_logging(**_: Any) -> None:
    """Keep Celery from setting up logging, as it does where this signal has no receiver: the settings have done it."""


@worker_process_init.connect
@worker_ready.connect
def _exempt_loaded_objects(**_: Any) -> None:
    """Tune garbage collection in the processes that work: those a worker forks, or itself where threads work."""
    exempt_loaded_objects()
