"""Metrics of the whole service, read from Valkey and PostgreSQL when they are scraped."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Iterator

import redis
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from gateway.cluster import presence
from pushcore.models import Receipt
from pushcore.storage import partitions
from pushcore.storage.outages import DatabaseFault
from pushcore.storage.valkey import client


class ServiceCollector(Collector):
    """Collects the metrics of the whole service. What does not answer is left out."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the gateway nodes, then those read from PostgreSQL."""
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
            coverage = partitions.coverage()
            due = Receipt.objects.filter(state=Receipt.State.DUE).count()
            stopped = VendorAccount.objects.filter(enabled=True, stopped_at__isnull=False)
            by_channel = Counted(stopped.values_list("channel", flat=True))
        except DatabaseFault:
            return
        ahead = GaugeMetricFamily("mps_partition_days_ahead", "Days that a table is ready for.", labels=["table"])
        overdue = GaugeMetricFamily(
            "mps_partition_days_overdue", "Days of a table whose time is over, still to be dropped.", labels=["table"]
        )
        for table, days in coverage.items():
            ahead.add_metric([table], days.ahead)
            overdue.add_metric([table], days.overdue)
        yield from (ahead, overdue)
        closed = GaugeMetricFamily("mps_vendor_channels_stopped", "Should be 0.", labels=["channel"])
        for channel in VENDORS:
            closed.add_metric([channel.label], by_channel[channel])
        yield closed
        yield GaugeMetricFamily("mps_receipts_due", "Receipts waiting to be sent.", value=due)
