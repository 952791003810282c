"""The calendar: what is sent on the days of a month, by the days of a time zone, and only the first of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pushcore.models import Occurrence, Workspace
from pushcore.schedules import calendar, service
from pushcore.schedules.times import Timed
from pushcore.storage import clock
from tests.pushcore.schedules.samples import RPC, SIMPLE, each_day

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def in_a_month() -> date:
    """The first day of next month."""
    return calendar.next_month(clock.now().date())


def sends(workspace: Workspace, at: datetime, key: str = "k1") -> Occurrence:
    schedule = service.create(workspace, replace(SIMPLE, target_msgkey={"ann": key}), Timed(at), **RPC)
    return Occurrence.objects.get(schedule=schedule)


def test_a_day_is_one_of_the_time_zone(workspace: Workspace, in_a_month: date) -> None:
    late = datetime(in_a_month.year, in_a_month.month, 10, 20, tzinfo=UTC)
    sends(workspace, late)
    assert list(calendar.days_of_month(workspace, in_a_month, UTC)) == [late.date()]
    assert list(calendar.days_of_month(workspace, in_a_month, SHANGHAI)) == [late.date() + timedelta(days=1)]


def test_the_first_moment_of_a_month_is_in_it_and_the_next_months_is_not(
    workspace: Workspace, in_a_month: date
) -> None:
    midnight = datetime(in_a_month.year, in_a_month.month, 1, tzinfo=SHANGHAI)
    after = calendar.next_month(in_a_month)
    sends(workspace, midnight)
    sends(workspace, datetime(after.year, after.month, 1, tzinfo=SHANGHAI), "k2")
    assert list(calendar.days_of_month(workspace, in_a_month, SHANGHAI)) == [in_a_month]


def test_a_busy_day_shows_its_first_and_counts_all(workspace: Workspace, in_a_month: date) -> None:
    noon = datetime(in_a_month.year, in_a_month.month, 5, 12, tzinfo=UTC)
    times = [noon + timedelta(minutes=minutes) for minutes in range(calendar.MAX_IN_MONTH + 2)]
    for number, at in enumerate(reversed(times)):
        sends(workspace, at, f"k{number}")
    day = calendar.days_of_month(workspace, in_a_month, UTC)[noon.date()]
    assert day.total == len(times)
    assert [one.at for one in day.occurrences] == times[: calendar.MAX_IN_MONTH]
    assert [one.at for one in calendar.one_day(workspace, noon.date(), UTC).occurrences] == times


def test_what_is_cancelled_is_left_out(workspace: Workspace) -> None:
    schedule = service.create(workspace, SIMPLE, each_day(3), **RPC)
    first, *_ = Occurrence.objects.order_by("at")
    service.cancel(workspace, [first.pk], parents=False)
    assert calendar.one_day(workspace, first.at.astimezone(UTC).date(), UTC).total == 0
    service.cancel(workspace, [schedule.pk], parents=True)
    assert calendar.days_of_month(workspace, clock.now().date().replace(day=1), UTC) == {}


@pytest.mark.parametrize(
    ("months", "expected"),
    [(0, date(2026, 12, 1)), (1, date(2027, 1, 1)), (-12, date(2025, 12, 1)), (13, date(2028, 1, 1))],
)
def test_months_are_counted_across_years(months: int, expected: date) -> None:
    assert calendar.shifted(date(2026, 12, 1), months) == expected
