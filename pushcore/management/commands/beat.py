"""`mps beat`: Celery's clock, which requests the periodic work."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Run the clock until it is stopped."""

    help = "Request the periodic work at its times. One process."
    requires_system_checks = []

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the clock in this process. It keeps no file of its process id: its supervisor knows it."""
        current_app.start(["-q", "beat", "-l", "WARNING", "--pidfile="])
