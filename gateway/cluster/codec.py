"""Encode and decode stream entries: batches for a node, acknowledgements for the sink. MessagePack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgpack

from pushcore.ports import BroadcastArrival

ACKS_STREAM = "mps:acks"
ACKS_GROUP = "sink"
# A bound in case nothing reads the stream; each entry holds up to a thousand acknowledgements.
ACKS_MAX_ENTRIES = 100_000


class EntryError(ValueError):
    """A stream entry cannot be decoded: it was written by another version, or by someone else."""


class BroadcastAck(NamedTuple):
    """Devices that acknowledged the same broadcasts and resolved all others up to `position`."""

    position: int
    task_ids: tuple[int, ...]
    device_ids: list[int]


class DeliveryEntry(NamedTuple):
    """One message for one device, encoded for the transport; `expire_at_ms`: milliseconds since 1970."""

    device_id: int
    message_id: int
    expire_at_ms: int
    dup: bool
    payload: bytes


class TakeoverQuery(NamedTuple):
    """A query about a device that connected to another node: its session there, and its pending messages."""

    device_id: int
    session_id: str
    message_ids: list[int]


class BroadcastState(NamedTuple):
    """How far a device has come with broadcasts (`gateway.broadcast.progress.BroadcastProgress`).

    `offered` holds those offered beyond the position, with whether they were acknowledged, None while open. `sent` are
    those sent on connections that ended before the acknowledgement.
    """

    position: int
    acknowledged: tuple[int, ...]
    offered: dict[int, bool | None]
    sent: tuple[int, ...]


class TakeoverReply(NamedTuple):
    """What a node knows of the messages of a query.

    `acknowledged` and `sent` (and not acknowledged) are complete if `is_certain`.
    """

    device_id: int
    acknowledged: Sequence[int]
    sent: Sequence[int]
    is_certain: bool
    broadcasts: BroadcastState | None


def pack_deliveries(deliveries: Iterable[DeliveryEntry]) -> dict[str, bytes]:
    """Encode messages for the devices of a node."""
    return {"deliver": msgpack.packb(list(deliveries))}


def unpack_deliveries(entry: bytes) -> list[DeliveryEntry]:
    """Decode messages.

    Raises:
        EntryError: The entry is unreadable.
    """
    try:
        rows = msgpack.unpackb(entry, use_list=False)
        if any(len(row) != len(DeliveryEntry._fields) for row in rows):
            raise ValueError("of another shape")
    except (ValueError, TypeError) as error:
        raise EntryError(f"deliveries: {error}") from None
    return list(rows)  # plain tuples: a name for each field would double the time


def pack_withdrawn(revoked: Sequence[tuple[int, int]]) -> dict[str, bytes]:
    """Encode the revocation of messages: (device id, message id)."""
    return {"withdraw": msgpack.packb(list(revoked))}


def unpack_withdrawn(entry: bytes) -> list[tuple[int, int]]:
    """Decode revoked messages.

    Raises:
        EntryError: The entry is unreadable.
    """
    try:
        return [(device_id, message_id) for device_id, message_id in msgpack.unpackb(entry)]
    except (ValueError, TypeError) as error:
        raise EntryError(f"withdrawn: {error}") from None


def pack_changed(device_ids: Sequence[int]) -> dict[str, bytes]:
    """Encode that users or channels of devices changed."""
    return {"changed": msgpack.packb(list(device_ids))}


def unpack_changed(entry: bytes) -> list[int]:
    """Decode ids of changed devices.

    Raises:
        EntryError: The entry is unreadable.
    """
    try:
        return [int(device_id) for device_id in msgpack.unpackb(entry)]
    except (ValueError, TypeError) as error:
        raise EntryError(f"changed: {error}") from None


def pack_take_over(device_id: int, session_id: str) -> dict[str, bytes]:
    """Encode that a device connected to another node; `session_id` is the session to end."""
    return {"take-over": msgpack.packb((device_id, session_id))}


def unpack_take_over(entry: bytes) -> tuple[int, str]:
    """Decode a take-over: device id and session id.

    Raises:
        EntryError: The entry is unreadable.
    """
    try:
        device_id, session_id = msgpack.unpackb(entry)
    except (ValueError, TypeError) as error:
        raise EntryError(f"take-over: {error}") from None
    return device_id, session_id


def pack_takeover_query(number: int, sender: str, queries: Sequence[TakeoverQuery]) -> dict[str, bytes]:
    """Encode a query to the former node of devices; `sender` is the node to reply to."""
    return {"question": msgpack.packb((number, sender, list(queries)))}


def unpack_takeover_query(entry: bytes) -> tuple[int, str, list[TakeoverQuery]]:
    """Decode a query: its number, the node to reply to, and what is queried of each device.

    Raises:
        EntryError: The entry is unreadable.
    """
    try:
        number, sender, queries = msgpack.unpackb(entry)
        return number, sender, [TakeoverQuery._make(query) for query in queries]
    except (ValueError, TypeError) as error:
        raise EntryError(f"question: {error}") from None


def pack_takeover_reply(number: int, replies: Sequence[TakeoverReply]) -> dict[str, bytes]:
    """Encode the reply to the query of that number."""
    return {"answer": msgpack.packb((number, list(replies)))}


def unpack_takeover_reply(entry: bytes) -> tuple[int, list[TakeoverReply]]:
    """Decode a reply: the number of its query, and what the node knows of each device.

    Raises:
        EntryError: The entry is unreadable.
    """
    try:
        number, rows = msgpack.unpackb(entry, strict_map_key=False, use_list=False)
        replies = [TakeoverReply._make(row) for row in rows]
        return number, [
            reply._replace(broadcasts=BroadcastState._make(reply.broadcasts)) if reply.broadcasts else reply
            for reply in replies
        ]
    except (ValueError, TypeError) as error:
        raise EntryError(f"answer: {error}") from None


def pack_broadcasts_changed() -> dict[str, bytes]:
    """Encode that there is a new broadcast, or one was revoked."""
    return {"broadcasts": b""}


def pack_acks(
    acknowledged: Sequence[int], unacknowledged: Sequence[int], broadcasts: Sequence[BroadcastAck] = ()
) -> dict[str, bytes]:
    """Encode acknowledgements.

    Args:
        acknowledged: Ids of acknowledged messages.
        unacknowledged: Ids of messages sent on connections that ended before the acknowledgement.
        broadcasts: Acknowledged broadcasts.
    """
    return {"acks": msgpack.packb((list(acknowledged), list(unacknowledged), list(broadcasts)))}


def unpack_acks(entry: bytes) -> tuple[list[int], list[int], list[BroadcastArrival]]:
    """Decode acknowledged ids, unacknowledged ids, and broadcasts.

    Raises:
        EntryError: The entry is unreadable.
    """
    try:
        acknowledged, unacknowledged, cursors = msgpack.unpackb(entry)
        broadcasts: list[BroadcastArrival] = []
        for position, ids, device_ids in cursors:
            task_ids = tuple(sorted(ids))
            broadcasts += [BroadcastArrival(device_id, position, task_ids) for device_id in device_ids]
    except (ValueError, TypeError) as error:
        raise EntryError(f"acknowledgements: {error}") from None
    return acknowledged, unacknowledged, broadcasts
