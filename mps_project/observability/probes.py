"""The paths that machines ask: liveness, readiness and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_safe

from mps_project.observability import readiness
from mps_project.observability.metrics import metrics_view


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer that this process lives. Asks nothing of others: a restart would not mend them."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 once database, Valkey, gateway, sink, receipts and worker answer; 503 with what is missing before."""
    missing = readiness.missing_parts()
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


PROBES: Mapping[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/metrics": metrics_view,
}


class ProbesMiddleware:
    """Answers the probes before anything looks at the Host header (MPS_ALLOWED_HOSTS): machines ask by address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a probe; pass on any other request."""
        probe = PROBES.get(request.path)
        if probe is None:
            return self.get_response(request)
        response = probe(request)
        # Django writes every answer of 500 and more to the log as an error; "not ready" is an answer like another.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response
