"""The id of a request, as the project's middleware gave it."""

from __future__ import annotations

from django.http import HttpRequest


def request_id_of(request: HttpRequest) -> str:
    """Upper-case UUID; empty where no middleware ran."""
    return str(request.META.get("mps.request_id", ""))
