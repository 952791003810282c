"""URL routes of the web process. The probes (`observability.probes`) are answered before these are asked."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

# Of the console's paths; programs call all others (`pushcore.api.json_errors`).
handler403 = "console.error_pages.forbidden"
handler404 = "console.error_pages.not_found"
handler500 = "mps_project.web.server_error.handle"

urlpatterns = [
    path("console/i18n/", include("django.conf.urls.i18n")),
    # Translations for the console's scripts; the login page has some, too.
    path("console/jsi18n.js", JavaScriptCatalog.as_view(packages=["console"]), name="console_script_texts"),
    path("console/", admin.site.urls),
    path("device/v1/", include("gateway.urls")),
    path("vendor/", include("channels_vendor.urls")),
    path("sms/", include("sms.urls")),
    path("", include("pushcore.api.urls")),
]
