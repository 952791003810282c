"""Turn a notification into the body of Push Kit v3: at most 4096 bytes without tokens."""

from __future__ import annotations

from typing import Any

from channels_vendor.base.contract import Account
from channels_vendor.base.delivery import Notification, Shown
from channels_vendor.base.fitting import fit, shown_by
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import category_of, transparent_text
from channels_vendor.base.payload_template import LONGEST_ID, encode
from channels_vendor.base.references import Reference
from pushcore.channels import Channel

MAX_BYTES = 4096
MAX_TTL = 1_296_000
SHOWN, BACKGROUND = "0", "6"
# Every message shown names one; this one asks for no right.
DEFAULT_CATEGORY = "MARKETING"


def push_type_header(notification: Notification) -> str:
    """Return the header `push-type`: shown, or for the app alone."""
    return BACKGROUND if notification.silent or notification.transparent else SHOWN


def body_of(notification: Notification, category: str, message_id: str, msgkey: str) -> dict[str, Any] | None:
    """Return the request without its tokens; None where it cannot be made small enough. `category`: the account's."""
    reference = Reference.of(notification.task_id, message_id)

    def made(text: str, custom_data: dict[str, str]) -> dict[str, Any]:
        return {
            "payload": _payload(notification, text, custom_data, category, reference),
            "pushOptions": _options(notification, reference),
        }

    return fit(
        notification,
        made,
        text=notification.body,
        message_id=message_id,
        msgkey=msgkey,
        opened_by_vendor=notification.opens_page and not notification.opens_app,
        max_bytes=MAX_BYTES,
    )


def shown(notification: Notification, account: Account) -> Shown | None:
    """Return what the message shows, as `VendorDescription.shown` does."""
    body = body_of(notification, account.get("category"), LONGEST_ID, msgkey="")
    return None if body is None else shown_by(body["payload"]["notification"])


def _options(notification: Notification, reference: Reference) -> dict[str, Any]:
    return {
        "ttl": max(1, min(seconds_left(notification.expire_at), MAX_TTL)),
        "biTag": str(reference),
        "testMessage": notification.test,
    }


def _payload(
    notification: Notification, text: str, custom_data: dict[str, str], category: str, reference: Reference
) -> dict[str, Any]:
    if notification.transparent:
        return {"extraData": transparent_text(notification)}
    if notification.silent:
        return {"extraData": encode(custom_data | {"title": notification.title, "content": text})}
    shown: dict[str, Any] = {
        "category": category_of(notification, Channel.HARMONYOS) or category or DEFAULT_CATEGORY,
        "title": notification.title,
        "body": text,
        "notifyId": reference.notify_id,
        "clickAction": _click(notification, custom_data),
    }
    if reference.message_id is not None:
        # Which Push Kit knows repeats by.
        shown["appMessageId"] = str(reference.message_id)
    if notification.image.startswith("https://"):
        shown["image"] = notification.image
    if notification.sound:
        shown["sound"] = notification.sound
    if notification.badge_add:
        shown["badge"] = {"addNum": min(notification.badge_add, 99)}
    return {"notification": shown}


def _click(notification: Notification, custom_data: dict[str, str]) -> dict[str, Any]:
    """Return what a tap opens: the app's home, or a page of it by URI. A web address is part of the data."""
    if notification.opens_page and (url := notification.tap_url):
        return {"actionType": 1, "uri" if "://" in url else "action": url, "data": custom_data}
    return {"actionType": 0, "data": custom_data}
