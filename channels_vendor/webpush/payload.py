"""Turn a notification into what the SDK's service worker reads: at most 3993 bytes before they are encrypted."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from channels_vendor.base.contract import Account
from channels_vendor.base.custom_data import custom_data_of
from channels_vendor.base.delivery import Notification, Shown
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import level_of, option
from channels_vendor.base.payload_template import LONGEST_ID, MESSAGE_ID, MSGKEY, PayloadTemplate, size_of
from channels_vendor.base.truncation import truncate_by
from pushcore.channels import Channel

# Push services take 4096 bytes (RFC 8030, 7.2). Encrypted with one record, a message has a header of 86 bytes, a
# delimiter and a tag of 16 beside its own (RFC 8188, 2; RFC 8291, 4).
MAX_BYTES = 4096 - 86 - 1 - 16
# Four weeks: the longest that all services keep a message for.
MAX_TTL = 2_419_200
URGENCIES = ("very-low", "low", "normal", "high")
_TOPIC_BYTES = 24


def template_of(notification: Notification, msgkey: str) -> PayloadTemplate | None:
    """Return the message's template; None where it cannot be made small enough. `msgkey`: the longest there is."""
    text = _text(notification, msgkey)
    return None if text is None else PayloadTemplate(_message(notification, text, MESSAGE_ID, MSGKEY))


def headers_of(notification: Notification, channel: Channel) -> tuple[str, ...]:
    """Return the headers by which the push service handles the message (RFC 8030, 5.2 to 5.4).

    There is no topic unless the push asks for one: services keep messages of few topics for a browser that is closed.
    """
    urgency = level_of(notification, channel) or ("normal" if notification.silent else "high")
    headers = (f"ttl: {min(seconds_left(notification.expire_at), MAX_TTL)}", f"urgency: {urgency}")
    collapse = option(notification, "apnsCollapseId")
    return (*headers, f"topic: {_topic(collapse)}") if collapse else headers


def shown(notification: Notification, _account: Account) -> Shown | None:
    """Return what the message shows, as `VendorDescription.shown` does."""
    text = _text(notification, msgkey="")
    return None if text is None else Shown(notification.title, text, notification.icon, notification.image)


def _topic(collapse: str) -> str:
    """Return 32 characters of base64url, all that a topic may have, for any collapse ID."""
    return base64.urlsafe_b64encode(hashlib.sha256(collapse.encode()).digest()[:_TOPIC_BYTES]).decode()


def _text(notification: Notification, msgkey: str) -> str | None:
    """Return the text as far as it fits; None where nothing of it does."""
    return truncate_by(
        notification.body, lambda text: size_of(_message(notification, text, LONGEST_ID, msgkey)), MAX_BYTES
    )


def _message(notification: Notification, body: str, message_id: str, msgkey: str) -> dict[str, Any]:
    # A repeat takes the place of the first.
    tag = option(notification, "apnsCollapseId") or message_id
    fields = {
        "title": notification.title, "body": body, "icon": notification.icon, "image": notification.image, "tag": tag,
    }  # fmt: skip
    return {
        "notification": {name: value for name, value in fields.items() if value or name in ("title", "body")},
        "data": custom_data_of(notification, message_id=message_id, msgkey=msgkey),
    }
