"""`mps vendor_simulator`: all vendors' APIs on one port, for trying and measuring."""

from __future__ import annotations

import asyncio
import signal
import ssl
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from channels_vendor.registry import simulated_vendors
from channels_vendor.simulator.server import VendorServer


class Command(BaseCommand):
    """Serve simulated vendors."""

    help = "Serve simulated vendors (HTTP/2 and HTTP/1.1; POST /_script/NAME changes how one behaves)."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add where to listen, and with which certificates."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8100, help="port to listen on; 0 for any free one")
        parser.add_argument("--certificate", type=Path, help="serve with TLS; PEM file of certificate and key")
        parser.add_argument("--clients-ca", type=Path, help="PEM file of the authority of client certificates (APNs)")

    def handle(self, *_: Any, **options: Any) -> None:
        """Serve until a signal asks for the end; the first line printed is the address."""
        tls = None
        if options["certificate"]:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(options["certificate"])
            tls.set_alpn_protocols(["h2", "http/1.1"])
            if options["clients_ca"]:
                tls.load_verify_locations(options["clients_ca"])
                tls.verify_mode = ssl.CERT_OPTIONAL
        asyncio.run(self._serve(options["host"], options["port"], tls))

    async def _serve(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        server = VendorServer([kind() for kind in simulated_vendors()])
        port = await server.start(host, port, tls)
        self.stdout.write(f"{'https' if tls else 'http'}://{host}:{port}")
        self.stdout.flush()
        stopped = asyncio.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
        await stopped.wait()
        await server.stop()
