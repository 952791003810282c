"""Times that people paste into a search box."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from console.components.pasted_times import pasted_span

pytestmark = pytest.mark.django_db

SHANGHAI = ZoneInfo("Asia/Shanghai")
MINUTE = datetime(2026, 1, 31, 14, 30, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 14:30", "2026/1/31 14:30", "2026-01-31T14:30", "2026年1月31日 14:30", "2026年1月31日14时30分",
        "31.1.2026 14:30", "31 January 2026, 14:30", "Jan. 31, 2026, 2:30 p.m.", "Jan 31, 2026 02:30 PM",
        "2026-01-31 06:30 UTC", "2026-01-31T06:30Z", "2026-01-31 14:30+08:00", "2026-01-31 14:30 CST",
        "2026-01-31 03:30 America/Sao_Paulo",
    ],
)  # fmt: skip
def test_a_minute_is_read_in_many_forms(text: str) -> None:
    with timezone.override(SHANGHAI):
        assert pasted_span(text) == (MINUTE, MINUTE + timedelta(minutes=1))


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 14:30:05", "2026-01-31T06:30:05.123Z", "2026-01-31 14:30:05,123", "Sat Jan 31 14:30:05 2026",
        "Sat, 31 Jan 2026 06:30:05 GMT", "1769841005", "1769841005123", "2026-01-31 14:30:05 Asia/Shanghai",
    ],
)  # fmt: skip
def test_a_second_is_read_in_many_forms(text: str) -> None:
    second = MINUTE + timedelta(seconds=5)
    with timezone.override(SHANGHAI):
        assert pasted_span(text) == (second, second + timedelta(seconds=1))


def test_a_day_is_the_active_zones_also_where_the_clock_changes() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        span = pasted_span("2026-03-29")
    assert span is not None
    assert (span[0].astimezone(UTC).hour, span[1].astimezone(UTC).hour) == (23, 22)


def test_a_clock_time_is_todays() -> None:
    with timezone.override(SHANGHAI):
        span = pasted_span("14:30")
    assert span is not None
    assert span[0].date() == datetime.now(SHANGHAI).date()
    assert span[1] - span[0] == timedelta(minutes=1)


@pytest.mark.parametrize(
    "text", ["alice", "2026-02-31", "10:99", "9999-12-31", "push 2026-01-31", "2026-01-31 14:30 Mars/Olympus", ""]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert pasted_span(text) is None
