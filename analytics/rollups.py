"""Sums by minute and by quarter of an hour: made from changes, and checked by counting messages and events again.

`fold` deletes changes and adds them to the sums in one statement, so each is added once, whichever process folds and
whichever dies. App version and platform are the device's at that time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from analytics import changes
from analytics.models import Change, MinuteRollup, QuarterRollup, StatusRollup
from pushcore.audience import open_hours
from pushcore.audience.open_hours import Open
from pushcore.channels import Channel
from pushcore.models import PushTask
from pushcore.storage import clock
from pushcore.storage.deletion import delete_in_steps
from pushcore.storage.sql import statements

# Changes (statements, of up to some thousand entries) folded at a time.
BATCH = 200
METRICS = ("pushed", "accepted", "arrived", "opened", "ignored")
_LOCK = 7_202_615
_SQL = statements(__file__)


def any_change() -> bool:
    """Tell whether changes wait to be added to the sums."""
    return Change.objects.exists()


def fold(*, budget_seconds: float = 10.0) -> int:
    """Add changes to the sums until none is left, or the time is spent.

    A lock lets one process fold at a time: upserts come in one order, and none waits for a row that another holds.

    Returns:
        How many changes (rows, one a statement) were added.
    """
    deadline, folded = time.monotonic() + budget_seconds, 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute(_SQL["fold"], {"at_most": BATCH})
            taken, opens = cursor.fetchone()
            open_hours.add(
                Open(device_id, datetime.fromtimestamp(minute * 60, UTC)) for device_id, minute in opens or ()
            )
        folded += int(taken)
        if taken < BATCH or time.monotonic() >= deadline:
            return folded


def purge() -> int:
    """Delete sums that are past their time. Returns how many."""
    now = clock.now()
    minutes = MinuteRollup.objects.filter(start__lt=now - timedelta(days=settings.ANALYSIS_MINUTE_DAYS))
    past = {"start__lt": now - timedelta(days=settings.ANALYSIS_RETENTION_DAYS)}
    quarters, by_status = QuarterRollup.objects.filter(**past), StatusRollup.objects.filter(**past)
    return delete_in_steps(minutes) + delete_in_steps(quarters) + delete_in_steps(by_status)


# -- checking the sums ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A sum that is not what messages and events say: of a minute, or of a status in a quarter of an hour.

    Attributes:
        minute: The minute, or the first of the quarter of an hour.
        platform: The devices' platform; 0 for the sum of a status, which is of all.
        metric: One of `METRICS`, or "status".
        status: The status, for a sum of one.
    """

    workspace_id: int
    minute: datetime
    platform: int
    channel: int
    kind: str
    metric: str
    status: int
    summed: int
    counted: int

    @property
    def name(self) -> str:
        """What is counted: "pushed", "status -3"."""
        return f"{self.metric} {self.status}" if self.metric == _STATUS else self.metric


# Workspace id, minute since 1970, platform, channel, kind of push, metric, status; see `Difference`.
Cell = tuple[int, int, int, int, str, str, int]

# How each metric is counted again: the statement and its parameters.
_COUNTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "pushed": (_SQL["count_messages"].format(minute=changes.pushed_minute("m")), {}),
    "accepted": (_SQL["count_messages"].format(minute=changes.accepted_minute("m")), {}),
    "arrived": (_SQL["count_messages"].format(minute=changes.arrived_minute("m")), {}),
    "opened": (_SQL["count_events"], {"kind": "opened"}),
    "ignored": (_SQL["count_events"], {"kind": "ignored"}),
}
# The metric of a difference of statuses.
_STATUS = "status"
# On the self-built channel, who got a broadcast is known by number only: these cells are not counted again.
_UNKNOWN = (PushTask.Kind.BROADCAST, Channel.SELF_BUILT)


def differences() -> list[Difference]:
    """Return the sums that are not what messages and events say, all app versions together.

    Only minutes whose messages are all still kept are compared. Call `fold` before; pushes that are made meanwhile show
    as differences.
    """
    counted, summed = dict(_counted()), dict(_summed())
    differing = []
    for cell in sorted(counted.keys() | summed.keys()):
        workspace_id, minute, platform, channel, kind, metric, status = cell
        if counted.get(cell, 0) != summed.get(cell, 0):
            at = datetime.fromtimestamp(minute * 60, UTC)
            numbers = summed.get(cell, 0), counted.get(cell, 0)
            differing.append(Difference(workspace_id, at, platform, channel, kind, metric, status, *numbers))
    return differing


def _counted() -> Iterator[tuple[Cell, int]]:
    since = _first_whole_minute()
    with connection.cursor() as cursor:
        for metric, (sql, parameters) in _COUNTS.items():
            cursor.execute(sql, parameters)
            for workspace_id, minute, platform, channel, kind, count in cursor.fetchall():
                known = metric in ("opened", "ignored") or (kind, channel) != _UNKNOWN
                if minute is not None and minute >= since and known:
                    yield (workspace_id, minute, platform, channel, kind, metric, 0), count
        cursor.execute(_SQL["count_statuses"])
        yield from _cells_of_statuses(cursor.fetchall(), since)


def _summed() -> Iterator[tuple[Cell, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_SQL["summed"], {"since": _first_whole_minute() * 60})
        for workspace_id, minute, platform, channel, kind, *values in cursor.fetchall():
            for metric, value in zip(METRICS, values, strict=True):
                known = metric in ("opened", "ignored") or (kind, channel) != _UNKNOWN
                if value and known:
                    yield (workspace_id, minute, platform, channel, kind, metric, 0), int(value)
        cursor.execute(_SQL["summed_statuses"], {"since": _first_whole_minute() * 60})
        yield from _cells_of_statuses(cursor.fetchall(), _first_whole_minute())


def _cells_of_statuses(rows: Iterable[tuple[int, int, int, str, int, int]], since: int) -> Iterator[tuple[Cell, int]]:
    for workspace_id, minute, channel, kind, status, count in rows:
        if minute >= since and (kind, channel) != _UNKNOWN:
            yield (workspace_id, minute, 0, channel, kind, _STATUS, status), count


def _first_whole_minute() -> int:
    """Return the first minute (since 1970) of which no message can have been deleted yet."""
    oldest = clock.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS - 1)
    return int(oldest.timestamp() // 60)


def rebuild() -> int:
    """Correct the sums that differ from messages and events, then make those of quarters from them.

    What is added to a cell is counted for the app version that has most of it.

    Returns:
        How many sums were corrected.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        differing = differences()
        for wrong in differing:
            _mend(cursor, wrong)
        since = -(-_first_whole_minute() // 15) * 15 * 60
        cursor.execute("DELETE FROM analytics_quarterrollup WHERE start >= to_timestamp(%s)", [since])
        cursor.execute(_SQL["rebuild_quarters"], {"since": since})
    return len(differing)


def _mend(cursor: Any, wrong: Difference) -> None:
    cell = {
        "workspace": wrong.workspace_id,
        "start": wrong.minute,
        "platform": wrong.platform,
        "channel": wrong.channel,
        "kind": wrong.kind,
    }
    missing = wrong.counted - wrong.summed
    if wrong.metric == _STATUS:
        cursor.execute(_SQL["mend_status"], {**cell, "status": wrong.status, "missing": missing})
        return
    cursor.execute(_SQL["main_version"].format(metric=wrong.metric), cell)
    row = cursor.fetchone()
    cell["version"] = row[0] if row else ""
    cursor.execute(_SQL["make_cell"], cell)
    cursor.execute(_SQL["mend"].format(metric=wrong.metric), {**cell, "missing": missing})
