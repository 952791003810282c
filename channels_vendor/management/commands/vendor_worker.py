"""`mps vendor_worker`: the Celery worker that sends to vendors, on the queues of all vendors there are."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand

from channels_vendor.registry import queues


class Command(BaseCommand):
    """Run the worker until it is stopped."""

    help = "Run the Celery worker that sends to vendors, on all vendors' queues."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the number of threads."""
        parser.add_argument("--threads", type=int, default=40, help="number of threads; each vendor takes up to 4")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the worker in this process."""
        current_app.worker_main(arguments(options["threads"]))


def arguments(threads: int) -> list[str]:
    """Return Celery's arguments for the worker."""
    return [
        *("-q", "worker", "-n", "vendors@%h", "-P", "threads", "-c", str(threads), "-Q", ",".join(queues())),
        *("-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
