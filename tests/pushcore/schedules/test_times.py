"""Times of a schedule: across clock changes, on days of the time zone, never in the past."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from pushcore.codes.results import ResultError
from pushcore.schedules.times import DAILY, MONTHLY, WEEKLY, Cyclic, Strategy, Timed, moments
from tests.pushcore.schedules.samples import NOW

BERLIN = ZoneInfo("Europe/Berlin")


def local(strategy: Strategy, zone: ZoneInfo = BERLIN) -> list[str]:
    return [moment.astimezone(zone).strftime("%d.%m. %H:%M%z") for moment in moments(strategy, zone, NOW)]


def between(start: str, end: str, circle: int, days: tuple[int, ...], at: time) -> Cyclic:
    begin, finish = (datetime.fromisoformat(day).replace(tzinfo=BERLIN) for day in (start, end))
    return Cyclic(begin, finish + timedelta(hours=23, minutes=59), circle, days, at)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("day", [(1, 1, 1, 0), (9999, 12, 31, 23)])
def test_times_at_the_ends_of_the_calendar_are_refused(zone: str, day: tuple[int, int, int, int]) -> None:
    at = datetime(*day, tzinfo=ZoneInfo(zone))
    for strategy in (Timed(at), Cyclic(at, at, DAILY, (), time(8))):
        with pytest.raises(ResultError):
            moments(strategy, ZoneInfo(zone), NOW)


def test_every_day_stays_at_its_time_when_the_clock_changes() -> None:
    assert local(between("2026-03-28", "2026-03-30", DAILY, (), time(8))) == [
        "28.03. 08:00+0100", "29.03. 08:00+0200", "30.03. 08:00+0200"
    ]  # fmt: skip


def test_a_time_that_the_clock_skips_is_moved_by_the_gap_and_happens_once() -> None:
    assert local(between("2026-03-28", "2026-03-30", DAILY, (), time(2, 30))) == [
        "28.03. 02:30+0100", "29.03. 03:30+0200", "30.03. 02:30+0200"
    ]  # fmt: skip


def test_a_time_that_occurs_twice_is_used_the_first_time() -> None:
    assert local(between("2026-10-24", "2026-10-26", DAILY, (), time(2, 30))) == [
        "24.10. 02:30+0200", "25.10. 02:30+0200", "26.10. 02:30+0100"
    ]  # fmt: skip


def test_days_of_the_week_and_of_the_month() -> None:
    assert local(between("2026-03-02", "2026-03-15", WEEKLY, (1, 7), time(9))) == [
        "02.03. 09:00+0100", "08.03. 09:00+0100", "09.03. 09:00+0100", "15.03. 09:00+0100"
    ]  # fmt: skip
    assert local(between("2026-03-02", "2026-06-30", MONTHLY, (31,), time(9))) == [
        "31.03. 09:00+0200",
        "31.05. 09:00+0200",
    ]


def test_days_are_those_of_the_time_zone() -> None:
    start = datetime(2026, 3, 2, 20, tzinfo=UTC)
    strategy = Cyclic(start, start + timedelta(hours=12), DAILY, (), time(1))
    # From 4 in the morning to 4 in the afternoon there: 1 o'clock is not in it, though it is in UTC.
    with pytest.raises(ResultError, match="no time"):
        moments(strategy, ZoneInfo("Asia/Shanghai"), NOW)
    assert local(strategy, ZoneInfo("UTC")) == ["03.03. 01:00+0000"]


@pytest.mark.parametrize(
    "strategy",
    [
        Timed(NOW),
        Timed(NOW + timedelta(days=367)),
        between("2026-02-01", "2026-02-05", DAILY, (), time(8)),
        between("2026-03-05", "2026-03-01", DAILY, (), time(8)),
        between("2026-03-05", "2026-03-09", 4, (), time(8)),
        between("2026-03-05", "2026-03-09", WEEKLY, (), time(8)),
        between("2026-03-05", "2026-03-09", WEEKLY, (8,), time(8)),
        between("2026-03-05", "2026-03-09", WEEKLY, (0,), time(8)),
        between("2026-03-05", "2026-03-09", MONTHLY, (32,), time(8)),
        between("2026-03-05", "2026-03-09", MONTHLY, (20,), time(8)),
        between("2026-03-05", "2027-03-09", DAILY, (), time(8)),
        between("2026-03-05", "2126-03-09", DAILY, (), time(8)),
    ],
)
def test_a_strategy_without_a_time_to_come_is_refused(strategy: Strategy) -> None:
    with pytest.raises(ResultError) as refused:
        moments(strategy, BERLIN, NOW)
    assert refused.value.result.code == "3028"
