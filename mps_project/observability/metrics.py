"""Prometheus metrics of HTTP requests, and the page that all metrics are scraped from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from mps_project.observability.service_metrics import ServiceCollector

REQUESTS = Counter("mps_http_requests_total", "HTTP requests that the application answered.", ["api", "status"])
SECONDS = Histogram(
    "mps_http_request_seconds",
    "Time until an HTTP request was answered, in seconds.",
    ["api"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

TURNED_AWAY = Counter(
    "mps_http_turned_away_total",
    "HTTP connections and requests refused before the application: 408 too slow, 503 too many, 400 and 431 malformed.",
    ["status"],
)


def count_refusal(status: int) -> None:
    """Count a request or connection that never reached the application."""
    TURNED_AWAY.labels(str(status)).inc()


def _api_of(path: str) -> str:
    """Return the label of the API that serves a path: the path itself would make a series for each."""
    if path == "/":
        return "rpc"
    for prefix, api in (("/api/", "rest"), ("/device/", "device"), ("/vendor/", "vendor"), ("/console/", "console")):
        if path.startswith(prefix):
            return api
    return "other"


class MetricsMiddleware:
    """Counts and times requests by API."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Count and time one request."""
        started = time.perf_counter()
        response = self.get_response(request)
        api = _api_of(request.path)
        SECONDS.labels(api).observe(time.perf_counter() - started)
        REQUESTS.labels(api, str(response.status_code)).inc()
        return response


@require_safe
def metrics_view(_request: HttpRequest) -> HttpResponse:
    """Answer with all metrics, those of sibling processes included, in the format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector())
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        body = generate_latest(registry)
    else:
        body = generate_latest(registry) + generate_latest(REGISTRY)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)
