"""Whether a request came over HTTPS, as a trusted proxy says, and what follows for the answer's cookies."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from pushcore.security.proxies import is_in

_FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"


class ForwardedProtoMiddleware:
    """Drops X-Forwarded-Proto from anybody but `MPS_TRUSTED_PROXIES`, and marks cookies Secure that leave over HTTPS.

    Not Django's own settings of that name: the same process may be asked over HTTPS through a proxy and, on its own
    machine, without.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve one request with what is known of how it came."""
        if _FORWARDED_PROTO in request.META and not _from_a_proxy(request):
            del request.META[_FORWARDED_PROTO]
        response = self.get_response(request)
        if response.cookies and request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response


def _from_a_proxy(request: HttpRequest) -> bool:
    return is_in(str(request.META.get("REMOTE_ADDR") or ""), settings.TRUSTED_PROXIES)
