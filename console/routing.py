"""WebSocket routes of the console, mounted by `mps_project.asgi`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from console.components.live import task_figures

websocket_urlpatterns: list[Any] = [path("console/live", task_figures)]
