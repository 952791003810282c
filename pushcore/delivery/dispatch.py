"""From committed rows to lanes: which messages wait for a device, and handing a batch over.

A row at status 0 is the only queue. Handing over is an attempt: whatever is lost on the way leaves the row at 0, and
the device's next connect or the sweeper tries again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.db import connection
from prometheus_client import Counter

from pushcore.codes import statuses
from pushcore.delivery.pending_cursor import oldest_pending_id
from pushcore.models.pushes import DeliveryType
from pushcore.ports import Outgoing, lanes

log = structlog.get_logger(__name__)

HANDED_OVER = Counter("mps_handed_over_total", "Messages handed to a lane.", ["lane"])
HAND_OVER_FAILED = Counter(
    "mps_hand_over_failed_total", "Messages a lane could not take; the sweeper retries.", ["lane"]
)

# The columns of an Outgoing but for what is its task's, then the message's own content; every query below has m and d.
_COLUMNS = (
    "m.id, m.task_id, m.target, m.msgkey, d.id, d.platform, d.third_channel, d.third_token, m.sent_at IS NOT NULL,"
    " m.override::text"
)

_MESSAGE_ID, _DEVICE_ID, _THIRD_CHANNEL = 0, 4, 6

# Devices and bindings are looked up by key (OFFSET 0 keeps it so): where statistics lag behind, the planner would take
# them for few and compare each message with all of them.
_DEVICE = (
    "LATERAL (SELECT id, platform, third_channel, third_token FROM pushcore_device WHERE id = m.device_id OFFSET 0) d"
)

# A message to a user goes only to a device the user is still bound to.
STILL_BOUND = (
    f"(m.delivery_type <> {DeliveryType.USER.value} OR EXISTS (SELECT 1 FROM pushcore_binding b"
    " WHERE b.device_id = m.device_id AND b.unbound_at IS NULL AND b.user_id = m.target OFFSET 0))"
)


class Page(NamedTuple):
    """Messages that wait, and the id to go on from; None where there are no more."""

    batch: list[Outgoing]
    next_id: int | None


def _fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _outgoing(rows: Sequence[tuple[Any, ...]]) -> list[Outgoing]:
    """Rows of `_COLUMNS`, less those of revoked tasks, of which nothing is delivered. One query for what they share."""
    tasks = _tasks({row[1] for row in rows}) if rows else {}
    batch: list[Outgoing] = []
    for row in rows:
        shared = tasks.get(row[1])
        if shared is None:
            continue
        if row[9] is not None:
            shared = shared._replace(content=shared.content | json.loads(row[9]))
        batch.append(Outgoing._make((*row[:8], *shared, row[8])))
    return batch


class _Shared(NamedTuple):
    """What a task's messages have in common: columns of an Outgoing, in its order."""

    workspace_id: int
    kind: str
    expire_at: datetime
    content: dict[str, Any]
    options: dict[str, Any]


def _tasks(task_ids: Iterable[int]) -> dict[int, _Shared]:
    """Those that are not revoked."""
    found = _fetch(
        "SELECT id, workspace_id, kind, expire_at, content::text, options::text FROM pushcore_pushtask"
        " WHERE id = ANY(%s) AND revoked_at IS NULL",
        [list(task_ids)],
    )
    return {
        task_id: _Shared(workspace_id, kind, expire_at, json.loads(content), json.loads(options))
        for task_id, workspace_id, kind, expire_at, content, options in found
    }


class Pending(NamedTuple):
    """By device id: the messages that wait, where there are any, and the vendor's channel that reaches the device, of
    each that exists."""

    messages: dict[int, list[Outgoing]]
    third_channels: dict[int, int | None]


