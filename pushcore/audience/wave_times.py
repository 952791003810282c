"""When the waves of an audience push begin: at a local time, at each user's best time, or at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from pushcore.audience.local_time import LocalTime, zone_named
from pushcore.audience.open_hours import BestTime
from pushcore.models import AudienceWalk, Workspace

# Tells when devices (id, time zone) get the push.
Moments = Callable[[Sequence[tuple[int, str]]], Sequence[datetime]]


def moments_of(walk: AudienceWalk, workspace: Workspace) -> Moments:
    """Return what tells when the devices of a push get it."""
    own_zone = zone_named(workspace.time_zone) or ZoneInfo("UTC")
    if walk.best_time_hours is not None:
        window = timedelta(hours=walk.best_time_hours)
        return BestTime(workspace.pk, own_zone, walk.created_at, window).moments
    local = _local_time(walk)
    moment = cache(
        lambda name: local.moment(zone_named(name) or own_zone, walk.created_at) if local else walk.created_at
    )
    return lambda found: [moment(zone) for _, zone in found]


def last_moment(accepted_at: datetime, local_time: LocalTime | None, best_time_hours: int | None) -> datetime:
    """Return a time by which the last wave of a push has begun."""
    if best_time_hours is not None:
        return accepted_at + timedelta(hours=best_time_hours)
    return local_time.last_moment(accepted_at) if local_time else accepted_at


def last_moment_of(walk: AudienceWalk) -> datetime:
    """Return a time by which the last wave of a walk has begun."""
    return last_moment(walk.created_at, _local_time(walk), walk.best_time_hours)


def _local_time(walk: AudienceWalk) -> LocalTime | None:
    return None if walk.local_time is None else LocalTime(walk.local_time, walk.local_date)
