"""Frequency caps: how many messages of a category one user or device is sent a day, and in seven days.

Days are those of the workspace's time zone, and a week is a day and the six before it. A row counts for one subject:
it is locked when it is counted up, in one order, so that pushes at the same time are granted no more than there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from pushcore.models import CapCount
from pushcore.storage import clock
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# Counts older than this decide nothing in any time zone.
KEPT = timedelta(days=9)


def subject_of_user(user_id: str) -> str:
    """Return how `CapCount.subject` names a user."""
    return f"u{user_id}"


class Wish(NamedTuple):
    """A message of a category to a subject, a user or a device as `CapCount.subject` names it.

    `day`: today in the workspace's time zone.
    """

    category_id: int
    subject: str
    day: date


def take(wishes: Iterable[Wish]) -> Counter[Wish]:
    """Count messages up to their caps, in one statement: part of the transaction that inserts them.

    Args:
        wishes: One for each message; alike where several are for one subject.

    Returns:
        How many of each are granted.
    """
    wanted = Counter(wishes)
    if not wanted:
        return Counter()
    ordered = sorted(wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["take"],
            {
                "categories": [wish.category_id for wish in ordered],
                "subjects": [wish.subject for wish in ordered],
                "wanted": [wanted[wish] for wish in ordered],
                "days": [wish.day for wish in ordered],
            },
        )
        granted = {(category_id, subject): number for category_id, subject, number in cursor.fetchall()}
    return Counter({wish: granted.get((wish.category_id, wish.subject), 0) for wish in ordered})


def past() -> QuerySet[CapCount]:
    """Return the counts that decide nothing any more."""
    return CapCount.objects.filter(day__lt=(clock.now() - KEPT).date())
