"""Whose clock the console shows: a workspace's, wherever a time belongs to one, and always by name.

A page about one workspace, or about an object of one, is in that workspace's zone (`activate`). Other pages are in the
zone of the workspace chosen in the top bar, or in the one that all in view share, else in UTC; in their lists each row
is in the zone of its own workspace (`zone_of`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone

from pushcore.models import ReceiptAttempt, Workspace

UTC = ZoneInfo("UTC")


def zone_named(name: str) -> ZoneInfo:
    """Return the zone of that name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def shared(names: Iterable[str]) -> ZoneInfo:
    """Return the zone that all names share, else UTC."""
    found = set(names)
    return zone_named(found.pop()) if len(found) == 1 else UTC


def zone_of(obj: Any) -> ZoneInfo | None:
    """Return the zone of the workspace that an object belongs to; None for what belongs to none."""
    if isinstance(obj, ReceiptAttempt):
        obj = getattr(obj, "receipt", None)
    workspace = obj if isinstance(obj, Workspace) else getattr(obj, "workspace", None)
    return zone_named(workspace.time_zone) if isinstance(workspace, Workspace) else None


def activate(zone: ZoneInfo | None) -> None:
    """Show the times of this request's page in the zone, till its end (`console.locale.middleware`)."""
    if zone is not None:
        timezone.activate(zone)
