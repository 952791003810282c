"""Compute when a scheduled push is sent. Without I/O.

Days and times of day are those of the workspace's time zone. A time that a change of the clock leaves out is taken as
much later as the clock jumps; one that comes twice is taken the first time. A month without the day is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pushcore.codes.results import ResultCode, ResultError

# How far ahead a schedule may reach: the rows of all its occurrences are made at the start.
MAX_AHEAD = timedelta(days=366)
_TOO_FAR = f"more than {MAX_AHEAD.days} days ahead"

DAILY, WEEKLY, MONTHLY = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Timed:
    """The strategy of a push sent once, at a time (aware)."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Cyclic:
    """The strategy of a push sent repeatedly between two times (aware).

    `circle` is `DAILY`, `WEEKLY` or `MONTHLY`; `days` are days of the week (1 Monday to 7 Sunday) or of the month.
    """

    start: datetime
    end: datetime
    circle: int
    days: tuple[int, ...]
    time_of_day: time


Strategy = Timed | Cyclic


def moments(strategy: Strategy, zone: tzinfo, now: datetime) -> list[datetime]:
    """Return the moments of sending, ascending (UTC).

    Raises:
        ResultError: INVALID_PARAM, naming what is wrong with the strategy.
    """
    timed = isinstance(strategy, Timed)
    # Checked first: near the years 1 and 9999 a time cannot be converted to the zone.
    if (strategy.at if isinstance(strategy, Timed) else strategy.start) > now + MAX_AHEAD:
        raise _refused(_TOO_FAR, "fixedTime" if timed else "startTime")
    if isinstance(strategy, Timed):
        if strategy.at <= now:
            raise _refused("fixedTime is past", "fixedTime")
        upcoming = [strategy.at.astimezone(UTC)]
    else:
        _check(strategy)
        if strategy.end < now:
            raise _nothing_to_come()
        upcoming = [moment for moment in _moments(strategy, zone) if moment > now]
        if not upcoming:
            raise _nothing_to_come()
    if upcoming[-1] > now + MAX_AHEAD:
        raise _refused(_TOO_FAR, "fixedTime" if timed else "endTime")
    return upcoming


def _refused(why: str, parameter: str) -> ResultError:
    return ResultError(ResultCode.INVALID_PARAM, f"strategyContent: {why}", parameter=parameter)


def _nothing_to_come() -> ResultError:
    return ResultError(
        ResultCode.INVALID_PARAM, "strategyContent names no time of sending that is to come", parameter="endTime"
    )


def _check(strategy: Cyclic) -> None:
    if strategy.circle not in (DAILY, WEEKLY, MONTHLY):
        raise _refused("circleType is one of 1, 2, 3", "circleType")
    if strategy.start > strategy.end:
        raise _refused("startTime is after endTime", "startTime")
    if strategy.end - strategy.start > 2 * MAX_AHEAD:
        raise _refused(_TOO_FAR, "endTime")
    highest = {DAILY: 0, WEEKLY: 7, MONTHLY: 31}[strategy.circle]
    if strategy.circle != DAILY and not strategy.days:
        raise _refused("circleValue is empty", "circleValue")
    if strategy.circle != DAILY and not all(1 <= day <= highest for day in strategy.days):
        raise _refused(f"circleValue holds numbers from 1 to {highest}", "circleValue")


def _moments(strategy: Cyclic, zone: tzinfo) -> Iterator[datetime]:
    day, last = strategy.start.astimezone(zone).date(), strategy.end.astimezone(zone).date()
    while day <= last:
        if _is_on(strategy, day):
            moment = datetime.combine(day, strategy.time_of_day, tzinfo=zone).astimezone(UTC)
            if strategy.start <= moment <= strategy.end:
                yield moment
        day += timedelta(days=1)


def _is_on(strategy: Cyclic, day: date) -> bool:
    if strategy.circle == DAILY:
        return True
    return (day.isoweekday() if strategy.circle == WEEKLY else day.day) in strategy.days
