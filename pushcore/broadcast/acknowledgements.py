"""Broadcasts that devices have acknowledged on the self-built channel, where they have no message rows.

A device's cursor is the last broadcast that it has, or was passed by; the sink calls `record` with what nodes report.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from pushcore.delivery import task_counters
from pushcore.delivery.task_counters import Counts
from pushcore.ports import BroadcastArrival, broadcast_counters
from pushcore.storage import clock
from pushcore.storage.sql import statements

_SQL = statements(__file__)


def record(arrivals: Sequence[BroadcastArrival]) -> int:
    """Move devices' cursors and count what they acknowledged, in one transaction.

    A cursor only goes forward, and what lies behind it was counted before: recording twice counts once.

    Returns:
        How many broadcasts were counted, each once for a device.
    """
    if not arrivals:
        return 0
    latest = _merged(arrivals)
    device_ids = sorted(latest)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["create_cursors"], {"devices": device_ids})
        cursor.execute(_SQL["lock_cursors"], {"devices": device_ids})
        former: dict[int, int] = dict(cursor.fetchall())
        moved = [device_id for device_id, position in former.items() if latest[device_id].position > position]
        positions = [latest[device_id].position for device_id in moved]
        cursor.execute(_SQL["move_cursors"], {"devices": moved, "positions": positions})
        acknowledged = [
            (task_id, device_id) for device_id in moved for task_id in _between(latest[device_id], former[device_id])
        ]
        _count(cursor, Counter(task_id for task_id, _ in acknowledged))
        for counter in broadcast_counters():
            counter(acknowledged)
    return len(acknowledged)


def _merged(arrivals: Iterable[BroadcastArrival]) -> dict[int, BroadcastArrival]:
    """Merge what was reported of each device; by device id."""
    latest: dict[int, BroadcastArrival] = {}
    for arrival in arrivals:
        known = latest.setdefault(arrival.device_id, arrival)
        if known is not arrival:
            latest[arrival.device_id] = arrival._replace(
                position=max(arrival.position, known.position),
                task_ids=tuple(sorted({*arrival.task_ids, *known.task_ids})),
            )
    return latest


def _between(arrival: BroadcastArrival, former: int) -> tuple[int, ...]:
    """Return what the device acknowledged between its former position and its new one."""
    task_ids = arrival.task_ids
    return task_ids[bisect_right(task_ids, former) : bisect_right(task_ids, arrival.position)]


def _count(cursor: CursorWrapper, devices: Counter[int]) -> None:
    """Count devices by task: one is pushed to, and has the broadcast, when it acknowledges."""
    if not devices:
        return
    counts = {task: Counts(messages=n, succeeded=n, arrived=n, has_outcome=True) for task, n in devices.items()}
    task_counters.add(cursor, counts, clock.now())
    cursor.execute(_SQL["count_devices"], {"tasks": list(devices), "devices": list(devices.values())})
