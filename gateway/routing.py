"""WebSocket routes of the gateway process."""

from __future__ import annotations

from typing import Any

from django.urls import path

from gateway.transport.consumer import device_socket

websocket_urlpatterns: list[Any] = [path("gateway/mqtt", device_socket)]  # type: ignore[arg-type]
