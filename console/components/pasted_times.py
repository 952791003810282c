"""Times as people paste them into a search box: from this console, from logs, from mails."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.timezone import get_current_timezone, localdate

from pushcore.storage import clock

_MONTH_NAMES = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_CLOCK = (
    r"(?P<hour>\d{1,2})[:时点](?P<minute>\d{2})分?(?::?(?P<second>\d{2})秒?(?:[.,]\d{1,9})?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?(?![a-z]))?"
)
_ZONE = r"(?:\s*(?P<zone>[+-]\d{2}:?\d{2}|[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*))?"
_TIME = rf"(?:(?:[T\s,]+|(?<=日)){_CLOCK}{_ZONE})?"
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        # 2026-01-31, 2026/1/31 14:30, 2026-01-31T14:30:05.123Z, 2026-01-31 14:30:05 Asia/Shanghai, 2026年1月31日 14:30
        rf"(?P<year>\d{{4}})[-/.年](?P<month>\d{{1,2}})[-/.月](?P<day>\d{{1,2}})日?{_TIME}",
        # 31.1.2026 14:30
        rf"(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.(?P<year>\d{{4}}){_TIME}",
        # 31 January 2026, 14:30; Sat, 31 Jan 2026 14:30:05 GMT
        rf"(?:[a-z]{{3,9}},?\s+)?(?P<day>\d{{1,2}})[\s-]+{_MONTH}[\s,-]+(?P<year>\d{{4}}){_TIME}",
        # Jan. 31, 2026, 2:30 p.m.
        rf"{_MONTH}\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}){_TIME}",
        # Sat Jan 31 14:30:05 2026, as ctime writes it
        rf"[a-z]{{3}}\s+{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_CLOCK}{_ZONE}\s+(?P<year>\d{{4}})",
        # 14:30, today
        _CLOCK + _ZONE,
    )
]
# "CST" is China's time to some and Chicago's to others: the workspace's is the best guess.
MAX_ABBREVIATION = 4
# Seconds or milliseconds since 1970, from 2001 on.
_EPOCH = re.compile(r"(\d{10})(\d{3})?")


def pasted_span(text: str) -> tuple[datetime, datetime] | None:
    """Return when the day, minute or second that a text names begins and ends; None for a text that is no time.

    A time without a zone is in the active one: that of the workspace in view. A clock time alone is today's.
    """
    text = text.strip()
    if epoch := _EPOCH.fullmatch(text):
        start = datetime.fromtimestamp(int(epoch[1]), UTC)
        return start, start + timedelta(seconds=1)
    for form in _FORMS:
        if found := form.fullmatch(text):
            try:
                return _span(found.groupdict())
            except (ValueError, OverflowError):
                return None
    return None


def _span(parts: dict[str, str | None]) -> tuple[datetime, datetime]:
    """Return the beginning and end of what the parts name.

    Raises:
        ValueError: There is no such day, time or zone.
        OverflowError: It ends after the last day of all.
    """
    zone = _zone(parts.get("zone"))
    today = localdate(clock.now(), zone)
    month = str(parts.get("month") or today.month)
    start = datetime(
        int(parts.get("year") or today.year),
        int(month) if month.isdigit() else _MONTHS[month.lower()],
        int(parts.get("day") or today.day),
        _hour(parts),
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
        tzinfo=zone,
    )
    if parts.get("second"):
        length = timedelta(seconds=1)
    elif parts.get("minute"):
        length = timedelta(minutes=1)
    else:
        return start, start + timedelta(days=1)
    # Across a change of the clock, time passes in UTC.
    return start, start.astimezone(UTC) + length


def _hour(parts: dict[str, str | None]) -> int:
    hour, half = int(parts.get("hour") or 0), parts.get("half")
    return hour % 12 + (12 if half.lower() == "p" else 0) if half else hour


def _zone(name: str | None) -> tzinfo:
    """Return the zone of a name or an offset; the active one for none, and for an abbreviation that names no zone.

    Raises:
        ValueError: There is no such zone.
    """
    if not name:
        return get_current_timezone()
    if name.upper() in ("Z", "UTC", "GMT"):
        return UTC
    if name[0] in "+-":
        hours, minutes = int(name[1:3]), int(name[-2:])
        return timezone((1 if name[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:  # OSError: the name of a folder of zones
        if len(name) <= MAX_ABBREVIATION:
            return get_current_timezone()
        raise ValueError(str(error)) from None
