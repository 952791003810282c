"""From a notification to the body of Push Kit v3: at most 4096 bytes without tokens."""

from __future__ import annotations

from typing import Any

from channels_vendor.base.contract import Notification
from channels_vendor.base.custom_data import facts_of, fitting
from channels_vendor.base.cutting import shorten
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import category_of, transparent_text
from channels_vendor.base.payload_template import encode, size_of
from channels_vendor.base.references import Reference
from pushcore.channels import Channel

MAX_BYTES = 4096
MAX_TTL = 1_296_000
SHOWN, BACKGROUND = "0", "6"
# Every message shown names one; this one asks for no right.
DEFAULT_CATEGORY = "MARKETING"


def push_type(notification: Notification) -> str:
    return BACKGROUND if notification.silent or notification.transparent else SHOWN


def body_of(notification: Notification, category: str, message_id: str, msgkey: str) -> dict[str, Any] | None:
    """The request without its tokens; None where it cannot be made small enough. `category`: the account's."""
    reference = Reference.of(notification.task_id, message_id)

    def made(text: str, facts: dict[str, str]) -> dict[str, Any]:
        return {
            "payload": _payload(notification, text, facts, category, reference),
            "pushOptions": _options(notification, reference),
        }

    facts = fitting(
        facts_of(notification, message_id=message_id, msgkey=msgkey),
        opened_by_vendor=not notification.silent and notification.opens_page,
        fits=lambda facts: size_of(made(notification.body, facts)) <= MAX_BYTES,
    )
    text = shorten(notification.body, lambda part: size_of(made(part, facts)), MAX_BYTES)
    return None if text is None else made(text, facts)


def _options(notification: Notification, reference: Reference) -> dict[str, Any]:
    return {
        "ttl": max(1, min(seconds_left(notification.expire_at), MAX_TTL)),
        "biTag": str(reference),
        "testMessage": notification.test,
    }


def _payload(
    notification: Notification, text: str, facts: dict[str, str], category: str, reference: Reference
) -> dict[str, Any]:
    if notification.transparent:
        return {"extraData": transparent_text(notification)}
    if notification.silent:
        return {"extraData": encode(facts | {"title": notification.title, "content": text})}
    shown: dict[str, Any] = {
        "category": category_of(notification, Channel.HARMONYOS) or category or DEFAULT_CATEGORY,
        "title": notification.title,
        "body": text,
        "notifyId": reference.notify_id,
        "clickAction": _click(notification, facts),
    }
    if reference.message_id is not None:
        # Which Push Kit knows repeats by.
        shown["appMessageId"] = str(reference.message_id)
    if notification.image.startswith("https://"):
        shown["image"] = notification.image
    if notification.sound:
        shown["sound"] = notification.sound
    if notification.badge is not None:
        shown["badge"] = {"setNum": min(notification.badge, 99)}
    elif notification.badge_add:
        shown["badge"] = {"addNum": min(notification.badge_add, 99)}
    return {"notification": shown}


def _click(notification: Notification, facts: dict[str, str]) -> dict[str, Any]:
    """The app's home, or a page of it by URI; a web address stands in the data."""
    if notification.opens_page and notification.url:
        name = "uri" if "://" in notification.url else "action"
        return {"actionType": 1, name: notification.url, "data": facts}
    return {"actionType": 0, "data": facts}
