"""`mps demo_vendors`: simulated vendors, the demo workspace's accounts there, and a message through each."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from channels_vendor import demo
from channels_vendor.registry import simulated_vendors
from channels_vendor.simulator.server import VendorServer
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.demo import APP_ID, WORKSPACE_ID
from pushcore.models import Workspace


class Command(BaseCommand):
    """Serve simulated vendors for the demo."""

    help = (
        "Serve simulated vendors on a free port, give the demo workspace an account at each, push a message through"
        " each and tell what became of it; go on serving until stopped. `make run` does so with MPS_DEMO_VENDORS=1."
    )
    requires_system_checks = []

    def handle(self, *_: Any, **options: Any) -> None:
        """Serve until a signal asks for the end."""
        workspace = Workspace.objects.filter(app__app_id=APP_ID, workspace_id=WORKSPACE_ID).first()
        if workspace is None:
            raise CommandError("there is no demo workspace: `make run` makes it")
        asyncio.run(self._serve(workspace))

    async def _serve(self, workspace: Workspace) -> None:
        stopped, stop = asyncio.Event(), threading.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
        server = VendorServer([kind() for kind in simulated_vendors()])
        url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        self._say(f"vendors are simulated at {url}")
        showing = asyncio.create_task(asyncio.to_thread(self._show, workspace, url, server.simulated_vendors, stop))
        await stopped.wait()
        stop.set()
        await server.stop()
        await showing

    def _show(
        self, workspace: Workspace, url: str, simulated_vendors: Mapping[str, SimulatedVendor], stop: threading.Event
    ) -> None:
        try:
            for result in demo.show(workspace, url, simulated_vendors, stop):
                self._say(f"{result.channel.label:<10} {result.text}")
        finally:
            connections.close_all()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
