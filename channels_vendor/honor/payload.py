"""Turn a notification into HONOR's message: title 50, body 400 characters, 4096 bytes without tokens."""

from __future__ import annotations

from typing import Any

from channels_vendor.base.click_actions import HOME, badge_added, click_action
from channels_vendor.base.contract import Account, Notification, Shown, Style
from channels_vendor.base.custom_data import custom_data_of, fit_custom_data
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import category_of, transparent_text
from channels_vendor.base.payload_template import LONGEST_ID, encode, size_of
from channels_vendor.base.references import Reference
from channels_vendor.base.truncation import truncate, truncate_by
from pushcore.channels import Channel

MAX_BYTES = 4096
MAX_TTL = 1_296_000
MAX_TITLE = 50
MAX_BODY = 400


def body_of(notification: Notification, message_id: str, msgkey: str) -> dict[str, Any] | None:
    """Return the request without its tokens; None where it cannot be made small enough."""
    reference, body = Reference.of(notification.task_id, message_id), truncate(notification.body, MAX_BODY)

    def size(text: str, custom_data: dict[str, str]) -> int:
        return size_of(_message(notification, text, custom_data, reference))

    custom_data = fit_custom_data(
        custom_data_of(notification, message_id=message_id, msgkey=msgkey),
        opened_by_vendor=not notification.silent and click_action(notification) != HOME,
        fits=lambda custom_data: size(body, custom_data) <= MAX_BYTES,
    )
    text = truncate_by(body, lambda part: size(part, custom_data), MAX_BYTES)
    return None if text is None else _message(notification, text, custom_data, reference)


def shown(notification: Notification, _account: Account) -> Shown | None:
    """Return what the message shows, as `VendorDescription.shown` does."""
    body = body_of(notification, LONGEST_ID, msgkey="")
    if body is None:
        return None
    fields = body["android"]["notification"]
    return Shown(fields["title"], fields["body"], image=fields.get("image", ""))


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
