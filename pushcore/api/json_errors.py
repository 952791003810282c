"""Errors outside the console as JSON, in the shape of the REST API's answers.

Django and its packages answer an unknown path, a wrong method or a malformed request with a page for people. Programs
call everything but the console.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework.response import Response

from pushcore.api.request_ids import request_id_of
from pushcore.codes.results import ResultCode

# Paths that people look at: their errors stay pages.
_PAGES = ("/console", "/static/")
_MESSAGES = {
    400: "the request is malformed",
    403: "the request is not allowed",
    404: "there is no such path",
    405: "the path does not know this method",
    406: "the answer can only be JSON",
    413: "the body is too large",
    503: "temporarily unavailable; try again",
}


class JsonErrorsMiddleware:
    """Replaces HTML error pages outside the console, whichever package made them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, or JSON in its place."""
        response = self.get_response(request)
        if response.status_code < 400 or request.path.startswith(_PAGES) or _is_of_operation(response):
            return response
        fault = ResultCode.INVALID_PARAM if response.status_code < 500 else ResultCode.SYSTEM_ERROR
        message = _MESSAGES.get(response.status_code)
        answer = JsonResponse(
            {
                "success": False,
                "code": fault.code,
                "name": fault.name,
                "message": f"{fault.meaning}: {message}" if message else fault.meaning,
                "data": None,
                "requestId": request_id_of(request),
            },
            status=response.status_code,
        )
        for name in ("Allow", "Retry-After"):
            if response.has_header(name):
                answer[name] = response[name]
        return answer


def _is_of_operation(response: HttpResponseBase) -> bool:
    """Return whether an operation made the response: JSON or XML, and not an error of REST framework."""
    return "html" not in response.get("Content-Type", "html") and not isinstance(response, Response)
