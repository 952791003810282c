"""The message categories of the demo's shop, and when its customers are not to be disturbed."""

from __future__ import annotations

from datetime import time
from typing import Any

from pushcore.models import MessageCategory, QuietHours, Workspace

_CATEGORIES: tuple[dict[str, Any], ...] = (
    {"name": "offers", "is_marketing": True, "keeps_quiet_hours": True, "daily_cap": 2, "weekly_cap": 5},
    {"name": "orders", "third_channel_category": {"hms": "EXPRESS"}},
    {"name": "reminders", "keeps_quiet_hours": True, "daily_cap": 3},
)


def make_categories(workspace: Workspace) -> None:
    """Make categories and quiet hours, where there are none."""
    for values in _CATEGORIES:
        MessageCategory.objects.get_or_create(workspace=workspace, name=values["name"], defaults=values)
    QuietHours.objects.get_or_create(
        workspace=workspace, defaults={"starts": time(22), "ends": time(8), "time_zone": workspace.time_zone}
    )
