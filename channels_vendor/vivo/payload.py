"""From a notification to vivo's message: title 40, content 100 wide (a Chinese character counts as two), data 1024."""

from __future__ import annotations

from typing import Any

from channels_vendor.contract import Account, Delivery, Notification
from channels_vendor.errors import NotPossibleError, TooBigError
from channels_vendor.facts import facts_of
from channels_vendor.lifetime import seconds_left
from channels_vendor.mould import DATA, MESSAGE_ID, NOTIFY_ID, REFERENCE, TOKEN, Mould, encode
from channels_vendor.options import cut, is_web, option, per_vendor
from channels_vendor.vivo import errors
from pushcore.channels import Channel

MAX_TITLE = 40
MAX_BODY = 100
MAX_DATA = 1024
MAX_WEB = 1000
MAX_INTENT = 1024
MIN_TTL, MAX_TTL = 60, 604_800
_RING_AND_VIBRATE = 4


def width(text: str) -> int:
    return sum(2 if ord(character) > 0xFF else 1 for character in text)


def mould_of(notification: Notification, account: Account) -> Mould:
    """A message with marks for what is a device's own. Raises `NotPossibleError` for a silent one: vivo shows all."""
    if notification.silent:
        raise NotPossibleError("vivo has no silent messages")
    return Mould(_message(notification, account))


def data_of(delivery: Delivery) -> str:
    """What the app gets, JSON in one value: vivo takes ten pairs at most. Raises `TooBigError`."""
    data = encode(facts_of(delivery.notification, message_id=str(delivery.message_id), msgkey=delivery.msgkey))
    if len(data.encode()) + len("data") > MAX_DATA:
        raise TooBigError(f"{errors.BAD_PAIR} clientCustomMap")
    return data


def _message(notification: Notification, account: Account) -> dict[str, Any]:
    message: dict[str, Any] = {
        "appId": account.get("app_id"),
        "regId": TOKEN,
        # Which vivo knows repeats by.
        "requestId": MESSAGE_ID,
        "notifyType": _RING_AND_VIBRATE,
        "title": cut(notification.title, MAX_TITLE, width),
        "content": cut(notification.body, MAX_BODY, width),
        "timeToLive": max(MIN_TTL, min(seconds_left(notification.expire_at), MAX_TTL)),
        **_click(notification),
        "clientCustomMap": {"data": DATA},
        "classification": 1 if option(notification, "classification") == "1" else 0,
        "pushMode": int(notification.test),
        "notifyId": NOTIFY_ID,
    }
    if category := per_vendor(notification, "thirdChannelCategory", Channel.VIVO):
        message["category"] = category
    if account.receipt_url:
        message["extra"] = {"callback": account.receipt_url, "callback.param": REFERENCE}
    return message


def _click(notification: Notification) -> dict[str, Any]:
    url = notification.url
    if notification.opens_page and url and len(url) <= MAX_INTENT:
        return {"skipType": 4, "skipContent": url}
    if is_web(url) and len(url) <= MAX_WEB:
        return {"skipType": 2, "skipContent": url}
    return {"skipType": 1}
