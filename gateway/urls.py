"""Routes of the HTTP twins, under /device/v1/."""

from __future__ import annotations

from django.urls import path

from gateway import http_api

urlpatterns = [
    path("register", http_api.register),
    path("bind", http_api.bind),
    path("unbind", http_api.unbind),
    path("report", http_api.report),
    path("profile", http_api.profile),
    path("inbox", http_api.inbox),
    path("events", http_api.events),
    path("unregister", http_api.unregister),
]
