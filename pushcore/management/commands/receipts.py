"""`manage.py receipts`: post receipts to backends until stopped."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from pushcore.callbacks.sender import Sender


class Command(BaseCommand):
    """Post due receipts until SIGTERM or SIGINT."""

    help = "Post receipts to the workspaces' callback URLs."
    # They load the whole console; `migrate` runs them, before this process starts.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sender in the main thread."""
        sender = Sender()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: sender.stop())
        sender.run()
