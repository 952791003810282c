"""What a workspace's schedules send on the days of a month, in its time zone; cancelled occurrences are left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber, TruncDate

from pushcore.models import Occurrence, Workspace
from pushcore.schedules.times import MAX_AHEAD

# Occurrences of a day that a month shows, and that a day by itself shows.
MAX_IN_MONTH = 4
MAX_IN_DAY = 200
# Months ahead that may have an occurrence (`times.MAX_AHEAD`), and as many back; older ones are deleted anyway.
MAX_MONTHS = MAX_AHEAD.days // 28


@dataclass(slots=True)
class Day:
    """What is sent on a day.

    Attributes:
        total: How many occurrences the day has.
        occurrences: The first of them, with their schedules.
    """

    total: int = 0
    occurrences: list[Occurrence] = field(default_factory=list)


def days_of_month(workspace: Workspace, month: date, zone: tzinfo) -> dict[date, Day]:
    """Return the days of a month on which something is sent, each with its first `MAX_IN_MONTH` occurrences.

    Args:
        workspace: Whose schedules.
        month: The first day of the month.
        zone: The time zone that the days are those of.
    """
    return _days(workspace, month, next_month(month), zone, MAX_IN_MONTH)


def one_day(workspace: Workspace, day: date, zone: tzinfo) -> Day:
    """Return what is sent on a day: its first `MAX_IN_DAY` occurrences."""
    return _days(workspace, day, day + timedelta(days=1), zone, MAX_IN_DAY).get(day, Day())


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def shifted(month: date, months: int) -> date:
    """Return the first day of the month that many months later, or earlier if negative."""
    number = month.year * 12 + month.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _days(workspace: Workspace, first: date, end: date, zone: tzinfo, most: int) -> dict[date, Day]:
    """Return the days before `end`, with the first occurrences of each."""
    day = TruncDate("at", tzinfo=zone)
    within: QuerySet[Occurrence] = Occurrence.objects.filter(
        workspace=workspace, at__gte=_midnight(first, zone), at__lt=_midnight(end, zone)
    ).exclude(status=Occurrence.Status.CANCELLED)
    numbered = within.annotate(
        day=day,
        place=Window(RowNumber(), partition_by=[day], order_by=["at", "pk"]),
        of_day=Window(Count("pk"), partition_by=[day]),
    )
    rows = numbered.filter(place__lte=most).select_related("schedule").defer("schedule__request")
    found: dict[date, Day] = {}
    for row in rows.order_by(F("at"), F("pk")):
        shown = found.setdefault(row.day, Day(row.of_day))
        shown.occurrences.append(row)
    return found


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
