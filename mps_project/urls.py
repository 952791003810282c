"""URL routes of the web process."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from mps_project.health import healthz, readyz
from mps_project.metrics import metrics_view

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics_view),
    path("console/", admin.site.urls),
    path("device/v1/", include("gateway.urls")),
    path("", include("pushcore.api.urls")),
]
