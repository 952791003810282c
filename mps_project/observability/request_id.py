"""Gives every HTTP request an id, in the answer, in its header and in every log line of the request."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bound_contextvars

from pushcore.api.request_ids import META_KEY

HEADER = "x-acs-request-id"
_RECEIPTS = "/vendor/receipts/"
log = structlog.get_logger(__name__)


def _path(request: HttpRequest) -> str:
    """Return the path for the log, without the secret that is in the path of vendors' receipts."""
    return _RECEIPTS + "..." if request.path.startswith(_RECEIPTS) else request.path


class RequestIdMiddleware:
    """Gives each request an id (an upper-case UUID, as the cloud product has it).

    The APIs repeat it in their bodies (`pushcore.api.request_ids`), operators find it in the logs.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve one request under a new id, and log its outcome."""
        request_id = str(uuid.uuid4()).upper()
        request.META[META_KEY] = request_id
        with bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            path = _path(request)
            if response.status_code >= 500:
                log.error("request failed", method=request.method, path=path, status=response.status_code)
            elif response.status_code != 100:  # the web server's question about a head
                log.info("request", method=request.method, path=path, status=response.status_code)
        response[HEADER] = request_id
        return response
