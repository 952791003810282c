"""The self-built channel as a lane: look up which node holds each device, then append to the streams of the nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gateway.cluster.codec import (
    ACKS_STREAM,
    DeliveryEntry,
    pack_broadcasts_changed,
    pack_changed,
    pack_deliveries,
    pack_withdrawn,
)
from gateway.cluster.presence import STREAM_MAX_ENTRIES, live_nodes, nodes_of, stream_key
from pushcore.channels import Channel
from pushcore.delivery.payload import PayloadEncoder, device_payload
from pushcore.ports import OutgoingMessage, RenderedMessage
from pushcore.storage.valkey import client

# A node processes an entry without a pause between reads of its sockets; its stream is bounded in entries.
DELIVERIES_PER_ENTRY = 200
BYTES_PER_ENTRY = 65_536
CHANGED_PER_ENTRY = 1_000
# Entries of a thousand acknowledgements each, waiting for the sink, from which on the lane is behind.
MANY_ACKS = 50


class GatewayLane:
    """The last lane: claims every message. A device that is not connected reads its rows when it connects."""

    name = "gateway"

    def claims(self, outgoing: OutgoingMessage) -> bool:
        """Claim every message."""
        return True

    def send(self, batch: Sequence[OutgoingMessage]) -> None:
        """Append messages to the streams of the nodes that hold their devices. Two round trips.

        Raises:
            ValkeyDown: Valkey is unavailable; the sweeper tries again.
        """
        bus = client()
        nodes = nodes_of(bus, sorted({outgoing.device_id for outgoing in batch}))
        by_node: dict[str, list[DeliveryEntry]] = defaultdict(list)
        encoder = PayloadEncoder()
        for outgoing in batch:
            if outgoing.device_id in nodes:
                by_node[nodes[outgoing.device_id]].append(delivery_entry(outgoing, encoder))
        with bus.pipeline(transaction=False) as pipeline:
            for node_id, deliveries in by_node.items():
                for entry in _entries(deliveries):
                    _append(pipeline, node_id, pack_deliveries(entry))
            pipeline.execute()

    def channel_of(self, outgoing: OutgoingMessage) -> Channel:
        """Return the self-built channel."""
        return Channel.SELF_BUILT

    def render(self, outgoing: OutgoingMessage) -> RenderedMessage:
        """Return the payload that the device would get."""
        return RenderedMessage(Channel.SELF_BUILT, device_payload(outgoing).decode())

    def is_behind(self) -> bool:
        """Tell whether many acknowledgements wait for the sink, so that pending rows say little.

        Raises:
            ValkeyDown: Valkey is unavailable.
        """
        return client().xlen(ACKS_STREAM) >= MANY_ACKS

    def withdraw(self, revoked: Sequence[tuple[int, int]]) -> None:
        """Notify the nodes that hold the devices of revoked messages. Two round trips.

        Raises:
            ValkeyDown: Valkey is unavailable.
        """
        bus = client()
        nodes = nodes_of(bus, sorted({device_id for device_id, _ in revoked}))
        by_node: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for device_id, message_id in revoked:
            if device_id in nodes:
                by_node[nodes[device_id]].append((device_id, message_id))
        with bus.pipeline(transaction=False) as pipeline:
            for node_id, messages in by_node.items():
                _append(pipeline, node_id, pack_withdrawn(messages))
            pipeline.execute()


def _entries(deliveries: Iterable[DeliveryEntry]) -> Iterator[list[DeliveryEntry]]:
    """Split deliveries, in order, into stream entries."""
    entry: list[DeliveryEntry] = []
    size = 0
    for delivery in deliveries:
        if entry and (len(entry) == DELIVERIES_PER_ENTRY or size + len(delivery.payload) > BYTES_PER_ENTRY):
            yield entry
            entry, size = [], 0
        entry.append(delivery)
        size += len(delivery.payload)
    yield entry


def _append(pipeline: Any, node_id: str, entry: dict[str, bytes]) -> None:
    """Append an entry to a node's stream unless its lease has expired (NOMKSTREAM); the rows wait then."""
    pipeline.xadd(stream_key(node_id), entry, nomkstream=True, maxlen=STREAM_MAX_ENTRIES, approximate=True)


def notify_broadcasts_changed() -> None:
    """Tell every live node to read the active broadcasts. Two round trips.

    Raises:
        ValkeyDown: Valkey is unavailable; nodes poll anyway.
    """
    bus = client()
    with bus.pipeline(transaction=False) as pipeline:
        for node in live_nodes(bus):
            _append(pipeline, node.node_id, pack_broadcasts_changed())
        pipeline.execute()


def notify_devices_changed(device_ids: Sequence[int]) -> None:
    """Tell the nodes that hold devices to read again what they have not sent. Two round trips for each thousand.

    Raises:
        ValkeyDown: Valkey is unavailable; nodes read everything again when it is back.
    """
    bus = client()
    for start in range(0, len(device_ids), CHANGED_PER_ENTRY):
        by_node: dict[str, list[int]] = defaultdict(list)
        for device_id, node_id in nodes_of(bus, device_ids[start : start + CHANGED_PER_ENTRY]).items():
            by_node[node_id].append(device_id)
        if not by_node:
            continue
        with bus.pipeline(transaction=False) as pipeline:
            for node_id, changed in by_node.items():
                _append(pipeline, node_id, pack_changed(changed))
            pipeline.execute()


def delivery_entry(outgoing: OutgoingMessage, encoder: PayloadEncoder) -> DeliveryEntry:
    """Encode a message for a node."""
    payload, expire_at_ms = encoder.encode(outgoing)
    return DeliveryEntry(outgoing.device_id, outgoing.message_id, expire_at_ms, outgoing.sent_before, payload)
