"""Turn a notification into Huawei's message (v1, v2): at most 4096 bytes without tokens, shortened to fit."""

from __future__ import annotations

from typing import Any

from channels_vendor.base.click_actions import HOME, badge_added, click_action
from channels_vendor.base.contract import Account
from channels_vendor.base.delivery import Notification, Shown, Style
from channels_vendor.base.fitting import fit, shown_by
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import (
    category_of,
    level_of,
    option,
    transparent_text,
    urgency_of,
)
from channels_vendor.base.payload_template import LONGEST_ID, encode
from channels_vendor.base.references import Reference
from pushcore.channels import Channel

MAX_BYTES = 4096
MAX_TTL = 1_296_000


def body_of(notification: Notification, message_id: str, msgkey: str) -> dict[str, Any] | None:
    """Return the request without its tokens; None where it cannot be made small enough."""
    reference = Reference.of(notification.task_id, message_id)
    return fit(
        notification,
        lambda text, custom_data: {"message": _message(notification, text, custom_data, reference)},
        text=notification.body,
        message_id=message_id,
        msgkey=msgkey,
        opened_by_vendor=click_action(notification) != HOME,
        max_bytes=MAX_BYTES,
    )


def shown(notification: Notification, _account: Account) -> Shown | None:
    """Return what the message shows, as `VendorDescription.shown` does."""
    body = body_of(notification, LONGEST_ID, msgkey="")
    return None if body is None else shown_by(body["message"]["android"]["notification"])


def _message(
    notification: Notification, text: str, custom_data: dict[str, str], reference: Reference
) -> dict[str, Any]:
    android: dict[str, Any] = {
        "ttl": f"{max(1, min(seconds_left(notification.expire_at), MAX_TTL))}s",
        "bi_tag": str(reference),
        "urgency": urgency_of(notification),
        "target_user_type": int(notification.test),
    }
    if category := category_of(notification, Channel.HUAWEI):
        android["category"] = category
    if notification.transparent:
        return {"data": transparent_text(notification), "android": android}
    if notification.silent:
        return {"data": encode(custom_data | {"title": notification.title, "content": text}), "android": android}
    return {
        "data": encode(custom_data),
        "notification": {"title": notification.title, "body": text},
        "android": android | {"notification": _shown(notification, text, reference.notify_id)},
    }


def _shown(notification: Notification, text: str, notify_id: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "title": notification.title,
        "body": text,
        "click_action": click_action(notification),
        "notify_id": notify_id,
    }
    if notification.style is Style.BIG_TEXT:
        shown |= {"style": 1, "big_title": notification.title, "big_body": text}
    if notification.image.startswith("https://"):
        shown["image"] = notification.image
    if channel_id := option(notification, "channelId"):
        shown["channel_id"] = channel_id
    if importance := level_of(notification, Channel.HUAWEI):
        shown["importance"] = importance
    if notification.sound:
        shown["sound"] = notification.sound
    else:
        shown["default_sound"] = True
    if badge := badge_added(notification, number="add_num", activity="class"):
        shown["badge"] = badge
    return shown
