"""Failed logins are counted, and what is said to those who guess (django-axes)."""

from __future__ import annotations

from typing import Any

import structlog
from axes.handlers.cache import AxesCacheHandler
from axes.helpers import get_cache_timeout, get_failure_limit
from django.conf import settings
from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from redis.exceptions import RedisError

from pushcore.security import proxies

log = structlog.get_logger(__name__)


class ThrottleHandler(AxesCacheHandler):
    """Counts failed logins in Valkey, where they expire: of a name at an address, and of an address with any.

    While that is away nobody is locked out: operators have to get in, above all then.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the failures of this name at this address, or the limit where the address has reached its own."""
        limit = settings.LOGIN_FAILURES_PER_ADDRESS
        try:
            if limit and self.cache.get(_address_key(request), default=0) >= limit:
                return int(get_failure_limit(request, credentials))
            return int(super().get_failures(request, credentials))
        except RedisError:
            log.warning("Valkey is unavailable; logins are not throttled")
            return 0

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        """Count the failure for the address too, unless it was locked out already."""
        try:
            if request is not None and not getattr(request, "axes_locked_out", False):
                self._count_address(request)
            super().user_login_failed(sender, credentials, request, **kwargs)
        except RedisError:
            log.warning("Valkey is unavailable; a failed login is not counted")

    def user_logged_in(self, sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        """Forget the failures of this name at this address."""
        try:
            super().user_logged_in(sender, request, user, **kwargs)
        except RedisError:
            log.warning("Valkey is unavailable; failed logins are not forgotten")

    def _count_address(self, request: HttpRequest) -> None:
        """Count a failure of the address for as long as a lockout lasts; a login resets nothing."""
        key = _address_key(request)
        if not self.cache.add(key=key, value=1, timeout=get_cache_timeout(request)):
            self.cache.incr(key=key, delta=1)


def _address_key(request: HttpRequest) -> str:
    return f"login-failures:{proxies.source_network(request_address(request))}"


def request_address(request: HttpRequest) -> str:
    """Return the address a login comes from (the setting `AXES_CLIENT_IP_CALLABLE`)."""
    return proxies.address_of(request.META)


def locked_out(
    request: HttpRequest, original_response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """Answer 429 with the page that says when to try again (the setting `AXES_LOCKOUT_CALLABLE`)."""
    return render(request, "console/locked_out.html", site.each_context(request), status=429)
