"""The one place where a message's status changes.

`record` takes a batch of outcomes from any lane. Statuses only go forward: a pending one (-1, 0, 1) to a final one;
the UPDATE's WHERE says so, and only rows it really changed are counted and receipted. Recording an outcome twice
therefore counts once.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from django.db import connection, transaction
from prometheus_client import Counter as Metric

from pushcore.callbacks import sender_signals
from pushcore.channels import SAYS_ARRIVED, Channel, Platform
from pushcore.codes import statuses
from pushcore.models import Receipt
from pushcore.ports import BroadcastArrival, Outcome, broadcast_counts
from pushcore.storage import clock
from pushcore.storage.partitions import RECEIPTS

RECORDED = Metric("mps_outcomes_total", "Messages whose status became final.", ["channel"])

# How messages are found here: by their keys, in the order of these, so that concurrent recorders never wait for each
# other in a circle. The planner is not told which ids: it would look at each of them, and is left no other way to go.
# Their bounds, which it is told, name the partitions.
_KEYS = "m.id = ANY((SELECT %(ids)s::bigint[])::bigint[]) AND m.id BETWEEN %(first)s AND %(last)s"
_BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
_ANY_WAY = "SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL enable_bitmapscan TO DEFAULT"

_IS_PENDING = f"m.status IN ({', '.join(str(code) for code in sorted(statuses.PENDING))})"
_LOCK = f"SELECT 1 FROM pushcore_message m WHERE {_KEYS} AND {_IS_PENDING} ORDER BY m.id FOR UPDATE"

# Answered are sums, and ids only where a receipt is due. Of those that say "arrived" by it, arrived now are those that
# were not known to be before.
_UPDATE = f"""
    WITH changed AS (
        UPDATE pushcore_message m SET status = %(status)s, channel = %(channel)s, updated_at = %(now)s,
            arrived_at = CASE WHEN %(arrives)s THEN coalesce(m.arrived_at, %(now)s) ELSE m.arrived_at END
        WHERE {_KEYS} AND {_IS_PENDING}
        RETURNING m.id, m.task_id, m.workspace_id, m.arrived_at = %(now)s AS arrived
    ), summed AS (
        SELECT task_id, workspace_id, count(*) AS messages, count(*) FILTER (WHERE arrived) AS arrived,
            array_agg(id) AS ids
        FROM changed GROUP BY task_id, workspace_id
    )
    SELECT s.task_id, s.messages, s.arrived, CASE WHEN w.callback_enabled AND w.callback_url <> ''
        AND (w.expiry_receipts OR %(status)s <> {statuses.EXPIRED}) THEN s.ids END
    FROM summed s JOIN pushcore_workspace w ON w.id = s.workspace_id
"""


class _Outcome(NamedTuple):
    """What became of messages."""

    status: int
    channel: int

    @property
    def arrives(self) -> bool:
        """Whether it says that the message is on its device; some vendors say so later."""
        return self.status == statuses.ACKED and self.channel not in SAYS_ARRIVED


class _Changed(NamedTuple):
    """Messages of a task that became final alike; `arrived`: of how many it became known now that they are on their
    devices; `told`: those whose workspace wants receipts."""

    task_id: int
    messages: int
    arrived: int
    told: list[int] | None


def record(outcomes: Sequence[Outcome]) -> int:
    """Write what became of messages; returns how many changed. One transaction: statuses, counters, receipts."""
    # A message named twice: the first outcome counts.
    first: dict[int, _Outcome] = {}
    for outcome in outcomes:
        first.setdefault(outcome.message_id, _Outcome(outcome.status, int(outcome.channel)))
    alike: dict[_Outcome, list[int]] = defaultdict(list)
    for message_id in sorted(first):
        alike[first[message_id]].append(message_id)
    return _record(alike)


def record_acknowledged(message_ids: Iterable[int]) -> int:
    """The same for messages that devices acknowledged on the self-built channel."""
    ordered = sorted(set(message_ids))
    return _record({_Outcome(statuses.ACKED, Channel.SELF_BUILT.value): ordered} if ordered else {})


def _record(alike: Mapping[_Outcome, list[int]]) -> int:
    """By outcome: the messages that have it, ordered; one statement for each outcome."""
    if not alike:
        return 0
    now, changed = clock.now(), list[tuple[_Outcome, _Changed]]()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_BY_KEY)
        if len(alike) > 1:
            cursor.execute(_LOCK, _keys(sorted(chain.from_iterable(alike.values()))))
        for outcome, message_ids in alike.items():
            values = {"now": now, "arrives": outcome.arrives, **outcome._asdict(), **_keys(message_ids)}
            cursor.execute(_UPDATE, values)
            changed += [(outcome, _Changed._make(row)) for row in cursor.fetchall()]
        cursor.execute(_ANY_WAY)
        if changed:
            _count_outcomes(cursor, changed, now)
            _queue_receipts(cursor, [message_id for _, group in changed for message_id in group.told or ()], now)
    for outcome, group in changed:
        RECORDED.labels(Channel(outcome.channel).label).inc(group.messages)
    return sum(group.messages for _, group in changed)


def _keys(message_ids: Sequence[int]) -> dict[str, Any]:
    """The values of `_KEYS`; the ids are ordered."""
    return {"ids": _array(message_ids), "first": message_ids[0], "last": message_ids[-1]}


def _array(numbers: Iterable[int]) -> str:
    """A PostgreSQL array as text: the adapter's own, number by number, takes longer than the rest of the recorder."""
    return f"{{{','.join(map(str, numbers))}}}"


