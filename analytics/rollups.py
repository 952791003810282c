"""Sums by minute and by quarter of an hour: made from changes, and checked by counting messages and events again.

`fold` deletes changes and adds them to the sums in one statement, so each is added once, whichever process folds and
whichever dies. App version and platform are the device's at that time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from analytics import changes
from analytics.models import MinuteRollup, QuarterRollup
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
            taken = int(cursor.fetchone()[0])
        folded += taken
        if taken < BATCH or time.monotonic() >= deadline:
            return folded


def purge() -> int:
    """Delete sums that are past their time. Returns how many."""
    now = clock.now()
    minutes = MinuteRollup.objects.filter(start__lt=now - timedelta(days=settings.ANALYSIS_MINUTE_DAYS))
    quarters = QuarterRollup.objects.filter(start__lt=now - timedelta(days=settings.ANALYSIS_RETENTION_DAYS))
    return delete_in_steps(minutes) + delete_in_steps(quarters)


# -- checking the sums ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A minute's sum that is not what messages and events say."""

    workspace_id: int
    minute: datetime
    platform: int
    channel: int
    kind: str
    metric: str
    summed: int
    counted: int


# Workspace id, minute since 1970, platform, channel, kind of push, metric.
Cell = tuple[int, int, int, int, str, str]

# How each metric is counted again: the statement and its parameters.
_COUNTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "pushed": (_SQL["count_messages"].format(minute=changes.pushed_minute("m")), {}),
    "accepted": (_SQL["count_messages"].format(minute=changes.accepted_minute("m")), {}),
    "arrived": (_SQL["count_messages"].format(minute=changes.arrived_minute("m")), {}),
    "opened": (_SQL["count_events"], {"kind": "opened"}),
    "ignored": (_SQL["count_events"], {"kind": "ignored"}),
}
# On the self-built channel, who got a broadcast is known by number only: these cells are not counted again.
_UNKNOWN = (PushTask.Kind.BROADCAST, Channel.SELF_BUILT)


def differences() -> list[Difference]:
    """Return the sums of minutes that are not what messages and events say, all app versions together.

    Only minutes whose messages are all still kept are compared. Call `fold` before; pushes that are made meanwhile show
    as differences.
    """
    counted, summed = dict(_counted()), dict(_summed())
    differing = []
    for cell in sorted(counted.keys() | summed.keys()):
        workspace_id, minute, platform, channel, kind, metric = cell
        if counted.get(cell, 0) != summed.get(cell, 0):
            at = datetime.fromtimestamp(minute * 60, UTC)
            differing.append(
                Difference(workspace_id, at, platform, channel, kind, metric, summed.get(cell, 0), counted.get(cell, 0))
            )
    return differing


def _counted() -> Iterator[tuple[Cell, int]]:
    since = _first_whole_minute()
    with connection.cursor() as cursor:
        for metric, (sql, parameters) in _COUNTS.items():
            cursor.execute(sql, parameters)
            for workspace_id, minute, platform, channel, kind, count in cursor.fetchall():
                known = metric in ("opened", "ignored") or (kind, channel) != _UNKNOWN
                if minute is not None and minute >= since and known:
                    yield (workspace_id, minute, platform, channel, kind, metric), count


def _summed() -> Iterator[tuple[Cell, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_SQL["summed"], {"since": _first_whole_minute() * 60})
        for workspace_id, minute, platform, channel, kind, *values in cursor.fetchall():
            for metric, value in zip(METRICS, values, strict=True):
                known = metric in ("opened", "ignored") or (kind, channel) != _UNKNOWN
                if value and known:
                    yield (workspace_id, minute, platform, channel, kind, metric), int(value)


def _first_whole_minute() -> int:
    """Return the first minute (since 1970) of which no message can have been deleted yet."""
    oldest = clock.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS - 1)
    return int(oldest.timestamp() // 60)


def rebuild() -> int:
    """Correct the sums of minutes that differ from messages and events, then make those of quarters from them.

    What is added to a cell is counted for the app version that has most of it.

    Returns:
        How many cells of minutes were corrected.
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
    cursor.execute(_SQL["main_version"].format(metric=wrong.metric), cell)
    row = cursor.fetchone()
    cell["version"] = row[0] if row else ""
    cursor.execute(_SQL["make_cell"], cell)
    cursor.execute(_SQL["mend"].format(metric=wrong.metric), {**cell, "missing": wrong.counted - wrong.summed})
