"""The answer to an exception that no view has handled (`handler500` of the URLs)."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.views.defaults import ERROR_PAGE_TEMPLATE, server_error

from pushcore.storage.outages import Unavailable

RETRY_AFTER_SECONDS = 5
_PAGE = ERROR_PAGE_TEMPLATE % {
    "title": "Service unavailable (503)",
    "details": "The service is temporarily unavailable; try again.",
}


def handle(request: HttpRequest) -> HttpResponse:
    """Answer 503 where an engine is away for a moment, else 500.

    Django calls it while the exception is handled, whichever middleware or view raised it.
    """
    if not isinstance(sys.exc_info()[1], Unavailable):
        return server_error(request)
    return HttpResponse(_PAGE, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
