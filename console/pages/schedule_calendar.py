"""The calendar of a workspace's scheduled pushes: a month, and one of its days in full."""

from __future__ import annotations

import re
from calendar import Calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import get_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from console.access.rights import scope_of
from console.components.columns import push_type
from console.components.schedule_state import occurrence_label, task_link
from console.locale.zones import activate, zone_named
from console.pages.workspace_shown import chosen_workspace
from pushcore.models import Occurrence, PushTask, Workspace
from pushcore.schedules import calendar
from pushcore.storage import clock

_ICONS: Mapping[Occurrence.Status, str] = {
    Occurrence.Status.PENDING: "schedule",
    Occurrence.Status.EXECUTED: "check_circle",
    Occurrence.Status.MISSED: "error",
    Occurrence.Status.FAILED: "error",
}


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A push of a day.

    Attributes:
        at: When, in the workspace's zone.
        name: What the schedule is called.
        address: The schedule's page.
        status: What became of it.
        icon: The symbol of the status.
        label: The status as a coloured label.
        kind: The kind of push, with the icon of its targets.
        task: A link to the push task.
    """

    at: datetime
    name: str
    address: str
    status: Occurrence.Status
    icon: str
    label: SafeString
    kind: SafeString
    task: SafeString


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of the month's table.

    Attributes:
        day: The day.
        is_outside: It is in the month before or after, and shows nothing.
        is_today: It is today.
        entries: Its first pushes.
        more: How many there are beyond these.
        address: The page with all of the day.
    """

    day: date
    is_outside: bool
    is_today: bool
    entries: Sequence[CalendarEntry]
    more: int
    address: str


@require_safe
def schedule_calendar(request: HttpRequest) -> HttpResponse:
    """Show the month named by `month` (2026-01), and the day named by `day` (2026-01-31) in full.

    Anything else stands for this month. Months further away than a schedule reaches are not shown.
    """
    workspace = chosen_workspace(request, request.GET.get("workspace"))
    context = site.each_context(request) | {"title": _("Calendar of schedules"), "workspace": workspace}
    if workspace is not None:
        zone = zone_named(workspace.time_zone)
        activate(zone)
        context |= {"workspaces": scope_of(request).choices} | _month(workspace, zone, request)
    return TemplateResponse(request, "console/schedule_calendar.html", context)


def _month(workspace: Workspace, zone: ZoneInfo, request: HttpRequest) -> dict[str, object]:
    """Return what the page shows of a month, and of a day of it."""
    today = timezone.localdate(clock.now(), zone)
    day = _date(request.GET.get("day", ""))
    wanted = day or _date(f"{request.GET.get('month', '')}-01") or today
    this = today.replace(day=1)
    first, last = calendar.shifted(this, -calendar.MAX_MONTHS), calendar.shifted(this, calendar.MAX_MONTHS)
    month = min(max(wanted.replace(day=1), first), last)
    found = calendar.days_of_month(workspace, month, zone)
    weeks = Calendar(_first_weekday()).monthdatescalendar(month.year, month.month)
    return {
        "month": month,
        "this_month": _address(workspace, month=f"{this:%Y-%m}") if month != this else "",
        "before": _address(workspace, month=f"{calendar.shifted(month, -1):%Y-%m}") if month > first else "",
        "after": _address(workspace, month=f"{calendar.shifted(month, 1):%Y-%m}") if month < last else "",
        "weekdays": [WEEKDAYS[one.weekday()] for one in weeks[0]],
        "weeks": [[_shown(workspace, one, month, today, found, zone) for one in week] for week in weeks],
        "is_empty": not found,
        "one_day": _in_full(workspace, day, zone) if day and day.replace(day=1) == month else None,
    }


def _shown(
    workspace: Workspace, day: date, month: date, today: date, found: Mapping[date, calendar.Day], zone: ZoneInfo
) -> CalendarDay:
    is_outside = day.month != month.month
    of_day = calendar.Day() if is_outside else found.get(day, calendar.Day())
    return CalendarDay(
        day,
        is_outside,
        day == today,
        [_entry(one, zone) for one in of_day.occurrences],
        of_day.total - len(of_day.occurrences),
        f"{_address(workspace, day=day.isoformat())}#day",
    )


def _in_full(workspace: Workspace, day: date, zone: ZoneInfo) -> dict[str, object]:
    """Return a day with all its pushes, at most `calendar.MAX_IN_DAY`."""
    found = calendar.one_day(workspace, day, zone)
    entries = [_entry(one, zone) for one in found.occurrences]
    return {"day": day, "entries": entries, "more": found.total - len(entries)}


def _entry(occurrence: Occurrence, zone: ZoneInfo) -> CalendarEntry:
    schedule, status = occurrence.schedule, Occurrence.Status(occurrence.status)
    return CalendarEntry(
        timezone.localtime(occurrence.at, zone),
        schedule.name or schedule.title,
        reverse("admin:pushcore_schedule_change", args=[schedule.pk]),
        status,
        _ICONS[status],
        occurrence_label(status),
        push_type(schedule.delivery_type, str(PushTask.Kind(schedule.kind).label)),
        task_link(occurrence),
    )


def _address(workspace: Workspace, **query: str) -> str:
    return f"{reverse('admin:schedule_calendar')}?{urlencode({'workspace': workspace.pk} | query)}"


def _first_weekday() -> int:
    """Return the day that weeks begin with in the user's language, as `calendar` counts them: 0 is Monday."""
    return (int(str(get_format("FIRST_DAY_OF_WEEK"))) - 1) % 7


def _date(text: str) -> date | None:
    """Parse a day as 2026-01-31; None for any other text, and for years that have no month before or after."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date.min.year < found.year < date.max.year else None
