"""Answers the web server's question about a head (`pushcore.inbound.head_check`).

The middleware stands before CSRF's, which reads bodies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pushcore.inbound import head_check

# Pages of the console for people who are not logged in.
_PUBLIC_PAGES = frozenset({"login", "logout"})


class HeadCheckMiddleware:
    """Refuses a body before it is sent: by the view's own check, or in the console for lack of a login."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on the request: `process_view` decides."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Answer a question about a head, of a request that Django has routed; pass on all others."""
        if not head_check.is_wanted(request):
            return None
        match = request.resolver_match
        of_console = match is not None and match.app_name == "admin" and match.url_name not in _PUBLIC_PAGES
        if of_console and not admin.site.has_permission(request):
            return redirect_to_login(request.get_full_path())
        return head_check.checked(view, request, *args, **kwargs)
