"""Metrics of the whole service, read from Valkey and PostgreSQL when they are scraped."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Iterator, Mapping, Sequence

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
from sms.models import SmsAccount

# The help texts of the metrics `mps_gateway_NAME`, by the attribute of a node that each one reports.
_NODE_COUNTERS = {
    "delivered": "Messages the node has written to devices since it started, broadcasts and repeats included.",
    "acknowledged": "Messages that devices have acknowledged to the node since it started.",
    "turned_away": "Connections that ended before a device was admitted: refused, silent or broken.",
    "dropped_requests": "Requests of disconnected devices, dropped because too many waited.",
}
_NODE_GAUGES = {
    "connections": "Devices connected to the node.",
    "admitting": "Connecting devices that wait for admission.",
    "in_flight": "Messages written to devices and not acknowledged yet.",
    "queued": "Messages that wait in the node's memory for a device's Receive Maximum.",
    "unsent_bytes": "Bytes that wait in memory because devices read slowly.",
    "loop_lag_p99_ms": "Delay of the node's event loop in the last minute, 99th percentile, in milliseconds.",
    "clock_offset_seconds": "Seconds by which the clock of the node's host is ahead of the database's.",
}


class ServiceCollector(Collector):
    """Collects the metrics of the whole service, except those of a store that does not answer."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the gateway nodes, then those read from PostgreSQL."""
        try:
            nodes = presence.live_nodes(client())
        except redis.RedisError:
            nodes = []
        yield from _node_metrics(nodes)
        try:
            metrics = list(_database_metrics())
        except DatabaseFault:
            return
        yield from metrics


def _node_metrics(nodes: Sequence[presence.NodeInfo]) -> Iterator[Metric]:
    yield from _by_node(CounterMetricFamily, _NODE_COUNTERS, nodes)
    refused = CounterMetricFamily(
        "mps_gateway_refused_publishes", "PUBLISH packets of devices that were refused.", labels=["node", "reason"]
    )
    for node in nodes:
        for reason, count in sorted(node.refused_publishes.items()):
            refused.add_metric([node.node_id, reason], count)
    yield refused
    yield from _by_node(GaugeMetricFamily, _NODE_GAUGES, nodes)


def _by_node(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    meanings: Mapping[str, str],
    nodes: Sequence[presence.NodeInfo],
) -> Iterator[Metric]:
    """Yield a metric for each name, with a sample for each node."""
    for name, meaning in meanings.items():
        metric = family(f"mps_gateway_{name}", meaning, labels=["node"])
        for node in nodes:
            metric.add_metric([node.node_id], getattr(node, name))
        yield metric


def _database_metrics() -> Iterator[Metric]:
    """Yield the metrics that are read from PostgreSQL. Raises `DatabaseFault`."""
    ahead = GaugeMetricFamily(
        "mps_partition_days_ahead", "Days ahead for which a table has partitions.", labels=["table"]
    )
    overdue = GaugeMetricFamily(
        "mps_partition_days_overdue",
        "Partitions of a table that are past their retention and not dropped yet.",
        labels=["table"],
    )
    for table, days in partitions.coverage().items():
        ahead.add_metric([table], days.ahead)
        overdue.add_metric([table], days.overdue)
    yield from (ahead, overdue)
    stopped = VendorAccount.objects.filter(enabled=True, stopped_at__isnull=False)
    by_channel = Counted(stopped.values_list("channel", flat=True))
    stopped_accounts = GaugeMetricFamily(
        "mps_vendor_channels_stopped", "Vendor accounts in use that were stopped.", labels=["channel"]
    )
    for channel in VENDORS:
        stopped_accounts.add_metric([channel.label], by_channel[channel])
    yield stopped_accounts
    stopped_sms = SmsAccount.objects.filter(enabled=True, stopped_at__isnull=False).count()
    yield GaugeMetricFamily("mps_sms_accounts_stopped", "SMS accounts in use that were stopped.", value=stopped_sms)
    due = Receipt.objects.filter(state=Receipt.State.DUE).count()
    yield GaugeMetricFamily("mps_receipts_due", "Receipts that wait to be posted.", value=due)
