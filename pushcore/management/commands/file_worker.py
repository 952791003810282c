"""`mps file_worker`: the Celery worker that reads files of targets and writes exports."""

from __future__ import annotations

import os
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand

from pushcore.worker_arguments import worker_arguments

# A campaign has time: calls, devices and single messages on the same host go first.
NICENESS = 10


class Command(BaseCommand):
    """Run the worker until it is stopped."""

    help = "Run the Celery worker for files of targets and exports: MPS_WORKER_CONCURRENCY processes."
    requires_system_checks = []

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the worker in this process, which starts others; all give way to what somebody waits for."""
        os.nice(NICENESS)
        current_app.worker_main(
            worker_arguments("files", ["files"], pool="prefork", concurrency=settings.WORKER_CONCURRENCY)
        )
