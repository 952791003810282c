"""`manage.py sink`: record the gateways' acknowledgements until stopped."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from django.core.management.base import BaseCommand

from gateway.sink import Sink


class Command(BaseCommand):
    """Run a sink until SIGTERM or SIGINT."""

    help = "Record acknowledgements from the gateways' stream."
    # They load the whole console; `migrate` runs them, before this process starts.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sink in the main thread."""
        sink = Sink(f"{socket.gethostname()}-{os.getpid()}")
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: sink.stop())
        sink.run()
