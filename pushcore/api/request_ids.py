"""The ID of a request, which `mps_project.observability.request_id` gives."""

from __future__ import annotations

from django.http import HttpRequest


def request_id_of(request: HttpRequest) -> str:
    """Return the request's ID, an upper-case UUID; empty where the middleware did not run."""
    return str(request.META.get("mps.request_id", ""))
