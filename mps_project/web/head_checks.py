"""Where the web server asks about a head (`pushcore.http.head_check`): after routing, before CSRF, which reads
bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pushcore.http import head_check

# Pages of the console that somebody sees who is not logged in.
_OPEN = frozenset({"login", "logout"})


class HeadCheckMiddleware:
    """Answers what is asked about a head; of the console, whoever is not logged in may send no body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if not head_check.is_wanted(request):
            return None
        match = request.resolver_match
        of_console = match is not None and match.app_name == "admin" and match.url_name not in _OPEN
        if of_console and not admin.site.has_permission(request):
            return redirect_to_login(request.get_full_path())
        return head_check.checked(view, request, *args, **kwargs)
