"""Prometheus metrics: what this web process and its siblings count, and what the whole service says when asked."""

from __future__ import annotations

import os
import time
from collections import Counter as Counted
from collections.abc import Callable, Iterator

import redis
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from gateway.cluster import presence
from pushcore.models import Receipt
from pushcore.storage import partitions
from pushcore.storage.outages import DatabaseFault
from pushcore.storage.valkey import client

REQUESTS = Counter("mps_http_requests_total", "HTTP requests.", ["door", "status"])
SECONDS = Histogram(
    "mps_http_request_seconds",
    "Time to answer.",
    ["door"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

TURNED_AWAY = Counter(
    "mps_http_turned_away_total",
    "HTTP connections and requests that the server refused by itself: 408 too slow, 503 too many, 400 and 431 no HTTP.",
    ["status"],
)


def count_refusal(status: int) -> None:
    """Of what never reached the application."""
    TURNED_AWAY.labels(str(status)).inc()


def _door(path: str) -> str:
    """A few fixed labels: a path would make as many series as callers like."""
    if path == "/":
        return "rpc"
    for prefix, door in (("/api/", "rest"), ("/device/", "device"), ("/vendor/", "vendor"), ("/console/", "console")):
        if path.startswith(prefix):
            return door
    return "other"


class MetricsMiddleware:
    """Counts and times requests by door."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        door = _door(request.path)
        SECONDS.labels(door).observe(time.perf_counter() - started)
        REQUESTS.labels(door, str(response.status_code)).inc()
        return response


class ServiceCollector(Collector):
    """What is true of the whole service, asked for when it is scraped. A part that does not answer is left out."""

    def collect(self) -> Iterator[Metric]:
        try:
            nodes = presence.live_nodes(client())
        except redis.RedisError:
            nodes = []
        for name, meaning in (
            ("delivered", "Messages the node has written since it started, broadcasts and repeats included."),
            ("acknowledged", "Those of them that devices have acknowledged."),
            ("turned_away", "Connections that ended without a device admitted: refused, silent, broken."),
            ("dropped_requests", "Requests of devices that had left, not served because too many waited."),
        ):
            counter = CounterMetricFamily(f"mps_gateway_{name}", meaning, labels=["node"])
            for node in nodes:
                counter.add_metric([node.node_id], getattr(node, name))
            yield counter
        refused = CounterMetricFamily(
            "mps_gateway_refused_publishes", "What devices published and was not taken.", labels=["node", "reason"]
        )
        for node in nodes:
            for reason, count in sorted(node.refused_publishes.items()):
                refused.add_metric([node.node_id, reason], count)
        yield refused
        for name, meaning in (
            ("connections", "Devices connected to the node."),
            ("admitting", "Connects that wait to be decided about."),
            ("in_flight", "Messages written and not acknowledged yet."),
            ("queued", "Messages that wait in the node's memory for a device's Receive Maximum."),
            ("unsent_bytes", "Bytes that devices' sockets have not taken yet."),
            ("loop_lag_p99_ms", "How late the node's event loop was in the last minute, milliseconds."),
            ("clock_offset_seconds", "How far the clock of the node's host is ahead of the database's."),
        ):
            family = GaugeMetricFamily(f"mps_gateway_{name}", meaning, labels=["node"])
            for node in nodes:
                family.add_metric([node.node_id], getattr(node, name))
            yield family
        try:
            standing = partitions.standing()
            due = Receipt.objects.filter(state=Receipt.State.DUE).count()
            stopped = VendorAccount.objects.filter(enabled=True, stopped_at__isnull=False)
            by_channel = Counted(stopped.values_list("channel", flat=True))
        except DatabaseFault:
            return
        ahead = GaugeMetricFamily("mps_partition_days_ahead", "Days that a table is ready for.", labels=["table"])
        overdue = GaugeMetricFamily(
            "mps_partition_days_overdue", "Days of a table whose time is over, still to be dropped.", labels=["table"]
        )
        for table, days in standing.items():
            ahead.add_metric([table], days.ahead)
            overdue.add_metric([table], days.overdue)
        yield from (ahead, overdue)
        closed = GaugeMetricFamily("mps_vendor_channels_stopped", "Should be 0.", labels=["channel"])
        for channel in VENDORS:
            closed.add_metric([channel.label], by_channel[channel])
        yield closed
        yield GaugeMetricFamily("mps_receipts_due", "Receipts waiting to be sent.", value=due)


@require_safe
def metrics_view(_request: HttpRequest) -> HttpResponse:
    registry = CollectorRegistry()
    registry.register(ServiceCollector())
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        body = generate_latest(registry)
    else:
        body = generate_latest(registry) + generate_latest(REGISTRY)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)
