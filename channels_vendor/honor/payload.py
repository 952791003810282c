"""Turn a notification into HONOR's message: title 50, body 400 characters, 4096 bytes without tokens."""

from __future__ import annotations

from typing import Any

from channels_vendor.base.click_actions import HOME, badge_added, click_action
from channels_vendor.base.contract import Account
from channels_vendor.base.delivery import Notification, Shown, Style
from channels_vendor.base.fitting import fit, shown_by
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import category_of, transparent_text
from channels_vendor.base.payload_template import LONGEST_ID, encode
from channels_vendor.base.references import Reference
from channels_vendor.base.truncation import truncate
from pushcore.channels import Channel

MAX_BYTES = 4096
MAX_TTL = 1_296_000
MAX_TITLE = 50
MAX_BODY = 400


def body_of(notification: Notification, message_id: str, msgkey: str) -> dict[str, Any] | None:
    """Return the request without its tokens; None where it cannot be made small enough."""
    reference = Reference.of(notification.task_id, message_id)
    return fit(
        notification,
        lambda text, custom_data: _message(notification, text, custom_data, reference),
        text=truncate(notification.body, MAX_BODY),
        message_id=message_id,
        msgkey=msgkey,
        opened_by_vendor=click_action(notification) != HOME,
        max_bytes=MAX_BYTES,
    )


def shown(notification: Notification, _account: Account) -> Shown | None:
    """Return what the message shows, as `VendorDescription.shown` does."""
    body = body_of(notification, LONGEST_ID, msgkey="")
    return None if body is None else shown_by(body["android"]["notification"])


def _message(
    notification: Notification, text: str, custom_data: dict[str, str], reference: Reference
) -> dict[str, Any]:
    title = truncate(notification.title, MAX_TITLE)
    android: dict[str, Any] = {
        "ttl": f"{max(1, min(seconds_left(notification.expire_at), MAX_TTL))}s",
        "biTag": str(reference),
        "targetUserType": int(notification.test),
    }
    if notification.transparent:
        return {"data": transparent_text(notification), "android": android}
    if notification.silent:
        return {"data": encode(custom_data | {"title": title, "content": text}), "android": android}
    shown: dict[str, Any] = {
        "title": title,
        "body": text,
        "clickAction": click_action(notification),
        "style": 1 if notification.style is Style.BIG_TEXT else 0,
        "importance": category_of(notification, Channel.HONOR) or "NORMAL",
        "notifyId": reference.notify_id,
    }
    if notification.style is Style.BIG_TEXT:
        shown |= {"bigTitle": title, "bigBody": text}
    if notification.image.startswith("https://"):
        shown["image"] = notification.image
    if badge := badge_added(notification, number="addNum", activity="badgeClass"):
        shown["badge"] = badge
    return {
        "data": encode(custom_data),
        "notification": {"title": title, "body": text},
        "android": android | {"notification": shown},
    }
