"""`mps vendor_worker`: the Celery worker that sends to vendors, on the queues of all vendors there are."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand

from channels_vendor.registry import queues
from pushcore.worker_arguments import worker_arguments


class Command(BaseCommand):
    """Run the worker until it is stopped."""

    help = "Run the Celery worker that sends to vendors, on all vendors' queues: MPS_VENDOR_THREADS threads."
    requires_system_checks = []

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the worker in this process."""
        current_app.worker_main(arguments())


def arguments() -> list[str]:
    """Return Celery's arguments for the worker."""
    return worker_arguments("vendors", queues(), pool="threads", concurrency=settings.VENDOR_THREADS)
