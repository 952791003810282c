"""`mps worker`: the Celery worker for periodic work."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand

from pushcore.worker_arguments import worker_arguments


class Command(BaseCommand):
    """Run the worker until it is stopped."""

    help = "Run the Celery worker for periodic work: MPS_WORKER_THREADS threads."
    requires_system_checks = []

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the worker in this process."""
        current_app.worker_main(
            worker_arguments("worker", ["default"], pool="threads", concurrency=settings.WORKER_THREADS)
        )
