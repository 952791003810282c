"""The chart of the last seven days on the home page, and their change to the seven days before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from analytics import queries
from console.access.rights import Scope
from console.pages.home.counting import in_time, workspaces_of
from pushcore.ports import CoreIndex

DAYS = 7


@dataclass(frozen=True, slots=True)
class WeekTotal:
    """A metric's total of seven days, and its change to the seven before in per cent; empty where those had none."""

    title: str
    value: str
    change: str


@dataclass(frozen=True, slots=True)
class Week:
    """The totals, and the data for the chart's script (`console.pages.analysis.chart_of` has the same shape)."""

    totals: list[WeekTotal]
    chart: dict[str, Any]


def week_of(scope: Scope) -> Week | None:
    """Return the last seven days of the workspaces in view, by the usage analysis; None if that took too long."""
    days: list[CoreIndex] | None = in_time(lambda: queries.last_days(workspaces_of(scope), 2 * DAYS))
    if days is None:
        return None
    before, week = days[:DAYS], days[DAYS:]
    metrics = [(_("Pushed"), "pushed"), (_("Arrived"), "arrived"), (_("Opened"), "opened")]
    today = timezone.localdate()
    return Week(
        totals=[
            WeekTotal(title, intcomma(_sum(week, name)), _change(_sum(week, name), _sum(before, name)))
            for title, name in metrics
        ],
        chart={
            "labels": [date_format(today - timedelta(days=DAYS - 1 - number), "D j") for number in range(DAYS)],
            "quantity": [{"label": title, "data": [getattr(day, name) for day in week]} for title, name in metrics],
            "before": [],
        },
    )


def _sum(days: Sequence[CoreIndex], name: str) -> int:
    return sum(getattr(day, name) for day in days)


def _change(now: int, before: int) -> str:
    return f"{(now - before) / before:+.0%}" if before else ""
