"""Changes are summed up, by minute and by quarter of an hour; and the sums are proved by counting anew.

`fold` takes changes away and adds them to the sums in one statement, so each is added once, whoever folds and whatever
dies. App version and platform are the device's at that time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from analytics import changes
from analytics.changes import COUNTED_EVENTS, Metric
from analytics.models import MinuteRollup, QuarterRollup
from pushcore.channels import Channel
from pushcore.models import PushTask
from pushcore.storage import clock, retention

# Changes (statements, of up to some thousand entries) folded at a time.
STEP = 200
METRICS = ("pushed", "accepted", "arrived", "opened", "ignored")
_KEY = "workspace_id, start, platform, app_version, channel, kind"
_LOCK = 7_202_615


def _upsert(table: str, minutes: int) -> str:
    adding = ", ".join(f"{metric} = {table}.{metric} + excluded.{metric}" for metric in METRICS)
    sums = ", ".join(f"sum({metric})" for metric in METRICS)
    return (
        f"INSERT INTO {table} ({_KEY}, {', '.join(METRICS)})"
        f" SELECT workspace_id, to_timestamp(minute / {minutes} * {60 * minutes}) AS start, platform, app_version,"
        f" channel, kind, {sums} FROM summed GROUP BY {_KEY} ORDER BY {_KEY}"
        f" ON CONFLICT ({_KEY}) DO UPDATE SET {adding}"
    )


_SUMS = ", ".join(
    f"sum(sign) FILTER (WHERE metric & {metric.value} > 0) AS {name}"
    for metric, name in zip(Metric, METRICS, strict=True)
)
_FILLED = ", ".join(f"coalesce({name}, 0) AS {name}" for name in METRICS)
_FOLD = f"""
WITH taken AS (
  DELETE FROM analytics_change WHERE id IN (
    SELECT id FROM analytics_change ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
  RETURNING {changes.COLUMNS}
), entries AS (
  SELECT abs(metric) AS metric, minute, task_id, channel, device_id, sum(sign(metric)) AS sign
  FROM ({changes.ENTRIES.format(changes="taken")}) each
  GROUP BY abs(metric), minute, task_id, channel, device_id
), summed AS (
  SELECT workspace_id, minute, platform, app_version, channel, kind, {_FILLED} FROM (
    SELECT t.workspace_id, e.minute, coalesce(d.platform, 1) AS platform, coalesce(d.app_version, '') AS app_version,
      e.channel, t.kind, {_SUMS}
    FROM entries e
    JOIN LATERAL (SELECT workspace_id, kind FROM pushcore_pushtask
      WHERE id = e.task_id AND kind <> '{PushTask.Kind.REVOKE}' OFFSET 0) t ON true
    LEFT JOIN LATERAL (SELECT platform, app_version FROM pushcore_device WHERE id = e.device_id OFFSET 0) d ON true
    GROUP BY 1, 2, 3, 4, 5, 6
  ) AS counted
), minutes AS ({_upsert("analytics_minuterollup", 1)}
), quarters AS ({_upsert("analytics_quarterrollup", 15)}
)
SELECT count(*) FROM taken
"""


def fold(*, budget_seconds: float = 10.0) -> int:
    """Sum up what has been noted, until nothing is left or the time is spent; returns how many changes (statements).

    One folder at a time: upserts in one order, and nobody waits for a sum that another holds.
    """
    deadline, folded = time.monotonic() + budget_seconds, 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute(_FOLD, [STEP])
            taken = int(cursor.fetchone()[0])
        folded += taken
        if taken < STEP or time.monotonic() >= deadline:
            return folded


def purge() -> int:
    """Delete sums that are past their time."""
    now = clock.now()
    minutes = MinuteRollup.objects.filter(start__lt=now - timedelta(days=settings.ANALYSIS_MINUTE_DAYS))
    quarters = QuarterRollup.objects.filter(start__lt=now - timedelta(days=settings.ANALYSIS_RETENTION_DAYS))
    return retention.delete_in_steps(minutes) + retention.delete_in_steps(quarters)


# -- the proof --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A minute's sum that is not what the rows say."""

    workspace_id: int
    minute: datetime
    platform: int
    channel: int
    kind: str
    metric: str
    summed: int
    counted: int


Cell = tuple[int, int, int, int, str, str]

_BY_CELL = "GROUP BY 1, 2, 3, 4, 5"


def _count_messages(minute: str) -> str:
    return (
        f"SELECT m.workspace_id, {minute} AS minute, coalesce(d.platform, 1), m.channel, t.kind, count(*)"
        f" FROM pushcore_message m JOIN pushcore_pushtask t ON t.id = m.task_id AND t.kind <> '{PushTask.Kind.REVOKE}'"
        f" LEFT JOIN pushcore_device d ON d.id = m.device_id WHERE m.device_id IS NOT NULL {_BY_CELL}"
    )


def _count_events(kind: str) -> str:
    return (
        "SELECT e.workspace_id, analytics_minute(e.at), coalesce(d.platform, 1), e.channel,"
        " t.kind, count(*) FROM analytics_messageevent e JOIN pushcore_pushtask t ON t.id = e.task_id"
        f" LEFT JOIN pushcore_device d ON d.id = e.device_id WHERE e.kind = '{kind}' AND {COUNTED_EVENTS} {_BY_CELL}"
    )


_COUNTS = {
    "pushed": _count_messages(changes.pushed("m")),
    "accepted": _count_messages(changes.accepted("m")),
    "arrived": _count_messages(changes.arrived("m")),
    "opened": _count_events("opened"),
    "ignored": _count_events("ignored"),
}
# On the self-built channel, who got a broadcast is known by number only: these cells are not counted anew.
_UNKNOWN = (PushTask.Kind.BROADCAST, Channel.SELF_BUILT)


def differences() -> list[Difference]:
    """Where the sums of minutes are not what messages and events say, all versions together.

    Compares what both know: minutes whose messages are all still kept. Fold before; pushes that go on meanwhile show.
    """
    counted, summed = dict(_counted()), dict(_summed())
    found = []
    for cell in sorted(counted.keys() | summed.keys()):
        workspace_id, minute, platform, channel, kind, metric = cell
        if counted.get(cell, 0) != summed.get(cell, 0):
            at = datetime.fromtimestamp(minute * 60, UTC)
            found.append(
                Difference(workspace_id, at, platform, channel, kind, metric, summed.get(cell, 0), counted.get(cell, 0))
            )
    return found


def _counted() -> Iterator[tuple[Cell, int]]:
    since = _first_whole_minute()
    with connection.cursor() as cursor:
        for metric, sql in _COUNTS.items():
            cursor.execute(sql)
            for workspace_id, minute, platform, channel, kind, count in cursor.fetchall():
                known = metric in ("opened", "ignored") or (kind, channel) != _UNKNOWN
                if minute is not None and minute >= since and known:
                    yield (workspace_id, minute, platform, channel, kind, metric), count


def _summed() -> Iterator[tuple[Cell, int]]:
    sums = ", ".join(f"sum({metric})" for metric in METRICS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT workspace_id, analytics_minute(start), platform, channel, kind,"
            f" {sums} FROM analytics_minuterollup WHERE start >= to_timestamp(%s) GROUP BY 1, 2, 3, 4, 5",
            [_first_whole_minute() * 60],
        )
        for workspace_id, minute, platform, channel, kind, *values in cursor.fetchall():
            for metric, value in zip(METRICS, values, strict=True):
                known = metric in ("opened", "ignored") or (kind, channel) != _UNKNOWN
                if value and known:
                    yield (workspace_id, minute, platform, channel, kind, metric), int(value)


def _first_whole_minute() -> int:
    """Before it, messages may have been deleted already."""
    oldest = clock.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS - 1)
    return int(oldest.timestamp() // 60)


def rebuild() -> int:
    """Make the sums of minutes what messages and events say, where they differ, and those of quarters what the minutes
    say; returns how many cells of minutes were mended. Versions in a mended cell: the one that has most of it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        found = differences()
        for wrong in found:
            _mend(cursor, wrong)
        since = -(-_first_whole_minute() // 15) * 15 * 60
        cursor.execute("DELETE FROM analytics_quarterrollup WHERE start >= to_timestamp(%s)", [since])
        cursor.execute(
            f"WITH summed AS (SELECT workspace_id, analytics_minute(start) AS minute, platform,"
            f" app_version, channel, kind, {', '.join(METRICS)} FROM analytics_minuterollup"
            f" WHERE start >= to_timestamp(%s)) {_upsert('analytics_quarterrollup', 15)}",
            [since],
        )
    return len(found)


def _mend(cursor: Any, wrong: Difference) -> None:
    cell = "workspace_id = %s AND start = %s AND platform = %s AND channel = %s AND kind = %s"
    key = [wrong.workspace_id, wrong.minute, wrong.platform, wrong.channel, wrong.kind]
    cursor.execute(
        f"SELECT app_version FROM analytics_minuterollup WHERE {cell} ORDER BY {wrong.metric} DESC LIMIT 1", key
    )
    version = (cursor.fetchone() or ("",))[0]
    cursor.execute(
        f"INSERT INTO analytics_minuterollup ({_KEY}, {', '.join(METRICS)})"
        f" VALUES (%s, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0) ON CONFLICT ({_KEY}) DO NOTHING",
        [wrong.workspace_id, wrong.minute, wrong.platform, version, wrong.channel, wrong.kind],
    )
    cursor.execute(
        f"UPDATE analytics_minuterollup SET {wrong.metric} = {wrong.metric} + %s WHERE {cell} AND app_version = %s",
        [wrong.counted - wrong.summed, *key, version],
    )