def _count_outcomes(cursor: Any, changed: Sequence[tuple[_Outcome, _Changed]], now: datetime) -> None:
    """Keep the tasks' counters equal to their rows, in the rows' transaction. That messages expired is no word of
    anybody's: the time of the last one stays."""
    succeeded, arrived, expired, heard = Counter[int](), Counter[int](), Counter[int](), set[int]()
    for outcome, group in changed:
        succeeded[group.task_id] += group.messages if outcome.status == statuses.ACKED else 0
        arrived[group.task_id] += group.arrived
        if outcome.status == statuses.EXPIRED:
            expired[group.task_id] += group.messages
        else:
            heard.add(group.task_id)
    tasks = _lock_tasks(cursor, succeeded)
    cursor.execute(
        "UPDATE pushcore_pushtask t SET success_count = success_count + c.succeeded,"
        " arrival_count = arrival_count + c.arrived, expired_count = expired_count + c.expired,"
        " last_outcome_at = CASE WHEN c.heard THEN %s ELSE last_outcome_at END"
        " FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::integer[], %s::boolean[])"
        f" AS c(id, succeeded, arrived, expired, heard) WHERE {_OF_TASKS}",
        [
            now,
            tasks,
            *([count[task] for task in tasks] for count in (succeeded, arrived, expired)),
            [task in heard for task in tasks],
            tasks[0],
            tasks[-1],
        ],
    )


# The bounds name the partitions.
_OF_TASKS = "t.id = c.id AND t.id BETWEEN %s AND %s"


def _lock_tasks(cursor: Any, counted: Iterable[int]) -> list[int]:
    """Lock the tasks in the order of their ids, which is returned: counters wait for each other, in no circle."""
    tasks = sorted(counted)
    cursor.execute("SELECT 1 FROM pushcore_pushtask WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [tasks])
    return tasks


def record_arrivals(message_ids: Sequence[int]) -> int:
    """Note that messages are on their devices, whatever their status says yet; returns how many were not known to be.

    A message arrives once: from its acknowledgement, a vendor's receipt or the device's own report, the first counts.
    """
    if not message_ids:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_BY_KEY)
        cursor.execute(
            f"UPDATE pushcore_message m SET arrived_at = %(now)s WHERE {_KEYS} AND m.arrived_at IS NULL"
            " RETURNING m.task_id",
            {"now": clock.now(), **_keys(sorted(set(message_ids)))},
        )
        arrived = Counter(row[0] for row in cursor.fetchall())
        cursor.execute(_ANY_WAY)
        if not arrived:
            return 0
        tasks = _lock_tasks(cursor, arrived)
        cursor.execute(
            "UPDATE pushcore_pushtask t SET arrival_count = arrival_count + c.n"
            f" FROM unnest(%s::bigint[], %s::integer[]) AS c(id, n) WHERE {_OF_TASKS}",
            [tasks, [arrived[task] for task in tasks], tasks[0], tasks[-1]],
        )
    return sum(arrived.values())


def mark_sent(message_ids: Sequence[int]) -> None:
    """Note messages written to a connection that ended before they were acknowledged (the repeat says DUP)."""
    if not message_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pushcore_message SET sent_at = %s WHERE id IN"
            f" (SELECT id FROM pushcore_message WHERE id = ANY(%s) AND status = {statuses.WAITING}"
            " AND sent_at IS NULL ORDER BY id FOR UPDATE)",
            [clock.now(), list(message_ids)],
        )


