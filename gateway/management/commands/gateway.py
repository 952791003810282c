"""`manage.py gateway`: one gateway process. Run one for each core: `MPS_GATEWAY_PROCESSES` makes them share ports."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import signal
import sys
from typing import Any

import structlog
import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand
from redis.exceptions import RedisError

from gateway.node.limits import Limits
from gateway.node.node import Node
from gateway.transport.listeners import Certificate, CertificateError, Listener, PortTakenError, Proxies, listen
from gateway.transport.server import serve

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Run one gateway process until SIGTERM or SIGINT; SIGHUP reloads the certificate."""

    help = "Serve devices: MQTT over TCP and over WebSocket."
    # They load the whole console; `migrate` runs them, before this process starts.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Bind the listeners and serve."""
        # Imported here: it needs Django set up, and other commands do not need it.
        from channels.routing import get_default_application

        raise_file_limit()
        try:
            certificate = _certificate()
            mqtt = _listeners(settings.MQTT_PORT, settings.MQTT_TLS_PORT, certificate, proxies_of("mqtt"))
            websocket = _listeners(settings.WS_PORT, settings.WS_TLS_PORT, certificate, proxies_of("websocket"))
            uvloop.run(self._serve(mqtt, websocket, certificate, get_default_application()))
        except (PortTakenError, CertificateError) as error:
            self.stderr.write(f"mps: gateway: {error}")
            sys.exit(1)
        except RedisError as error:
            self.stderr.write(f"mps: gateway: Valkey does not answer: {type(error).__name__}")
            sys.exit(1)

    async def _serve(
        self, mqtt: list[Listener], websocket: list[Listener], certificate: Certificate | None, application: object
    ) -> None:
        limits = Limits(
            settings.MAX_CONNECTIONS,
            settings.MAX_CONNECTIONS_PER_ADDRESS,
            settings.MAX_CONNECTIONS_PER_APP,
            settings.MAX_CONNECTIONS_PER_WORKSPACE,
            settings.MAX_CONNECT_RATE_PER_ADDRESS,
        )
        node = Node(settings.REDIS_URL, max_keep_alive=settings.GATEWAY_MAX_KEEP_ALIVE, limits=limits)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stop.set)
        loop.add_signal_handler(signal.SIGHUP, _reload, certificate)
        await serve(node, mqtt, websocket, application, stop=stop, ready=_freeze)


def raise_file_limit() -> None:
    """Raise the limit of open files to the hard limit: each connection is a file, and the default is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS names no limit and grants less.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _certificate() -> Certificate | None:
    """Load the certificate; None if no TLS port is set.

    Raises:
        CertificateError: It is missing or unusable.
    """
    if not (settings.MQTT_TLS_PORT or settings.WS_TLS_PORT):
        return None
    if not (settings.TLS_CERT_FILE and settings.TLS_KEY_FILE):
        raise CertificateError("a TLS port needs MPS_TLS_CERT_FILE and MPS_TLS_KEY_FILE")
    return Certificate(settings.TLS_CERT_FILE, settings.TLS_KEY_FILE)


def proxies_of(transport: str) -> Proxies | None:
    """Return whose PROXY headers the listeners of "mqtt" or "websocket" require; None for no header."""
    return Proxies(settings.PROXY_TRUSTED) if settings.PROXY_PROTOCOL in (transport, "all") else None


def _listeners(port: int, tls_port: int, certificate: Certificate | None, proxies: Proxies | None) -> list[Listener]:
    """Bind the plain port and, if set, the TLS port.

    Raises:
        PortTakenError: A port cannot be bound.
    """
    shared = settings.GATEWAY_PROCESSES > 1
    listeners = [Listener(listen(settings.BIND, port, shared=shared), proxies=proxies)]
    if tls_port:
        listeners.append(Listener(listen(settings.BIND, tls_port, shared=shared), certificate, proxies))
    return listeners


def _reload(certificate: Certificate | None) -> None:
    if certificate is None:
        return
    try:
        certificate.reload()
        log.info("certificate reloaded")
    except CertificateError as error:
        log.error("certificate not reloaded; the former one stays", error=str(error))


def _freeze() -> None:
    """Exclude everything alive now from garbage collection, and collect sessions rarely.

    Sessions live long and make no cycles of garbage, and a collection of all of them is a pause for every device.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
