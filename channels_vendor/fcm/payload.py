"""Turn a notification into FCM's message (HTTP v1): at most 4096 bytes, shortened in its text to fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from channels_vendor.base.contract import Account
from channels_vendor.base.custom_data import NESTED, custom_data_of
from channels_vendor.base.delivery import Notification, Shown
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import urgency_of
from channels_vendor.base.payload_template import (
    LONGEST_ID,
    MESSAGE_ID,
    MSGKEY,
    TOKEN,
    PayloadTemplate,
    encode,
    size_of,
)
from channels_vendor.base.truncation import truncate_by

MAX_BYTES = 4096
# Four weeks.
MAX_TTL = 2_419_200

# Firebase, `Message.data`: "The key should not be a reserved word (from, message_type, or any word starting with
# google. or gcm.)"; its Android SDK keeps the other two.
_RESERVED = frozenset({"from", "notification", "message_type", "collapse_key"})


def template_of(notification: Notification, msgkey: str) -> PayloadTemplate | None:
    """Return the body's template; None where it cannot be made small enough. `msgkey`: the longest there is."""
    text = _text(notification, msgkey)
    if text is None:
        return None
    return PayloadTemplate({"message": _message(notification, text, MESSAGE_ID, MSGKEY) | {"token": TOKEN}})


def shown(notification: Notification, _account: Account) -> Shown | None:
    """Return what the message shows, as `VendorDescription.shown` does. Icons from a URL are not among it."""
    text = _text(notification, msgkey="")
    return None if text is None else Shown(notification.title, text, image=notification.image)


def _text(notification: Notification, msgkey: str) -> str | None:
    """Return the text as far as it fits; None where nothing of it does."""
    return truncate_by(
        notification.body, lambda text: size_of(_message(notification, text, LONGEST_ID, msgkey)), MAX_BYTES
    )


def _message(notification: Notification, body: str, message_id: str, msgkey: str) -> dict[str, Any]:
    android: dict[str, Any] = {
        "ttl": f"{min(seconds_left(notification.expire_at), MAX_TTL)}s",
        "priority": urgency_of(notification),
    }
    if notification.transparent:
        return {"data": transparent_data(notification), "android": android}
    message: dict[str, Any] = {"data": data_of(notification, message_id, msgkey), "android": android}
    if notification.silent:
        message["data"] |= {"title": notification.title, "content": body}
        return message
    message["notification"] = {"title": notification.title, "body": body}
    if notification.image:
        message["notification"]["image"] = notification.image
    android["notification"] = shown_of(notification, message_id)
    return message


def shown_of(notification: Notification, message_id: str) -> dict[str, Any]:
    """Return how Android shows it. A web address is opened by the app: it stands in the data."""
    # A repeat takes the place of the first.
    shown: dict[str, Any] = {"tag": message_id}
    if channel_id := notification.vendor_options.get("channelId"):
        shown["channel_id"] = channel_id
    if notification.sound:
        shown["sound"] = notification.sound
    if notification.icon and "/" not in notification.icon:  # a drawable of the app; FCM shows no icon from a URL
        shown["icon"] = notification.icon
    if notification.opens_page and notification.tap_url:
        shown["click_action"] = notification.tap_url
    return shown


def data_of(notification: Notification, message_id: str, msgkey: str) -> dict[str, str]:
    """Return what the app gets: text only."""
    return custom_data_of(notification, message_id=message_id, msgkey=msgkey, reserved=_is_reserved)


def transparent_data(notification: Notification) -> dict[str, str]:
    """Return what the app gets in place of a notification, as FCM takes it."""
    texts = as_texts(notification.transparent)
    reserved = {name: value for name, value in texts.items() if _is_reserved(name)}
    others = {name: value for name, value in texts.items() if name not in reserved}
    return others | ({NESTED: encode(reserved)} if reserved else {})


def as_texts(payload: str | Mapping[str, Any]) -> dict[str, str]:
    """Return what is handed through as FCM carries it: names and texts.

    A text that is no JSON object stands under `data`.
    """
    if isinstance(payload, str):
        payload = _object(payload) or {"data": payload}
    return {name: value if isinstance(value, str) else encode(value) for name, value in payload.items()}


def _object(text: str) -> dict[str, Any]:
    """Parse a JSON object; return an empty one for any other text."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_reserved(name: str) -> bool:
    return name in _RESERVED or name.startswith(("google.", "gcm."))
