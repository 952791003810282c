"""When the demo's shop and bank push what to whom: a curve over the hours, quieter weekends, campaigns, broadcasts."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from console.demo_data.offers import (
    ARTICLES,
    BROADCASTS,
    CAMPAIGNS,
    MERCHANTS,
    NOTICES,
    SATURDAY,
    BroadcastOffer,
    Campaign,
    Notice,
)
from pushcore.channels import Platform
from pushcore.models import Device, Occurrence, PushTask
from pushcore.models.pushes import DeliveryType
from pushcore.push.requests import AnyPush, BroadcastPush, MultiplePush, SimplePush, TargetMessage, TemplatePush

# How busy the hours of a day are.
_HOURS = (2, 1, 1, 1, 1, 2, 5, 10, 15, 17, 16, 15, 18, 15, 13, 13, 14, 17, 21, 24, 22, 15, 8, 4)
# Notices a day.
_ON_WORKING_DAYS, _AT_WEEKENDS = 110, 66
# The share of them more than a week ago: the shop grows.
_EARLIER = 0.85
# Minutes ago: what is always there, however early in the day it is.
_LATELY = (2, 4, 7, 11, 16, 24, 33, 41, 56, 72, 95, 120, 150)
_WEEK = 7
_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class PlannedPush:
    """A push of the past.

    Attributes:
        at: When it was accepted.
        opened: The share of messages that are opened.
        revoked_at: When an operator revoked it.
        by_file: Its targets came in a file.
        occurrence: The occurrence of a schedule that it comes from, which gets the task's id; None for other pushes.
    """

    at: datetime
    request: AnyPush
    source: PushTask.Source
    author: str
    opened: float
    revoked_at: datetime | None = None
    by_file: bool = False
    occurrence: Occurrence | None = None


class Planner:
    """Plans the pushes of some days.

    Args:
        rng: Chooses at random.
        users: Ids of users.
        devices: Devices that are pushed to by themselves, without a user.
        access_key_id: What the backend signs with.
    """

    def __init__(self, rng: random.Random, users: Sequence[str], devices: Sequence[Device], access_key_id: str) -> None:
        self._rng = rng
        self._users = users
        self._devices = devices
        self._access_key_id = access_key_id
        self._keys = 0

    def pushes(self, now: datetime, days: int, zone: ZoneInfo) -> list[PlannedPush]:
        """Return the pushes of today and so many days before, up to a minute ago, in their order."""
        midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        planned = [
            push
            for ago in range(days, -1, -1)
            for push in self._of_day(midnight - timedelta(days=ago), _EARLIER if ago >= _WEEK else 1)
        ]
        planned += self._lately(now, midnight)
        done = [push for push in planned if (push.revoked_at or push.at) < now - timedelta(minutes=1)]
        return sorted(done, key=lambda push: push.at)

    def _of_day(self, midnight: datetime, share: float) -> Iterator[PlannedPush]:
        """Yield the pushes of a day; `share`: how much of its notices there are."""
        weekday = midnight.weekday()
        for _ in range(int(share * (_ON_WORKING_DAYS if weekday < SATURDAY else _AT_WEEKENDS))):
            hour = self._rng.choices(range(24), _HOURS)[0]
            yield self.notice(midnight.replace(hour=hour) + timedelta(seconds=self._rng.uniform(0, 3600)))
        for campaign in CAMPAIGNS:
            if weekday in campaign.days:
                yield self._campaign(campaign, midnight.replace(hour=campaign.at[0], minute=campaign.at[1]))
        for offer in BROADCASTS:
            if weekday == offer.day:
                at = midnight.replace(hour=offer.at[0], minute=offer.at[1])
                yield from self._broadcasts(offer, at)

    def _lately(self, now: datetime, midnight: datetime) -> Iterator[PlannedPush]:
        """Yield notices of the last hours, those that fall into yesterday moved to just after midnight."""
        for number, minutes in enumerate(_LATELY):
            at = now - timedelta(minutes=minutes)
            yield self.notice(max(at, min(midnight + timedelta(seconds=number), now - timedelta(minutes=2))))

    def notice(self, at: datetime) -> PlannedPush:
        """Plan a push to one customer, now and then to a device by itself."""
        notice = self._rng.choices(NOTICES, [notice.share for notice in NOTICES])[0]
        if self._rng.random() < 0.12:
            device = self._rng.choice(self._devices)
            is_ios = device.platform == Platform.IOS
            delivery_type, target = device.platform, device.third_token if is_ios else device.ad_token
        else:
            delivery_type, target = DeliveryType.USER.value, self._rng.choice(self._users)
        by_rest = self._rng.random() < 0.4
        source, author = (PushTask.Source.REST, "RSA key") if by_rest else (PushTask.Source.RPC, self._access_key_id)
        return PlannedPush(at, self._request_of(notice, delivery_type, target), source, author, notice.opened)

    def _request_of(self, notice: Notice, delivery_type: int, target: str) -> SimplePush | TemplatePush:
        target_msgkey = {target: self._msgkey()}
        if notice.template:
            return TemplatePush(
                task_name=notice.name,
                delivery_type=delivery_type,
                expired_seconds=notice.hours * 3600,
                template_name=notice.template,
                template_key_value=self.values(target),
                target_msgkey=target_msgkey,
            )
        return SimplePush(
            task_name=notice.name,
            delivery_type=delivery_type,
            expired_seconds=notice.hours * 3600,
            title=notice.title,
            content=notice.body,
            uri=notice.uri,
            target_msgkey=target_msgkey,
        )

    def _campaign(self, campaign: Campaign, at: datetime) -> PlannedPush:
        chosen = self._rng.sample(self._users, min(campaign.customers, len(self._users)))
        request = MultiplePush(
            task_name=campaign.name,
            delivery_type=DeliveryType.USER.value,
            expired_seconds=_DAY_SECONDS,
            template_name=campaign.template,
            target_msg=[TargetMessage(target=user, msgkey=self._msgkey(), template_key_value=self.values(user))
                        for user in chosen],
        )  # fmt: skip
        by_operator = bool(campaign.author)
        return PlannedPush(
            at,
            request,
            PushTask.Source.CONSOLE if by_operator else PushTask.Source.RPC,
            campaign.author or self._access_key_id,
            campaign.opened,
            revoked_at=at + timedelta(minutes=campaign.revoked_after) if campaign.revoked_after else None,
            by_file=campaign.by_file,
        )

    def _broadcasts(self, offer: BroadcastOffer, at: datetime) -> Iterator[PlannedPush]:
        for number, platform in enumerate(offer.platforms):
            request = BroadcastPush(
                task_name=f"{offer.name} ({Platform(platform).label})",
                delivery_type=platform.value,
                expired_seconds=_DAY_SECONDS // 4,
                template_name=offer.template,
                template_key_value=offer.values,
                msgkey=self._msgkey(),
            )
            push = PlannedPush(at, request, PushTask.Source.CONSOLE, "olga", offer.opened)
            yield replace(push, at=at + timedelta(minutes=2 * number))

    def values(self, target: str) -> dict[str, str]:
        """Return a value for each placeholder that a template of the demo has."""
        article, price = self._rng.choice(ARTICLES)
        start = self._rng.randrange(9, 18)
        return {
            "name": target.partition(".")[0].capitalize() if "." in target else "there",
            "order": f"{self._rng.randrange(104_000, 109_999)}",
            "from": f"{start}:00",
            "to": f"{start + 2}:00",
            "amount": f"€ {self._rng.randrange(250, 18_000) / 100:.2f}",
            "merchant": self._rng.choice(MERCHANTS),
            "card": f"{self._rng.randrange(1000, 9999)}",
            "month": "October",
            "item": article,
            "price": price,
        }

    def _msgkey(self) -> str:
        self._keys += 1
        return hashlib.blake2b(f"{self._keys}".encode(), digest_size=8).hexdigest()
