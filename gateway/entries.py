"""What travels on the streams: batches for a node, acknowledgements for the sink. MessagePack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgpack

ACKS_STREAM = "mps:acks"
ACKS_GROUP = "sink"
# A bound for the day nothing reads them; each entry holds up to a thousand.
ACKS_MAX_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message for one device, encoded for the wire; `expire_at_ms`: milliseconds since 1970."""

    device_id: int
    message_id: int
    expire_at_ms: int
    dup: bool
    payload: bytes


def pack_parcels(parcels: Iterable[Parcel]) -> dict[str, bytes]:
    """A stream entry with messages for a node's devices."""
    rows = [(p.device_id, p.message_id, p.expire_at_ms, p.dup, p.payload) for p in parcels]
    return {"deliver": msgpack.packb(rows)}


def unpack_parcels(entry: bytes) -> list[Parcel]:
    return [Parcel(*row) for row in msgpack.unpackb(entry)]


def pack_take_over(device_id: int, session_id: str) -> dict[str, bytes]:
    """A stream entry that says: the device has connected elsewhere; `session_id` is the one that must end."""
    return {"take-over": msgpack.packb((device_id, session_id))}


def unpack_take_over(entry: bytes) -> tuple[int, str]:
    device_id, session_id = msgpack.unpackb(entry)
    return device_id, session_id


def pack_acks(acknowledged: Sequence[int], unacknowledged: Sequence[int]) -> dict[str, bytes]:
    """An entry of the acknowledgement stream: message ids acknowledged, and ids a lost connection left open."""
    return {"acks": msgpack.packb((list(acknowledged), list(unacknowledged)))}


def unpack_acks(entry: bytes) -> tuple[list[int], list[int]]:
    acknowledged, unacknowledged = msgpack.unpackb(entry)
    return acknowledged, unacknowledged
