"""Reports of usage analysis: the numbers of a span of time, by day, hour or minute.

The definitions stand in `analytics.changes`. Answers come from the sums (`analytics.rollups`), to which changes are
added first. Queries about a single task: `analytics.task_queries`; what the API asks: `analytics.api_queries`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from analytics import rollups
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.models import Workspace
from pushcore.ports import LONGEST_ANALYSIS, CoreIndex, StatusCount
from pushcore.storage import clock, ids

# What is spent at most, before an answer, on adding changes to the sums.
FOLD_SECONDS = 1.0
# How much of a series by minute or hour is held in memory at a time.
IN_MEMORY = timedelta(days=3)
# Nothing is pushed outside of the time there are ids for: a time beyond it, up to the year 9999, is taken for its end.
EARLIEST = ids.EPOCH
LATEST = ids.created_at(ids.HIGHEST) - LONGEST_ANALYSIS


class Granularity(Enum):
    """The granularity of a series. Minutes and hours are for a single day (source document, 6.2)."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


LENGTHS = {Granularity.MINUTE: timedelta(minutes=1), Granularity.HOUR: timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Report:
    """A report's span, from `start` to before `end` (aware), and its filters; None where all count."""

    workspace: Workspace
    start: datetime
    end: datetime
    platform: int | None = None
    app_version: str | None = None
    channel: int | None = None
    kind: str | None = None

    @property
    def length(self) -> timedelta:
        """How much time passes, also across a change of the clock, where plain subtraction ignores it."""
        return self.end.astimezone(UTC) - self.start.astimezone(UTC)

    def before(self) -> Report:
        """Return the same report of the span before, which has as many days."""
        return Report(
            self.workspace, self.start - (self.end - self.start), self.start,
            self.platform, self.app_version, self.channel, self.kind,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a series: the numbers of a span that begins at `at` (in the workspace's time zone)."""

    at: datetime
    index: CoreIndex

    @property
    def offset(self) -> str:
        """The offset from UTC, as +02:00."""
        return self.at.isoformat()[-6:]

    @property
    def comes_twice(self) -> bool:
        """Whether clocks show this time twice, because they are set back: only the offset tells the two apart."""
        return self.at.replace(fold=0).utcoffset() != self.at.replace(fold=1).utcoffset()


@dataclass(frozen=True, slots=True)
class Options:
    """What occurs in a span, and so can be filtered by."""

    platforms: list[int] = field(default_factory=list)
    app_versions: list[str] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)


def report_of_days(workspace: Workspace, first: datetime, last: datetime, **narrowed: Any) -> Report:
    """Return a report from the start of a day to the end of another, in the workspace's time zone."""
    first, last = (_in_zone(moment, workspace) for moment in (first, last))
    return Report(workspace, _midnight(first), _midnight(last + timedelta(days=1)), **narrowed)


def _in_zone(moment: datetime, workspace: Workspace) -> datetime:
    """Return the moment in the workspace's time zone, moved into the time that messages can be of."""
    return min(max(moment, EARLIEST), LATEST).astimezone(ZoneInfo(workspace.time_zone))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def totals(report: Report) -> CoreIndex:
    """Return the numbers of the whole span."""
    rollups.fold(budget_seconds=FOLD_SECONDS)
    where, params = _conditions(report)
    sums = ", ".join(f"coalesce(sum({metric}), 0)" for metric in rollups.METRICS)
    return CoreIndex(*_row(f"SELECT {sums} FROM {_table(report)} WHERE {where}", params))


def totals_of_today(workspaces: Iterable[Workspace]) -> CoreIndex:
    """Return the numbers of several workspaces together, each of the day that it has now in its time zone."""
    rollups.fold(budget_seconds=FOLD_SECONDS)
    now, wanted, params = clock.now(), ["false"], list[Any]()
    for same in _by_time_zone(workspaces):
        day = report_of_days(same[0], now, now)
        wanted.append("workspace_id = ANY(%s) AND start >= %s AND start < %s")
        params += [[workspace.pk for workspace in same], day.start, day.end]
    sums = ", ".join(f"coalesce(sum({metric}), 0)" for metric in rollups.METRICS)
    where = " OR ".join(f"({condition})" for condition in wanted)
    return CoreIndex(*_row(f"SELECT {sums} FROM analytics_quarterrollup WHERE {where}", params))


def last_days(workspaces: Iterable[Workspace], count: int) -> list[CoreIndex]:
    """Return the numbers of several workspaces together by day, today last, each workspace's days in its time zone."""
    rollups.fold(budget_seconds=FOLD_SECONDS)
    sums = ", ".join(f"sum({metric})" for metric in rollups.METRICS)
    days = _by_day(workspaces, count, f"{sums} FROM analytics_quarterrollup", "true", len(rollups.METRICS))
    return [CoreIndex(*numbers) for numbers in days]


def expired_by_day(workspaces: Iterable[Workspace], count: int) -> list[int]:
    """Return how many of the messages of each day's pushes have expired; today is last, as in `last_days`.

    What has just expired is counted some seconds later, by the periodic task.
    """
    what, expired = "sum(messages) FROM analytics_statusrollup", f"status = {statuses.EXPIRED}"
    return [number for [number] in _by_day(workspaces, count, what, expired, 1)]


def _by_day(workspaces: Iterable[Workspace], count: int, what: str, where: str, width: int) -> list[list[int]]:
    """Return `width` sums for each of the last days.

    Args:
        workspaces: Whose sums are added up, each workspace's days in its time zone.
        count: How many days, today included.
        what: The sums, and the table they are of, as SQL.
        where: A condition, as SQL.
        width: How many sums there are.
    """
    now, days = clock.now(), [[0] * width for _ in range(count)]
    for same in _by_time_zone(workspaces):
        period = report_of_days(same[0], now - timedelta(days=count - 1), now)
        beginnings = [at.astimezone(UTC) for at in spans(period, Granularity.DAY)]
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT width_bucket(start, %s), {what}"
                f" WHERE workspace_id = ANY(%s) AND start >= %s AND start < %s AND {where} GROUP BY 1",
                [beginnings, [workspace.pk for workspace in same], period.start, period.end],
            )
            for number, *numbers in cursor.fetchall():
                days[number - 1] = [int(sum(pair)) for pair in zip(days[number - 1], numbers, strict=True)]
    return days


def _by_time_zone(workspaces: Iterable[Workspace]) -> Iterable[list[Workspace]]:
    """Return the workspaces in groups that share a time zone, and so their days."""
    groups: dict[str, list[Workspace]] = defaultdict(list)
    for workspace in workspaces:
        groups[workspace.time_zone].append(workspace)
    return groups.values()


def series(report: Report, granularity: Granularity) -> list[Point]:
    """Return a point for each part of the span, those without messages included."""
    return list(iter_series(report, granularity))


def iter_series(report: Report, granularity: Granularity) -> Iterator[Point]:
    """Yield the points of `series` with no more than `IN_MEMORY` held at a time: 90 days have 129,600 minutes."""
    rollups.fold(budget_seconds=FOLD_SECONDS)
    if granularity is Granularity.DAY:
        yield from _points(report, granularity)
        return
    start = report.start
    while start < report.end:
        end = min(start + IN_MEMORY, report.end)
        yield from _points(replace(report, start=start, end=end), granularity)
        start = end


def _points(report: Report, granularity: Granularity) -> Iterator[Point]:
    """Yield points. The database is told where each begins, so that both divide the span alike."""
    where, params = _conditions(report)
    beginnings = list(spans(report, granularity))
    table = "analytics_minuterollup" if granularity is Granularity.MINUTE else _table(report)
    sums = ", ".join(f"sum({metric})" for metric in rollups.METRICS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT width_bucket(start, %s), {sums} FROM {table} WHERE {where} GROUP BY 1",
            [[at.astimezone(UTC) for at in beginnings], *params],
        )
        by_number = {number: CoreIndex(*map(int, numbers)) for number, *numbers in cursor.fetchall()}
    nothing = CoreIndex(0, 0, 0, 0, 0)
    for number, at in enumerate(beginnings, 1):
        yield Point(at, by_number.get(number, nothing))


def spans(report: Report, granularity: Granularity) -> Iterator[datetime]:
    """Yield the beginnings of a series' points. A day that changes the clock has 23 or 25 hours."""
    zone = ZoneInfo(report.workspace.time_zone)
    if granularity is Granularity.DAY:
        at = _midnight(report.start.astimezone(zone))
        while at < report.end:
            yield at
            at = _midnight(at + timedelta(days=1))
        return
    instant, end = report.start.astimezone(UTC), report.end.astimezone(UTC)
    while instant < end:
        yield instant.astimezone(zone)
        instant += LENGTHS[granularity]


def options(report: Report) -> Options:
    """Return what occurs in the report's span, whatever its filters."""
    rollups.fold(budget_seconds=FOLD_SECONDS)
    where, params = _conditions(Report(report.workspace, report.start, report.end))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(DISTINCT platform), array_agg(DISTINCT app_version), array_agg(DISTINCT channel),"
            f" array_agg(DISTINCT kind) FROM {_table(report)} WHERE {where}",
            params,
        )
        return Options(*(sorted(values or []) for values in cursor.fetchone()))


