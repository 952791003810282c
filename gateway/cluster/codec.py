"""What travels on the streams: batches for a node, acknowledgements for the sink. MessagePack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgpack

from pushcore.ports import BroadcastArrival

ACKS_STREAM = "mps:acks"
ACKS_GROUP = "sink"
# A bound for the day nothing reads them; each entry holds up to a thousand.
ACKS_MAX_ENTRIES = 100_000


class EntryError(ValueError):
    """A stream entry cannot be read: written by another version of this service, or by someone else."""


class BroadcastAck(NamedTuple):
    """Devices that acknowledged the same broadcasts, and have passed all others up to `position`."""

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
    """A device that has come to another node, in the session of that id, and messages that wait for it as rows."""

    device_id: int
    session_id: str
    message_ids: list[int]


class BroadcastState(NamedTuple):
    """How far a device has come with broadcasts: see `gateway.broadcast.progress.Progress`. `beyond`: of those
    offered beyond the position, whether they were acknowledged, None where they are open."""

    position: int
    acknowledged: tuple[int, ...]
    beyond: dict[int, bool | None]
    written: tuple[int, ...]


class TakeoverReply(NamedTuple):
    """What a node knows of the messages it was asked about: those the device acknowledged, and those written to it that
    it did not. `is_certain`: whether these are all."""

    device_id: int
    acknowledged: Sequence[int]
    written: Sequence[int]
    is_certain: bool
    broadcasts: BroadcastState | None


def pack_deliveries(deliveries: Iterable[DeliveryEntry]) -> dict[str, bytes]:
    """A stream entry with messages for a node's devices."""
    return {"deliver": msgpack.packb(list(deliveries))}


def unpack_deliveries(entry: bytes) -> list[DeliveryEntry]:
    """Raises `EntryError`."""
    try:
        rows = msgpack.unpackb(entry, use_list=False)
        if any(len(row) != len(DeliveryEntry._fields) for row in rows):
            raise ValueError("of another shape")
    except (ValueError, TypeError) as error:
        raise EntryError(f"deliveries: {error}") from None
    return list(rows)  # plain tuples: a name for each field would double the time


def pack_withdrawn(held: Sequence[tuple[int, int]]) -> dict[str, bytes]:
    """A stream entry that says: these messages (device id, message id) are revoked."""
    return {"withdraw": msgpack.packb(list(held))}


def unpack_withdrawn(entry: bytes) -> list[tuple[int, int]]:
    """Raises `EntryError`."""
    try:
        return [(device_id, message_id) for device_id, message_id in msgpack.unpackb(entry)]
    except (ValueError, TypeError) as error:
        raise EntryError(f"withdrawn: {error}") from None


def pack_changed(device_ids: Sequence[int]) -> dict[str, bytes]:
    """A stream entry that says: these devices serve another user now, or are reached through another channel."""
    return {"changed": msgpack.packb(list(device_ids))}


def unpack_changed(entry: bytes) -> list[int]:
    """Raises `EntryError`."""
    try:
        return [int(device_id) for device_id in msgpack.unpackb(entry)]
    except (ValueError, TypeError) as error:
        raise EntryError(f"changed: {error}") from None


def pack_take_over(device_id: int, session_id: str) -> dict[str, bytes]:
    """A stream entry that says: the device has connected elsewhere; `session_id` is the one that must end."""
    return {"take-over": msgpack.packb((device_id, session_id))}


def unpack_take_over(entry: bytes) -> tuple[int, str]:
    """Raises `EntryError`."""
    try:
        device_id, session_id = msgpack.unpackb(entry)
    except (ValueError, TypeError) as error:
        raise EntryError(f"take-over: {error}") from None
    return device_id, session_id


def pack_takeover_query(number: int, asker: str, asked: Sequence[TakeoverQuery]) -> dict[str, bytes]:
    """A stream entry that asks a node what devices acknowledged there that have come to another."""
    return {"question": msgpack.packb((number, asker, list(asked)))}


def unpack_takeover_query(entry: bytes) -> tuple[int, str, list[TakeoverQuery]]:
    """Number, the asking node's id, what is asked. Raises `EntryError`."""
    try:
        number, asker, asked = msgpack.unpackb(entry)
        return number, asker, [TakeoverQuery._make(one) for one in asked]
    except (ValueError, TypeError) as error:
        raise EntryError(f"question: {error}") from None


def pack_takeover_reply(number: int, known: Sequence[TakeoverReply]) -> dict[str, bytes]:
    """A stream entry that answers the question of that number."""
    return {"answer": msgpack.packb((number, list(known)))}


def unpack_takeover_reply(entry: bytes) -> tuple[int, list[TakeoverReply]]:
    """Raises `EntryError`."""
    try:
        number, told = msgpack.unpackb(entry, strict_map_key=False, use_list=False)
        known = [TakeoverReply._make(one) for one in told]
        return number, [
            one._replace(broadcasts=BroadcastState._make(one.broadcasts)) if one.broadcasts else one for one in known
        ]
    except (ValueError, TypeError) as error:
        raise EntryError(f"answer: {error}") from None


def pack_broadcast_news() -> dict[str, bytes]:
    """A stream entry that says: there is a new broadcast, or one was revoked."""
    return {"broadcasts": b""}


def pack_acks(
    acknowledged: Sequence[int], unacknowledged: Sequence[int], broadcasts: Sequence[BroadcastAck] = ()
) -> dict[str, bytes]:
    """An entry of the acknowledgement stream: message ids acknowledged, ids a lost connection left open, broadcasts."""
    return {"acks": msgpack.packb((list(acknowledged), list(unacknowledged), list(broadcasts)))}


def unpack_acks(entry: bytes) -> tuple[list[int], list[int], list[BroadcastArrival]]:
    """Raises `EntryError`."""
    try:
        acknowledged, unacknowledged, told = msgpack.unpackb(entry)
        broadcasts: list[BroadcastArrival] = []
        for position, ids, device_ids in told:
            task_ids = tuple(sorted(ids))
            broadcasts += [BroadcastArrival(device_id, position, task_ids) for device_id in device_ids]
    except (ValueError, TypeError) as error:
        raise EntryError(f"acknowledgements: {error}") from None
    return acknowledged, unacknowledged, broadcasts
