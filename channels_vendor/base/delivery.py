"""What vendors are given to show: a notification, its delivery to one device, and what of it a device shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple


class Style(Enum):
    """How a notification is shown; the numbers of `pushStyle`."""

    PLAIN = 0
    BIG_TEXT = 1
    RICH = 2


@dataclass(frozen=True, slots=True, eq=False)
class Notification:
    """What is shown or handed to the app, the same for many devices.

    Compared by identity: a batch shares one object, and adapters keep what they make of it by that.

    Attributes:
        task_id: The push task.
        kind: The task's kind, which the app gets as `pushType`.
        title: Shown first.
        body: Shown below the title.
        expire_at: When the vendor is to stop trying.
        url: A web address where `opens_page` is false, else an intent or a page of the app.
        opens_page: What a tap does with `url`.
        opens_app: A tap opens the app in any case, whose SDK finds `url` in its data, reports the event and opens it.
        silent: The app gets it, and nothing is shown.
        style: How it is shown.
        icon: A URL, chosen for the channel.
        image: A URL, chosen for the channel.
        badge: The number on the app's icon; APNs alone gets one, elsewhere such messages go by the self-built channel.
        badge_add: How much is added to that number.
        badge_class: The class of the activity that has the icon.
        sound: The name of a sound file of the app.
        template: The name of the message template it was made from.
        notify_type: The request's `notifyType`.
        params: The caller's extension parameters.
        vendor_options: The request's fields that only vendors read (channelId, thirdChannelCategory, ...).
        transparent: What the channel hands to the app in place of all this, showing nothing; empty as a rule.
        test: Send it to the vendor's test devices, where it has such a thing.
    """

    task_id: int
    kind: str
    title: str
    body: str
    expire_at: datetime
    url: str = ""
    opens_page: bool = False
    opens_app: bool = False
    silent: bool = False
    style: Style = Style.PLAIN
    icon: str = ""
    image: str = ""
    badge: int | None = None
    badge_add: int | None = None
    badge_class: str = ""
    sound: str = ""
    template: str = ""
    notify_type: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    vendor_options: Mapping[str, Any] = field(default_factory=dict)
    transparent: str | Mapping[str, Any] = ""
    test: bool = False

    @property
    def tap_url(self) -> str:
        """What the vendor opens by itself when the notification is tapped; empty where a tap opens the app."""
        return "" if self.opens_app else self.url


class Delivery(NamedTuple):
    """A notification on its way to one device. Devices drop repeats by the message ID."""

    message_id: int
    device_id: int
    token: str
    msgkey: str
    notification: Notification


class Shown(NamedTuple):
    """What a vendor's message has a device show: the texts as they travel, and the URLs that it carries."""

    title: str
    body: str
    icon: str = ""
    image: str = ""
