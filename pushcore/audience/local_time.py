"""A time of the day on each device's own clock: when it is that time where a device is. Without I/O.

A time that a change of the clock leaves out is taken as much later as the clock jumps; one that comes twice is taken
the first time.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from datetime import time as clock_time
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pushcore.codes.results import ResultCode, ResultError

# The zone in which a day begins, and ends, last.
_WESTERNMOST = timezone(timedelta(hours=-12))
# A time of the day comes within so much everywhere, also where the clock is changed meanwhile.
_ONCE_EVERYWHERE = timedelta(hours=25)
MAX_DAYS_AHEAD = 2


class LocalTime(NamedTuple):
    """A time of the day, and the date if it is that of one day; else it is the next time that it comes."""

    time: clock_time
    day: date | None = None

    @classmethod
    def parse(cls, local_time: str, local_date: str, now: datetime) -> LocalTime | None:
        """Read a time (`09:00`) and a date (`2026-06-01`); None where neither is given.

        Raises:
            ResultError: One is misspelled, the date is without a time, is over everywhere, or is over `MAX_DAYS_AHEAD`
                days ahead (INVALID_PARAM).
        """
        if not local_time:
            if local_date:
                raise _refused("localDate", "localDate needs localTime")
            return None
        if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9](:00)?", local_time):
            raise _refused("localTime", "localTime is a time such as 09:00")
        read = cls(clock_time.fromisoformat(local_time))
        if not local_date:
            return read
        try:
            read = read._replace(day=(day := date.fromisoformat(local_date)))
        except ValueError:
            raise _refused("localDate", "localDate is a date such as 2026-06-01") from None
        if not timedelta() <= day - now.astimezone(_WESTERNMOST).date() <= timedelta(days=MAX_DAYS_AHEAD):
            raise _refused("localDate", f"localDate is today or {MAX_DAYS_AHEAD} days ahead at most")
        if read.last_moment(now) <= now:
            raise _refused("localDate", "that time is past everywhere")
        return read

    def moment(self, zone: tzinfo, accepted_at: datetime) -> datetime:
        """Return when devices of a zone get a push that was accepted at a time (aware).

        That is when it is the time there; on a date on which it was before the push was accepted, at once.
        """
        if self.day is not None:
            return max(accepted_at, self._on(self.day, zone))
        today = accepted_at.astimezone(zone).date()
        moment = self._on(today, zone)
        return moment if moment >= accepted_at else self._on(today + timedelta(days=1), zone)

    def last_moment(self, accepted_at: datetime) -> datetime:
        """Return a time by which it was the time in every zone."""
        return accepted_at + _ONCE_EVERYWHERE if self.day is None else self._on(self.day, _WESTERNMOST)

    def _on(self, day: date, zone: tzinfo) -> datetime:
        return datetime.combine(day, self.time, tzinfo=zone).astimezone(UTC)


def zone_named(name: str) -> ZoneInfo | None:
    """Return the zone of a name that a device or a workspace has; None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _refused(parameter: str, why: str) -> ResultError:
    return ResultError(ResultCode.INVALID_PARAM, why, parameter=parameter)
