"""Presence in Valkey: which node holds which device, and which nodes are alive. None of it is the truth.

- `mps:presence:{device}` = `{node}/{session}`. Only the session that wrote it may change it: when it ends, to
  `~{node}/{session}/{milliseconds since 1970}`, for a while, so that the next node knows which node to query.
- `mps:node:{node}`: the node's stream, and its lease: it expires unless the node renews it. Senders append with
  NOMKSTREAM, so a dead node's stream never comes back.
- `mps:nodes`: a sorted set of node names by last heartbeat; `mps:node-info:{node}`: its counters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import redis

from pushcore.storage import clock
from pushcore.storage.valkey import client

LEASE_SECONDS = 15
# Presence is renewed every half hour; what a dead node left expires after this time.
PRESENCE_SECONDS = 7200
# How long a node remembers what a device acknowledged, and Valkey where the device was.
REMEMBERED_SECONDS = 600
STREAM_MAX_ENTRIES = 10_000

# How far clocks of hosts and database may differ.
MAX_CLOCK_SKEW_MS = 5_000

NODES = "mps:nodes"
# First character of the presence of a device that left.
_LEFT = "~"

# KEYS: presence keys. ARGV: seconds to live, then a value for each key. A device's newer session, held elsewhere, keeps
# its place (session ids are ordered by time). Answers, by key, the value that was held before.
ANNOUNCE_AGAIN = """
local formers = {}
for i, key in ipairs(KEYS) do
  local value = ARGV[i + 1]
  local former = redis.call('GET', key)
  formers[i] = former
  if not former or string.match(former, '/([^/]*)') <= string.match(value, '/(.*)') then
    redis.call('SET', key, value, 'EX', ARGV[1])
  end
end
return formers
"""

# KEYS: presence keys. ARGV: seconds to live, milliseconds since 1970, then the value each must have to be changed.
LEAVE = """
for i, key in ipairs(KEYS) do
  local value = ARGV[i + 2]
  if redis.call('GET', key) == value then
    redis.call('SET', key, '~' .. value .. '/' .. ARGV[2], 'EX', ARGV[1])
  end
end
"""


def presence_key(device_id: int) -> str:
    """Return the key of a device's presence."""
    return f"mps:presence:{device_id}"


class PresenceValue(NamedTuple):
    """The value of a presence key. `left_at_ms` is when the device left, None while it is there."""

    node_id: str
    session_id: str
    left_at_ms: int | None

    @classmethod
    def of(cls, value: bytes) -> PresenceValue:
        """Parse a value, of any version."""
        node_id, session_id, left_at = (*value.decode().split("/"), "", "")[:3]
        return cls(node_id.removeprefix(_LEFT), session_id, int(left_at or 0) if node_id.startswith(_LEFT) else None)


class FormerNode(NamedTuple):
    """The node that a device was connected to before.

    `node_id` is empty if unknown; `left_at_ms` is when the device left by itself, in milliseconds since 1970.
    """

    node_id: str
    left_at_ms: int | None = None

    def may_have_sent(self, created_at_ms: int) -> bool:
        """Tell whether a message created at that time may have been sent there."""
        return self.left_at_ms is None or created_at_ms <= self.left_at_ms + MAX_CLOCK_SKEW_MS


# The former node while Valkey does not answer.
UNKNOWN_NODE = FormerNode("")


def stream_key(node_id: str) -> str:
    """Return the key of a node's stream."""
    return f"mps:node:{node_id}"


def info_key(node_id: str) -> str:
    """Return the key of a node's counters."""
    return f"mps:node-info:{node_id}"


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """The counters a node last published, counted since its start.

    Attributes:
        node_id: The node.
        connections: Sessions of admitted devices.
        delivered: Messages sent.
        acknowledged: Messages that devices answered (a few refuse one).
        turned_away: Connections that ended without an admitted device.
        admitting: Connects that wait for admission.
        in_flight: Messages sent and not acknowledged.
        queued: Messages that wait in memory for a device's window.
        unsent_bytes: Bytes that devices' sockets have not taken yet.
        loop_lag_p99_ms: Lag of the event loop in the last minute.
        clock_offset_seconds: How far the host's clock is ahead of the database's.
        dropped_requests: Requests of devices that had left, dropped because too many waited.
        refused_publishes: Publishes of devices that were refused, by `gateway.protocol.ports.PublishRefusal`.
    """

    node_id: str
    connections: int
    delivered: int
    acknowledged: int
    turned_away: int = 0
    admitting: int = 0
    in_flight: int = 0
    queued: int = 0
    unsent_bytes: int = 0
    loop_lag_p99_ms: float = 0.0
    clock_offset_seconds: float = 0.0
    dropped_requests: int = 0
    refused_publishes: Mapping[str, int] = field(default_factory=dict)


def live_nodes(bus: redis.Redis) -> list[NodeInfo]:
    """Return the nodes whose lease holds."""
    names = [_text(name) for name in bus.zrangebyscore(NODES, clock.time() - LEASE_SECONDS, "+inf")]
    if not names:
        return []
    infos = bus.mget([info_key(name) for name in names])
    return [_node_info(name, json.loads(info)) for name, info in zip(names, infos, strict=True) if info]


def _node_info(name: str, counters: dict[str, Any]) -> NodeInfo:
    """Build the counters; nodes of another version may publish more or fewer."""
    known = {field.name for field in fields(NodeInfo)} - {"node_id"}
    required = {"connections": 0, "delivered": 0, "acknowledged": 0}
    return NodeInfo(name, **required | {key: counters[key] for key in known & counters.keys()})


def nodes_of(bus: redis.Redis, device_ids: Sequence[int]) -> dict[int, str]:
    """Find the nodes that hold devices; devices held nowhere are absent. One query."""
    values = bus.mget([presence_key(device_id) for device_id in device_ids]) if device_ids else []
    return {
        device_id: node_id
        for device_id, value in zip(device_ids, values, strict=True)
        if value is not None and not (node_id := _text(value).partition("/")[0]).startswith(_LEFT)
    }


def online(device_ids: Sequence[int]) -> set[int]:
    """Find the devices that are connected to a live node.

    Raises:
        ValkeyDown: Valkey is unavailable.
    """
    bus = client()
    held = nodes_of(bus, device_ids)
    nodes = sorted(set(held.values()))
    with bus.pipeline(transaction=False) as pipeline:
        for node_id in nodes:
            pipeline.exists(stream_key(node_id))
        alive = {node_id for node_id, lease in zip(nodes, pipeline.execute(), strict=True) if lease}
    return {device_id for device_id, node_id in held.items() if node_id in alive}


def _text(value: object) -> str:
    """Decode an answer, which is always bytes, whatever its type hints allow."""
    assert isinstance(value, bytes)
    return value.decode()
