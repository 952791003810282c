"""When users open messages: histograms of the hours of their own clocks, and the best hour estimated from them.

A user has 24 counters, and a workspace has 24 of all its opens. An open counts half as much after every `HALF_LIFE`;
counters are as of one time, so that they come out the same in whatever order opens are added. They are added when
usage analysis sums opens up, many at a time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet

from pushcore.audience.local_time import zone_named
from pushcore.models import Device, OpenHours
from pushcore.storage import clock
from pushcore.storage.sql import statements

HALF_LIFE = timedelta(days=30)
# Opens (as weighted now) from which on a user's own count; and how many opens of the workspace's are added to them.
FEW = 3.0
SMOOTHING = 3.0
# What is left of an open by then counts for nothing.
KEPT = timedelta(days=180)
# Opens that are added with one statement.
STEP = 10_000

_SQL = statements(__file__)

HOURS = 24
Hours = Sequence[float]


class Open(NamedTuple):
    """A message was opened on a device."""

    device_id: int
    at: datetime


def add(opens: Iterable[Open]) -> None:
    """Add opens to the histograms of their workspaces and of the users bound to the devices now.

    Part of the caller's transaction; one caller at a time.
    """
    waiting = list(opens)
    for start in range(0, len(waiting), STEP):
        _add(waiting[start : start + STEP])


def _add(opens: Sequence[Open]) -> None:
    devices = {
        pk: (workspace_id, zone_named(own) or zone_named(of_workspace) or ZoneInfo("UTC"))
        for pk, workspace_id, own, of_workspace in Device.objects.filter(
            pk__in={one.device_id for one in opens}
        ).values_list("pk", "workspace_id", "time_zone", "workspace__time_zone")
    }
    users = _users_of(devices)
    as_of = max(one.at for one in opens)
    added: dict[tuple[int, str], list[float]] = defaultdict(lambda: [0.0] * HOURS)
    for device_id, at in opens:
        if device_id not in devices:
            continue
        workspace_id, zone = devices[device_id]
        for user_id in ("", *users.get(device_id, ())):
            added[workspace_id, user_id][at.astimezone(zone).hour] += weight(as_of - at)
    if not added:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["add"],
            {
                "workspaces": [workspace_id for workspace_id, _ in added],
                "users": [user_id for _, user_id in added],
                "hours": ["{" + ",".join(map(repr, hours)) + "}" for hours in added.values()],
                "as_of": as_of,
                "half_life": HALF_LIFE.total_seconds(),
            },
        )


def _users_of(device_ids: Collection[int]) -> Mapping[int, tuple[str]]:
    with connection.cursor() as cursor:
        cursor.execute(_SQL["users"], {"devices": list(device_ids)})
        return {device_id: (user_id,) for device_id, user_id in cursor.fetchall()}


def weight(age: timedelta) -> float:
    """Return what an open counts for after a time."""
    return math.exp2(-(age / HALF_LIFE))


class BestHours:
    """Estimates of the hours at which the users of a workspace open messages, as of a time."""

    def __init__(self, workspace_id: int, now: datetime) -> None:
        self._workspace_id, self._now = workspace_id, now
        row = OpenHours.objects.filter(workspace=workspace_id, user_id="").first()
        known = row and _as_of(row.hours, row.as_of, now)
        self.of_workspace: Hours | None = known if known and sum(known) >= FEW else None

    def scores(self, device_ids: Sequence[int]) -> dict[int, Hours]:
        """Return for devices how good each hour is: those of their users, of which enough is known."""
        if self.of_workspace is None:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(_SQL["of_devices"], {"devices": list(device_ids), "workspace": self._workspace_id})
            rows = cursor.fetchall()
        found = {device_id: _as_of(hours, as_of, self._now) for device_id, hours, as_of in rows}
        return {device_id: smoothed(own, self.of_workspace) for device_id, own in found.items() if sum(own) >= FEW}


def _as_of(hours: Hours, as_of: datetime, now: datetime) -> list[float]:
    factor = weight(max(now - as_of, timedelta()))
    return [hour * factor for hour in hours]


def smoothed(own: Hours, of_workspace: Hours) -> list[float]:
    """Return a user's histogram with `SMOOTHING` opens more, spread as those of the workspace are."""
    share = SMOOTHING / sum(of_workspace)
    return [mine + share * all_users for mine, all_users in zip(own, of_workspace, strict=True)]


def best_moment(moments: Mapping[int, datetime], hours: Hours) -> datetime:
    """Choose among moments, by the hour that it is then, the earlier where two are as good."""
    return min(moments.items(), key=lambda one: (-hours[one[0]], one[1]))[1]


def moments_within(zone: ZoneInfo, now: datetime, window: timedelta) -> dict[int, datetime]:
    """Return when each hour of a zone's clock begins within a time from now on; the present one is now."""
    here = now.astimezone(zone)
    moments = {here.hour: now}
    following = (
        now + timedelta(hours=1) - timedelta(minutes=here.minute, seconds=here.second, microseconds=here.microsecond)
    )
    while following < now + window:
        moments.setdefault(following.astimezone(zone).hour, following)
        following += timedelta(hours=1)
    return moments


def of_user(workspace_id: int, user_id: str) -> Hours:
    """Return what is kept of a user: 24 counters, or nothing."""
    row = OpenHours.objects.filter(workspace=workspace_id, user_id=user_id).first() if user_id else None
    return row.hours if row else []


def past() -> QuerySet[OpenHours]:
    """Return histograms that nothing was added to for `KEPT`."""
    return OpenHours.objects.filter(as_of__lt=clock.now() - KEPT)


class BestTime:
    """The moments at which the devices of an audience push get it: the best hour of each within a time.

    A device whose user is not known well enough gets it at the workspace's best hour; if that is not known either, at
    once.
    """

    def __init__(self, workspace_id: int, own_zone: ZoneInfo, accepted_at: datetime, window: timedelta) -> None:
        self._hours = BestHours(workspace_id, accepted_at)
        self._accepted_at = accepted_at
        self._moments = cache(lambda name: moments_within(zone_named(name) or own_zone, accepted_at, window))
        self._of_workspace = cache(self._otherwise)

    def moments(self, found: Sequence[tuple[int, str]]) -> list[datetime]:
        """Return when devices (id, time zone) get the push."""
        scores = self._hours.scores([device_id for device_id, _ in found])
        return [
            best_moment(self._moments(zone), scores[device_id]) if device_id in scores else self._of_workspace(zone)
            for device_id, zone in found
        ]

    def _otherwise(self, zone: str) -> datetime:
        hours = self._hours.of_workspace
        return self._accepted_at if hours is None else best_moment(self._moments(zone), hours)
