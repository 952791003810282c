"""One of the serving processes of `mps web`: the Django application on `mps_project.web.http_server`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import django
import uvloop

from mps_project.garbage_collection import exempt_loaded_objects, paused_while_loading
from mps_project.web.server import GRACEFUL_SECONDS

if TYPE_CHECKING:
    from mps_project.web.http_server.server import HttpServer

# Files a process has open besides connections: database, Valkey, logs, uploads.
OTHER_FILES = 256


def load() -> None:
    """Load the application, all views included: Django would load these at the first request, which would wait."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")
    with paused_while_loading():
        django.setup()  # the imports need it
        from django.urls import get_resolver

        import_module("mps_project.wsgi")
        import_module("mps_project.web.http_server.server")
        get_resolver().url_patterns  # noqa: B018


def serve() -> int:
    """Serve until SIGTERM; returns the exit code. The application is loaded."""
    from django.conf import settings

    from mps_project.observability import metrics, probes
    from mps_project.web.http_server.limits import HttpLimits
    from mps_project.web.http_server.server import HttpServer
    from mps_project.wsgi import application

    server = HttpServer(
        application,
        HttpLimits(
            connections=min(settings.HTTP_MAX_CONNECTIONS or 1_000_000, _raise_file_limit() - OTHER_FILES),
            connections_per_address=settings.HTTP_MAX_CONNECTIONS_PER_ADDRESS,
            body_bytes=settings.MAX_BODY_BYTES,
            upload_bytes=settings.MAX_FILE_BYTES,
            upload_paths=frozenset(settings.UPLOAD_PATHS),
            body_seconds=settings.HTTP_BODY_SECONDS,
            exempt=tuple(settings.TRUSTED_PROXIES),
        ),
        threads=settings.WEB_THREADS,
        own_threads=tuple(probes.PROBES),
        count_refusal=metrics.count_refusal,
    )
    exempt_loaded_objects()
    try:
        uvloop.run(_serve_until_signal(server, settings.BIND, settings.HTTP_PORT))
    except OSError as error:
        sys.stderr.write(f"mps: MPS_HTTP_PORT={settings.HTTP_PORT} cannot be listened on: {error.strerror}\n")
        return 1
    return 0


async def _serve_until_signal(server: HttpServer, address: str, port: int) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await server.run(address, port, stop, GRACEFUL_SECONDS)


def _raise_file_limit() -> int:
    """Raise the limit of open files to what the system grants; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return 1_000_000 if soft == resource.RLIM_INFINITY else soft
