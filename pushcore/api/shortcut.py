"""The short way to the RPC door: no session, no user, no CSRF token, no messages, for its callers have none."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pushcore.api.rpc.endpoint import rpc_view
from pushcore.http import head_check


class RpcDoorMiddleware:
    """Answers `/` itself. What stands above it in the settings holds for the door, what stands below does not."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path != "/":
            return self.get_response(request)
        return head_check.checked(rpc_view, request) if head_check.is_wanted(request) else rpc_view(request)
