"""What is known of the shop's customers, and the segments that its operators have made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from console.demo_data.customers import user_ids
from pushcore.audience import profiles, segments
from pushcore.audience.changes import NamesChange, ProfileChange
from pushcore.devices.state import TargetType
from pushcore.models import AudienceName, Device, Segment, Workspace

_CITIES = ("Shanghai", "Beijing", "Berlin", "Oslo", "Lisbon")
_AUTHOR = "olga"
# Name, description, condition.
_SEGMENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("VIP customers", "Bought for more than 500 this year", {"tag": "vip"}),
    (
        "Faithful on iPhones",
        "Opened the app within the last week",
        {"and": [{"platform": "ios"}, {"last_seen_within_days": 7}, {"bound": True}]},
    ),
    (
        "Newsletter, without trials",
        "For the Friday offers",
        {"and": [{"topic": "news"}, {"not": {"tag": "trial"}}]},
    ),
)


def make_audience(workspace: Workspace, devices: Sequence[Device], now: datetime) -> None:
    """Give customers and devices tags, topics and attributes, and make segments of them."""
    users = user_ids()
    for change, targets in (
        (ProfileChange(tags=NamesChange(("vip",))), users[::9]),
        (ProfileChange(tags=NamesChange(("trial",))), users[4::11]),
        (ProfileChange(topics=NamesChange(("news",))), users[::3]),
        (ProfileChange(topics=NamesChange(("offers",))), users[1::4]),
        *((ProfileChange(attributes={"city": city}), users[place::5]) for place, city in enumerate(_CITIES)),
    ):
        profiles.update(workspace.pk, TargetType.USER, targets, change)
    tablets = [device.ad_token for device in devices[::8]]
    profiles.update(workspace.pk, TargetType.DEVICE, tablets, ProfileChange(tags=NamesChange(("tablet",))))
    names = AudienceName.objects.filter(workspace=workspace)
    names.update(created_at=now - timedelta(days=30))
    for place, (name, description, condition) in enumerate(_SEGMENTS):
        made = segments.create(workspace, name, condition, description, author=_AUTHOR)
        at = now - timedelta(days=12 - place)
        Segment.objects.filter(pk=made.pk).update(created_at=at, saved_at=at)
