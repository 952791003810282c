"""The ID of an HTTP request, which an answer and the log lines about it share."""

from __future__ import annotations

from django.http import HttpRequest

# Where `mps_project.observability.request_id` puts it in a WSGI environment.
META_KEY = "mps.request_id"


def request_id_of(request: HttpRequest) -> str:
    """Return the request's ID, an upper-case UUID; empty where the middleware did not run."""
    return str(request.META.get(META_KEY, ""))
