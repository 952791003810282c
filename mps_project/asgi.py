"""ASGI entry point: WebSockets. Served by the gateway process, in the event loop of its MQTT over TCP."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")
# No `get_asgi_application`, which loads what HTTP needs: that is served by the web process alone.
django.setup()

from console import routing as console_routing  # noqa: E402 - needs Django set up
from gateway import routing as gateway_routing  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def http_not_found(_scope: dict[str, Any], _receive: Receive, send: Send) -> None:
    """Answer 404 to plain HTTP on the WebSocket port."""
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"WebSocket only; HTTP is on its own port.\n"})


async def reject_unknown_path(_scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Close a WebSocket at a path where nothing is served; without this the router raises, which is logged."""
    await receive()  # websocket.connect
    await send({"type": "websocket.close"})


routes = [*gateway_routing.websocket_urlpatterns, *console_routing.websocket_urlpatterns]
sockets = URLRouter([*routes, re_path("", reject_unknown_path)])  # type: ignore[list-item, arg-type]
application = ProtocolTypeRouter({"http": http_not_found, "websocket": sockets})