def statuses_of(report: Report) -> list[StatusCount]:
    """Return how many messages have which status on which channel, the most frequent first.

    These are the messages of the span's pushes. The report's platform and app version are not looked at: there are no
    such sums (`analytics.models.StatusRollup`).
    """
    rollups.fold(budget_seconds=FOLD_SECONDS)
    where, params = _conditions(replace(report, platform=None, app_version=None))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT channel, status, sum(messages) FROM analytics_statusrollup WHERE {where}"
            " GROUP BY 1, 2 HAVING sum(messages) > 0 ORDER BY 3 DESC, 1, 2",
            params,
        )
        return [status_count(*row) for row in cursor.fetchall()]


def status_count(channel: int, status: int, count: int) -> StatusCount:
    """Return how many messages have a status on a channel, with what the status means."""
    return StatusCount(Channel(channel), statuses.lookup(status, Channel(channel).label), int(count))


def _table(report: Report) -> str:
    """Return the table to sum: quarters of an hour, unless the span begins or ends within one."""
    on_quarters = all(moment.timestamp() % 900 == 0 for moment in (report.start, report.end))
    return "analytics_quarterrollup" if on_quarters else "analytics_minuterollup"


def _conditions(report: Report) -> tuple[str, list[Any]]:
    conditions = ["workspace_id = %s", "start >= %s", "start < %s"]
    params: list[Any] = [report.workspace.pk, report.start, report.end]
    for column in ("platform", "app_version", "channel", "kind"):
        value = getattr(report, column)
        if value is not None:
            conditions.append(f"{column} = %s")
            params.append(value)
    return " AND ".join(conditions), params


def _row(sql: str, params: Sequence[Any]) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return tuple(int(value) for value in cursor.fetchone())