def record_broadcasts(arrivals: Sequence[BroadcastArrival]) -> int:
    """Move devices' cursors and count what they acknowledged; returns how much was counted. One transaction.

    A cursor only goes forward, and what lies behind it was counted before: recording twice counts once.
    """
    if not arrivals:
        return 0
    # A device's words in one batch, as one.
    latest: dict[int, BroadcastArrival] = {}
    for arrival in arrivals:
        known = latest.setdefault(arrival.device_id, arrival)
        if known is not arrival:
            task_ids = tuple(sorted({*arrival.task_ids, *known.task_ids}))
            latest[arrival.device_id] = arrival._replace(
                position=max(arrival.position, known.position), task_ids=task_ids
            )
    device_ids = sorted(latest)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pushcore_broadcastcursor (device_id, position)"
            " SELECT d.id, 0 FROM pushcore_device d WHERE d.id = ANY(%s) ORDER BY d.id ON CONFLICT DO NOTHING",
            [device_ids],
        )
        cursor.execute(
            "SELECT device_id, position FROM pushcore_broadcastcursor WHERE device_id = ANY(%s)"
            " ORDER BY device_id FOR UPDATE",
            [device_ids],
        )
        former = dict(cursor.fetchall())
        moved = [device_id for device_id, position in former.items() if latest[device_id].position > position]
        cursor.execute(
            "UPDATE pushcore_broadcastcursor c SET position = told.position"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS told(device_id, position) WHERE c.device_id = told.device_id",
            [moved, [latest[device_id].position for device_id in moved]],
        )
        arrived = [
            (task_id, device_id) for device_id in moved for task_id in _between(latest[device_id], former[device_id])
        ]
        _count_broadcasts(cursor, Counter(task_id for task_id, _ in arrived))
        for count in broadcast_counts():
            count(arrived)
    return len(arrived)


def _between(arrival: BroadcastArrival, former: int) -> tuple[int, ...]:
    """What the device acknowledged between its former position and its new one."""
    task_ids = arrival.task_ids
    return task_ids[bisect_right(task_ids, former) : bisect_right(task_ids, arrival.position)]


def _count_broadcasts(cursor: Any, counted: Mapping[int, int]) -> None:
    """On the self-built channel a broadcast counts a device as pushed, and as arrived, when it acknowledges."""
    if not counted:
        return
    tasks = _lock_tasks(cursor, counted)
    cursor.execute(
        "UPDATE pushcore_pushtask t SET success_count = success_count + c.n, message_count = message_count + c.n,"
        " arrival_count = arrival_count + c.n, last_outcome_at = %s"
        f" FROM unnest(%s::bigint[], %s::integer[]) AS c(id, n) WHERE {_OF_TASKS}",
        [clock.now(), tasks, [counted[task] for task in tasks], tasks[0], tasks[-1]],
    )
    cursor.execute(
        "UPDATE pushcore_broadcast b SET reached = reached + c.n"
        " FROM unnest(%s::bigint[], %s::integer[]) AS c(id, n) WHERE b.task_id = c.id",
        [tasks, [counted[task] for task in tasks]],
    )


class _Told(NamedTuple):
    """What a receipt says."""

    message_id: int
    workspace_id: int
    target: str
    msgkey: str
    status: int
    channel: int
    ad_token: str
    platform: int | None
    third_token: str


def _queue_receipts(cursor: Any, message_ids: Sequence[int], now: datetime) -> None:
    """Insert the messages' receipts; the sender is woken once, after the commit."""
    first_kept = RECEIPTS.first_kept(now)
    kept = [message_id for message_id in message_ids if message_id >= first_kept]
    if not kept:
        return
    # A message without a msgkey is the service's own. Messages are kept longer than their receipts, and one may become
    # final so late: where the service was away for weeks.
    cursor.execute(
        "SELECT m.id, m.workspace_id, m.target, m.msgkey, m.status, m.channel, coalesce(d.ad_token, ''), d.platform,"
        " coalesce(d.third_token, '')"
        " FROM pushcore_message m LEFT JOIN LATERAL"
        " (SELECT ad_token, platform, third_token FROM pushcore_device WHERE id = m.device_id OFFSET 0) d ON true"
        " WHERE m.id = ANY(%s::bigint[]) AND m.msgkey <> ''",
        [_array(kept)],
    )
    Receipt.objects.bulk_create(
        [
            Receipt(
                workspace_id=told.workspace_id,
                message_id=told.message_id,
                target=told.target,
                body=_receipt_body(told),
                created_at=now,
                next_attempt_at=now,
            )
            for told in map(_Told._make, cursor.fetchall())
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )
    transaction.on_commit(sender_signals.wake_sender)


def _receipt_body(told: _Told) -> str:
    """The JSON a backend gets (source document, 6.8, configure callback API). iOS devices go by their APNs token, which
    a device may have lost since: it is the target then, where it was pushed to by it."""
    device = (told.third_token or told.ad_token) if told.platform == Platform.IOS else told.ad_token
    return json.dumps(
        {
            "extInfo": {
                "adToken": device,
                "osType": "" if told.platform is None else Platform(told.platform).label,
            },
            "msgId": told.msgkey,
            "pushSuccess": told.status == statuses.ACKED,
            "statusCode": str(told.status),
            "statusDesc": statuses.lookup(told.status, Channel(told.channel).label).label,
            "targetId": told.target,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
