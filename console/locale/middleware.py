"""The console speaks the language of its user and shows a workspace's time; the APIs speak English, and of UTC."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import timezone, translation

PREFIX = "/console/"


class ConsoleLocaleMiddleware(LocaleMiddleware):
    """Chooses by cookie (the switch in the user's menu), then by what the browser asks for."""

    def process_request(self, request: HttpRequest) -> None:
        """Activate the user's language in the console, English everywhere else."""
        if request.path_info.startswith(PREFIX):
            super().process_request(request)
        else:
            # The thread may have spoken another language for the request before.
            translation.activate(settings.LANGUAGE_CODE)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Leave the page's time zone; name the language of console pages in the response."""
        # The thread goes on to serve others, whose time is not that of this page (`console.locale.zones`).
        timezone.deactivate()
        return super().process_response(request, response) if request.path_info.startswith(PREFIX) else response
