"""URL routes of the web process. The probes (`health.PROBES`) are answered before these are asked."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("console/i18n/", include("django.conf.urls.i18n")),
    path("console/", admin.site.urls),
    path("device/v1/", include("gateway.urls")),
    path("vendor/", include("channels_vendor.urls")),
    path("", include("pushcore.api.urls")),
]
