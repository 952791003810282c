"""Turn a notification into vivo's message (dev.vivo.com.cn, document 362; vpush-server-sdk 3.3, `Message`).

Editions of the document differ, so the account says which its app is held to: texts of 40 and 100 characters, once with
a Chinese one counted as two; kept for a day at most, once for seven.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from channels_vendor.base.contract import Account
from channels_vendor.base.custom_data import custom_data_of, fit_custom_data
from channels_vendor.base.delivery import Delivery, Notification, Shown
from channels_vendor.base.errors import NotPossibleError, TooBigError
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import category_of, is_web, option
from channels_vendor.base.payload_template import (
    DATA,
    LONGEST_ID,
    MESSAGE_ID,
    NOTIFY_ID,
    REFERENCE,
    TOKEN,
    PayloadTemplate,
    encode,
)
from channels_vendor.base.truncation import truncate, utf16_length
from channels_vendor.vivo import errors
from pushcore.channels import Channel

MAX_TITLE = 40
MAX_BODY = 100
MAX_DATA = 1024
MAX_SKIP = 2048
MIN_TTL = 60
# The longest validity in seconds, by the account's `max_ttl`.
ONE_DAY, SEVEN_DAYS = gettext_noop("1 day"), gettext_noop("7 days")
MAX_TTL = {ONE_DAY: 86_400, SEVEN_DAYS: 604_800}
# How texts are counted, by the account's `text_width`.
BY_CHARACTER, CHINESE_AS_TWO = gettext_noop("by character"), gettext_noop("Chinese as two")
_RING_AND_VIBRATE = 4
# As `pushcore.push.recipients` has it.
_LONGEST_MSGKEY = "x" * 64


def width(text: str) -> int:
    """Return how wide a text is where a Chinese character, and each UTF-16 code unit of an emoji, counts as two."""
    return utf16_length(text) + sum((character > "\xff") + (character > "\uffff") for character in text)


def app_id_of(account: Account) -> int | str:
    """Return the App ID as vivo's SDK has it: a number."""
    text = account.get("app_id")
    return int(text) if text.isascii() and text.isdigit() else text


def template_of(notification: Notification, account: Account) -> PayloadTemplate:
    """Return the message's template; `data_of` goes in besides.

    Raises:
        NotPossibleError: It is silent: vivo shows all it gets.
        TooBigError: Its address is longer than vivo takes.
    """
    if notification.silent:
        raise NotPossibleError("vivo has no silent messages")
    return PayloadTemplate(_message(notification, account))


def data_of(delivery: Delivery) -> str:
    """Return what the app gets, as JSON in one value: vivo takes ten pairs at most.

    Where it is too long, the address that `skipContent` has is left out.

    Raises:
        TooBigError: It is too long even so.
    """
    custom_data = fit_custom_data(
        custom_data_of(delivery.notification, message_id=str(delivery.message_id), msgkey=delivery.msgkey),
        opened_by_vendor="skipContent" in _click(delivery.notification),
        fits=_fits,
    )
    if not _fits(custom_data):
        raise TooBigError(f"{errors.BAD_PAIR} clientCustomMap")
    return encode(custom_data)


def _fits(custom_data: dict[str, str]) -> bool:
    return utf16_length(encode(custom_data)) + len("data") <= MAX_DATA


def shown(notification: Notification, account: Account) -> Shown:
    """Return what the message shows, as `VendorDescription.shown` does: vivo's have texts alone."""
    data_of(Delivery(int(LONGEST_ID), 0, "", "", notification))
    message = _message(notification, account)
    return Shown(message["title"], message["content"])


def _message(notification: Notification, account: Account) -> dict[str, Any]:
    wide = width if account.get("text_width") == CHINESE_AS_TWO else utf16_length
    message: dict[str, Any] = {
        "appId": app_id_of(account),
        "regId": TOKEN,
        # Which vivo knows repeats by.
        "requestId": MESSAGE_ID,
        "notifyType": _RING_AND_VIBRATE,
        "title": truncate(notification.title, MAX_TITLE, wide),
        "content": truncate(notification.body, MAX_BODY, wide),
        "timeToLive": max(MIN_TTL, min(seconds_left(notification.expire_at), _longest(account))),
        **_click(notification),
        "clientCustomMap": {"data": DATA},
        "pushMode": int(notification.test),
        "notifyId": NOTIFY_ID,
        **_classification(notification),
    }
    if account.report_url:
        message["extra"] = {"callback": account.report_url, "callback.param": REFERENCE}
    return message


def _classification(notification: Notification) -> dict[str, Any]:
    """Return classification (0 operational, 1 system, which is the default) and category, by which vivo grants quotas.

    A category belongs to one: where no classification is named vivo knows it, and it refuses one that does not fit
    (10097).
    """
    classification = option(notification, "classification")
    category = category_of(notification, Channel.VIVO)
    if category and not classification:
        return {"category": category}
    kind: dict[str, Any] = {"classification": int(classification or 1)}
    return kind | ({"category": category} if category else {})


def _longest(account: Account) -> int:
    return MAX_TTL.get(account.get("max_ttl"), MAX_TTL[ONE_DAY])


def _click(notification: Notification) -> dict[str, Any]:
    """Return what a tap opens: a page of the app, a web page, or the app. Raises `TooBigError`."""
    url = _tap_url(notification)
    if not url or not (notification.opens_page or is_web(url)):
        return {"skipType": 1}
    if utf16_length(url) > MAX_SKIP:
        raise TooBigError(f"{errors.BAD_PAIR} skipContent")
    return {"skipType": 4 if notification.opens_page else 2, "skipContent": url}


def _tap_url(notification: Notification) -> str:
    """Return what vivo opens by itself: also an address that the app's data have no room for."""
    if notification.opens_app:
        longest = custom_data_of(notification, message_id=LONGEST_ID, msgkey=_LONGEST_MSGKEY)
        return "" if _fits(longest) else notification.url
    return notification.url
