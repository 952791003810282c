"""ASGI entry point: WebSockets. Served by the gateway process, in one loop with the TCP bridge."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")
_http = get_asgi_application()

from gateway.routing import websocket_urlpatterns  # noqa: E402 - needs Django set up

application = ProtocolTypeRouter({"http": _http, "websocket": URLRouter(websocket_urlpatterns)})