def pending_for_devices(device_ids: Sequence[int], per_device: int, after: Mapping[int, int] | None = None) -> Pending:
    """The oldest `per_device` messages that wait for each device. Two queries, whatever the number.

    `after` continues: by device id, the message id up to which they are known; 0 for a device not named.
    """
    known, oldest = after or {}, oldest_pending_id()
    rows = _fetch(
        f"SELECT {_COLUMNS} FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(device_id, known)"
        " CROSS JOIN LATERAL (SELECT id, platform, third_channel, third_token, settled_id FROM pushcore_device"
        "   WHERE id = wanted.device_id OFFSET 0) d"
        " LEFT JOIN LATERAL (SELECT m.* FROM pushcore_message m"
        f"   WHERE m.device_id = d.id AND m.status = {statuses.WAITING}"
        "   AND m.id >= %s AND m.id > greatest(wanted.known, d.settled_id) AND m.expire_at > now()"
        "   AND EXISTS (SELECT 1 FROM pushcore_pushtask"
        "     WHERE id = m.task_id AND id >= %s AND revoked_at IS NULL OFFSET 0)"
        f"   AND {STILL_BOUND} ORDER BY m.id LIMIT %s) m ON true ORDER BY m.id",
        [list(device_ids), [known.get(device_id, 0) for device_id in device_ids], oldest, oldest, per_device],
    )
    waiting: dict[int, list[Outgoing]] = defaultdict(list)
    for outgoing in _outgoing([row for row in rows if row[_MESSAGE_ID] is not None]):
        waiting[outgoing.device_id].append(outgoing)
    return Pending(dict(waiting), {row[_DEVICE_ID]: row[_THIRD_CHANNEL] for row in rows})


def outgoing_of(message_ids: Sequence[int]) -> list[Outgoing]:
    """Those of the messages that wait for a device and may still be given to it, oldest first. Two queries."""
    rows = _fetch(
        f"SELECT {_COLUMNS} FROM pushcore_message m CROSS JOIN {_DEVICE}"
        f" WHERE m.id = ANY(%s) AND m.status = {statuses.WAITING} AND m.expire_at > now() AND {STILL_BOUND}"
        " ORDER BY m.id",
        [list(message_ids)],
    )
    return _outgoing(rows)


def waiting_between(low: int, high: int, limit: int) -> Page:
    """Messages with ids in [low, high) that wait for a device and have one, oldest first, at most `limit`.

    The page is cut out of the messages by their key alone, so a walk over a task of millions reads each of them once.
    What may not be delivered (revoked, no longer bound) is left out of it afterwards.
    """
    rows = _fetch(
        f"SELECT {_COLUMNS}, d.id IS NOT NULL AND {STILL_BOUND} FROM ("
        f"SELECT * FROM pushcore_message WHERE id >= %s AND id < %s AND status = {statuses.WAITING}"
        " AND device_id IS NOT NULL AND expire_at > now() ORDER BY id LIMIT %s) m"
        f" LEFT JOIN {_DEVICE} ON true ORDER BY m.id",
        [low, high, limit],
    )
    next_id = rows[-1][0] + 1 if len(rows) == limit else None
    return Page(_outgoing([row for row in rows if row[-1]]), next_id)


def hand_over(batch: Iterable[Outgoing]) -> bool:
    """Give each message to the first lane that claims it. Returns whether every lane took its part.

    Never raises: the rows are committed, and a request that was accepted stays accepted though a lane is away.
    """
    offered = lanes()
    parts: dict[str, list[Outgoing]] = defaultdict(list)
    by_name = {lane.name: lane for lane in offered}
    for outgoing in batch:
        for lane in offered:
            if lane.claims(outgoing):
                parts[lane.name].append(outgoing)
                break
    taken = True
    for name, part in parts.items():
        try:
            by_name[name].send(part)
        except Exception:  # a lane's fault, whatever it is, must not undo an accepted push
            log.exception("hand-over failed", lane=name, messages=len(part))
            HAND_OVER_FAILED.labels(name).inc(len(part))
            taken = False
        else:
            HANDED_OVER.labels(name).inc(len(part))
    return taken
