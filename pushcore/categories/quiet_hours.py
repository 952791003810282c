"""The end of quiet hours: messages that waited for it are offered again, zone by zone.

Whether it is quiet where a device is, every way to a device asks by itself (`pushcore.delivery.deliverable`). Here is
what comes of time alone: each workspace is walked whenever quiet hours have ended in some of its devices' time zones.
A walk reads the messages that keep quiet hours and still wait, in the order of their ids, a batch at a time, and keeps
its position: whoever takes it over goes on there. Validity goes on meanwhile, so what expires is offered no more.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta
from datetime import time as clock_time
from functools import cache, lru_cache
from zoneinfo import available_timezones

import structlog
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from pushcore.delivery import deliverable, dispatch, sweeper
from pushcore.models import QuietHours
from pushcore.storage import clock
from pushcore.storage.sql import statements

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

# Messages that are read, and those of them that are offered, in one step.
BATCH = 1000
# In so long quiet hours end once in every zone.
A_DAY = timedelta(days=1)
# Longer than a step takes; the lease is renewed with each.
LEASE = timedelta(seconds=60)
# A workspace whose messages a lane did not take is walked on after so long.
LANE_AWAY = timedelta(seconds=10)


def any_due() -> bool:
    """Return whether a workspace has something to walk."""
    return _due(clock.now()).exists()


def offer_again(*, budget_seconds: float = 8.0) -> int:
    """Offer what waited for the end of quiet hours, until nothing is left or the time is spent.

    Safe to run at once with itself: a workspace's walk is leased. While lanes are behind, nothing is offered.

    Returns:
        How many messages were offered.
    """
    if not any_due() or sweeper.lanes_are_behind():
        return 0
    deadline, offered = time.monotonic() + budget_seconds, 0
    while time.monotonic() < deadline and (hours := _take_next()) is not None:
        offered += _walk(hours, deadline)
    return offered


def changed(workspace_id: int) -> None:
    """Have all that waits offered again: quiet hours were changed, and may have ended by that."""
    QuietHours.objects.filter(pk=workspace_id).update(
        walked_until=clock.now() - 2 * A_DAY, walking_until=None, position=0, leased_until=None
    )


def ended_in(hours: QuietHours, since: datetime, until: datetime) -> frozenset[str]:
    """Return the time zones in which the quiet hours ended after a time, up to another, by the database's calendar.

    The zone of devices that do not say theirs is the empty text. Where nobody walked for a day they ended everywhere.
    """
    if until - since >= A_DAY:
        return _zones()
    return _ended(hours.ends, hours.time_zone, since, until) if hours.enabled else frozenset()


@lru_cache(maxsize=64)
def _ended(ends: clock_time, own_zone: str, since: datetime, until: datetime) -> frozenset[str]:
    """Return the zones whose clocks passed a time of the day. Many workspaces have it in common."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["ended"],
            {"zones": list(_zones()), "own": own_zone, "ends": ends.isoformat(), "since": since, "until": until},
        )
        return frozenset(zone for (zone,) in cursor.fetchall())


@cache
def _zones() -> frozenset[str]:
    return frozenset({"", *available_timezones()})


def _due(now: datetime) -> QuerySet[QuietHours]:
    """Return the workspaces that have something to walk and that nobody walks."""
    due = QuietHours.objects.filter(Q(walking_until__isnull=False) | Q(walked_until__lt=_minute(now)))
    return due.filter(Q(leased_until__isnull=True) | Q(leased_until__lt=now))


def _minute(now: datetime) -> datetime:
    """Return the begin of the minute: to look for the ends of quiet hours once a minute is enough."""
    return now.replace(second=0, microsecond=0)


def _take_next() -> QuietHours | None:
    """Lease the workspace that was walked the longest ago and has something to walk; None if there is none."""
    now = clock.now()
    due = _due(now)
    for hours in due.order_by("walked_until").iterator(chunk_size=100):
        leased = due.filter(pk=hours.pk, walked_until=hours.walked_until).update(
            leased_until=now + LEASE, walking_until=Coalesce(F("walking_until"), _minute(now))
        )
        if leased:
            hours.refresh_from_db()
            return hours
    return None


def _walk(hours: QuietHours, deadline: float) -> int:
    """Go on with a workspace's walk until its end or the deadline; return how many messages were offered."""
    assert hours.walking_until is not None
    zones = ended_in(hours, hours.walked_until, hours.walking_until)
    is_over = not zones
    mine = QuietHours.objects.filter(
        pk=hours.pk, walked_until=hours.walked_until, walking_until=hours.walking_until, leased_until__isnull=False
    )
    offered, position = 0, hours.position
    while not is_over and time.monotonic() < deadline:
        read, waiting = _next_waiting(hours.pk, position, zones)
        if waiting and not dispatch.to_lanes(deliverable.by_id(waiting)):
            mine.update(leased_until=clock.now() + LANE_AWAY)  # a later run goes on here
            return offered
        offered += len(waiting)
        is_over, position = read is None, read or position
        if not mine.update(position=position, leased_until=clock.now() + LEASE):
            return offered  # somebody changed the quiet hours: another walk begins
    if is_over:
        mine.update(walked_until=hours.walking_until, walking_until=None, position=0, leased_until=None)
    else:
        mine.update(leased_until=None)
    return offered


def _next_waiting(workspace_id: int, after: int, zones: Collection[str]) -> tuple[int | None, list[int]]:
    """Read on through a workspace's messages that keep quiet hours.

    Returns:
        The last message that was looked at, None after the last of all; and those that wait for devices in the zones.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["by_index"])
        cursor.execute(
            _SQL["waiting"].format(waiting=deliverable.WAITING.message, valid=deliverable.VALID.message),
            {
                "workspace": workspace_id,
                "after": max(after, deliverable.oldest_valid_id() - 1),
                "zones": list(zones),
                "with_own": "" in zones,
                "others": list(_zones() - set(zones)),
                "at_most": BATCH,
            },
        )
        rows = cursor.fetchall()
        cursor.execute(_SQL["any_way"])
    waiting = [message_id for message_id, is_waiting in rows if is_waiting]
    return (rows[-1][0] if len(rows) == BATCH else None), waiting
