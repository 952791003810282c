"""What becomes of the demo's messages: on the self-built channel, at vendors, and in the hands of customers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from analytics.models import MessageEvent
from channels_vendor.base.references import token_hash
from channels_vendor.models import VendorMessage
from console.demo_data import vendor_accounts
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.delivery.expiry import GRACE
from pushcore.models import Message
from pushcore.push.targets import ResolvedTarget

# By the channel's name, what the vendor may say against a message, as often as it stands here.
_REFUSALS: Mapping[str, Sequence[int]] = {
    "apns": (2011, 2011, 2009, 2007),
    "xiaomi": (20301, 10018, 10027, 10027),
    "huawei": (80000004, 80300002, 80000003),
    "oppo": (10000, 13),
    "vivo": (10302, 10070, 10070),
    "fcm": (90000003, 90000011),
}
_REFUSED, _ARRIVES, _IGNORED = 0.035, 0.93, 0.3
# Of devices of the self-built channel: online when they are pushed to; not seen any more.
_ONLINE, _LOST = 0.72, 0.06


class DeliverySimulation:
    """Decides what becomes of messages, which have to come in the order of their times.

    Args:
        rng: Chooses at random.
        now: Nothing happens later.
        vendors: Until when messages went by each vendor's channel.
        device_ids: All devices; some of them are not seen any more.

    Attributes:
        at_vendors: What vendors said of the messages so far.
        events: What devices reported.
        refused_tokens: The token of each device that a vendor called dead, and when.
        stopped_at: When the account was stopped that is (`vendor_accounts`): by the first message it did not take.
    """

    def __init__(
        self, rng: random.Random, now: datetime, vendors: Mapping[Channel, datetime], device_ids: Sequence[int]
    ) -> None:
        self._rng = rng
        self._now = now
        self._vendors = vendors
        self._lost = set(rng.sample(device_ids, int(len(device_ids) * _LOST)))
        self.at_vendors: list[VendorMessage] = []
        self.events: list[MessageEvent] = []
        self.refused_tokens: dict[int, tuple[str, datetime]] = {}
        self.stopped_at: datetime | None = None

    def deliver(
        self,
        message: Message,
        device: ResolvedTarget | None,
        at: datetime,
        *,
        opened: float,
        revoked_at: datetime | None = None,
    ) -> None:
        """Decide what becomes of a message: its status, channel and times are set.

        Args:
            message: The message, which waits.
            device: Whom it is for; None while the user has no device.
            at: When it was made.
            opened: How likely it is that the customer opens it.
            revoked_at: When it was revoked, if it was.
        """
        if device is not None and (channel := self._vendor_of(device, at)) is not None:
            self._send_by_vendor(message, device, channel, at)
        else:
            self._send_by_gateway(message, device, at, revoked_at)
        if message.arrived_at is not None and device is not None:
            self.react(message.pk, message, device.device_id, message.arrived_at, opened)

    def reach(self, at: datetime, expire_at: datetime, device_id: int) -> datetime | None:
        """Return when a device of the self-built channel gets what was pushed at a time, None if it does not (yet)."""
        if device_id in self._lost:
            return None
        online = self._rng.random() < _ONLINE
        seconds = self._rng.uniform(0.05, 1.5) if online else self._rng.expovariate(1 / (5 * 3600))
        there = at + timedelta(seconds=seconds)
        return there if there < min(expire_at, self._now) else None

    def react(self, message_id: int, of: Message, device_id: int, arrived_at: datetime, opened: float) -> None:
        """Have the device report the arrival of a message (or broadcast, by its task's id), and what its user does."""
        chance = self._rng.random()
        minutes = self._rng.expovariate(1 / 35)
        if of.channel == Channel.SELF_BUILT:
            self._report(message_id, of, device_id, MessageEvent.Kind.ARRIVED, arrived_at)
        if chance < opened:
            kind = MessageEvent.Kind.OPENED
        elif chance < opened + _IGNORED * (1 - opened):
            kind = MessageEvent.Kind.IGNORED
        else:
            return
        self._report(message_id, of, device_id, kind, arrived_at + timedelta(minutes=minutes))

    def _report(self, message_id: int, of: Message, device_id: int, kind: MessageEvent.Kind, at: datetime) -> None:
        if at < self._now:
            self.events.append(
                MessageEvent(
                    workspace_id=of.workspace_id,
                    message_id=message_id,
                    task_id=of.task_id,
                    channel=of.channel,
                    device_id=device_id,
                    kind=kind,
                    at=at,
                    received_at=min(at + timedelta(seconds=self._rng.uniform(0.1, 4)), self._now),
                )
            )

    def _vendor_of(self, device: ResolvedTarget, at: datetime) -> Channel | None:
        """Return the vendor that carries a message to the device."""
        if device.third_channel is None or not device.third_token or device.device_id in self.refused_tokens:
            return None
        channel = Channel(device.third_channel)
        stops_now = channel.label == vendor_accounts.STOPPED and self.stopped_at is None
        return channel if stops_now or at < self._vendors.get(channel, at) else None

    def _send_by_vendor(self, message: Message, device: ResolvedTarget, channel: Channel, at: datetime) -> None:
        took = at + timedelta(seconds=self._rng.uniform(0.1, 1.2))
        message.channel, message.updated_at = channel, min(took, self._now)
        row = VendorMessage(
            message_id=message.pk,
            workspace_id=message.workspace_id,
            channel=channel,
            task_id=message.task_id,
            device_id=device.device_id,
            attempts=1,
            token_hash=token_hash(device.third_token),
        )
        self.at_vendors.append(row)
        if (refusal := self._refusal(channel, at)) is not None:
            message.status = refusal
            row.vendor_code = statuses.lookup(refusal, channel.label).label[:200]
            if refusal in channel.description.dead_token_statuses:
                self.refused_tokens[device.device_id] = device.third_token, message.updated_at
            return
        message.status = statuses.ACKED
        row.vendor_id = f"{channel.label}-{message.pk % 10**9}"
        row.accepted_at = message.updated_at
        if not channel.reports_arrival:
            message.arrived_at = message.updated_at
        elif self._rng.random() < _ARRIVES:
            arrived = took + timedelta(seconds=self._rng.expovariate(1 / 90))
            message.arrived_at = arrived if arrived < min(message.expire_at, self._now) else None

    def _refusal(self, channel: Channel, at: datetime) -> int | None:
        """Return the status with which the vendor refuses a message, None where it takes it."""
        if at >= self._vendors[channel]:
            self.stopped_at = at
            return vendor_accounts.STOPPED_STATUS
        refused = self._rng.random() < _REFUSED
        codes = _REFUSALS.get(channel.label, ())
        return self._rng.choice(codes) if refused and codes else None

    def _send_by_gateway(
        self, message: Message, device: ResolvedTarget | None, at: datetime, revoked_at: datetime | None
    ) -> None:
        ends_at = min(message.expire_at, revoked_at) if revoked_at else message.expire_at
        there = None
        if device is not None and device.platform != Platform.IOS:  # these have no other way than their vendor
            there = self.reach(at, ends_at, device.device_id)
        if there is not None:
            message.status, message.updated_at, message.arrived_at = statuses.ACKED, there, there
        elif revoked_at is not None:
            message.status, message.updated_at = statuses.REVOKED, revoked_at
        elif message.expire_at + GRACE < self._now:
            message.status, message.updated_at = statuses.EXPIRED, message.expire_at + GRACE
