"""Turn a notification into OPPO's message: title 50, content 200 characters, data 4000."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from channels_vendor.base.contract import Account
from channels_vendor.base.custom_data import custom_data_of
from channels_vendor.base.delivery import Delivery, Notification, Shown, Style
from channels_vendor.base.errors import NotPossibleError, TooBigError
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import category_of, is_web, level_of, option
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
from channels_vendor.oppo import errors
from pushcore.channels import Channel

MAX_TITLE = 50
# What OPPO's SDK takes (opush-server-sdk 1.0.4); its page (11236) has the second, by style: 50, long text 128. An
# account says which its app is held to.
MAX_BODY = 200
BY_STYLE = gettext_noop("50, long text 128")
BODY_LENGTHS = (str(MAX_BODY), BY_STYLE)
MAX_DATA = 4000
# The page's; a call with a longer one is refused whole.
MAX_URL, MAX_ACTIVITY = 2000, 500
MIN_TTL, MAX_TTL = 3_600, 864_000
# What a validity of less than an hour becomes, by the account's `short_validity`.
AN_HOUR, ONLINE_ONLY, AS_IT_IS = gettext_noop("an hour"), gettext_noop("online only"), gettext_noop("as it is")
_BY_REGID = 2


def template_of(notification: Notification, account: Account) -> PayloadTemplate:
    """Return the message's template; `data_of` goes in besides.

    Raises:
        NotPossibleError: It is silent: OPPO shows all it gets.
        TooBigError: Its address is longer than OPPO takes.
    """
    if notification.silent:
        raise NotPossibleError("OPPO has no silent messages")
    return PayloadTemplate(
        {"target_type": _BY_REGID, "target_value": TOKEN, "notification": _shown(notification, account)}
    )


def data_of(delivery: Delivery) -> str:
    """Return what the app gets.

    Raises:
        TooBigError: It is more than OPPO takes.
    """
    custom_data = custom_data_of(delivery.notification, message_id=str(delivery.message_id), msgkey=delivery.msgkey)
    data = encode(custom_data)
    if utf16_length(data) > MAX_DATA:
        raise TooBigError(f"{errors.TOO_LONG} action_parameters")
    return data


def shown(notification: Notification, account: Account) -> Shown:
    """Return what the message shows, as `VendorDescription.shown` does: OPPO's have texts alone."""
    data_of(Delivery(int(LONGEST_ID), 0, "", "", notification))
    fields = _shown(notification, account)
    return Shown(fields["title"], fields["content"])


def _shown(notification: Notification, account: Account) -> dict[str, Any]:
    shown: dict[str, Any] = {
        # Which OPPO knows repeats by.
        "app_message_id": MESSAGE_ID,
        "style": 2 if notification.style is Style.BIG_TEXT else 1,
        "title": truncate(notification.title, MAX_TITLE),
        "content": truncate(notification.body, _longest_body(notification, account)),
        **_click(notification),
        "action_parameters": DATA,
        **_lifetime(seconds_left(notification.expire_at), account),
        "notify_id": NOTIFY_ID,
    }
    wanted = {
        "channel_id": option(notification, "channelId") or account.get("channel_id"),
        "category": category_of(notification, Channel.OPPO),
        "private_msg_template_id": option(notification, "vendorTemplate"),
    }
    shown |= {name: value for name, value in wanted.items() if value}
    if level := level_of(notification, Channel.OPPO):
        shown["notify_level"] = int(level)
    if account.report_url:
        shown |= {"call_back_url": account.report_url, "call_back_parameter": REFERENCE}
    return shown


def _lifetime(seconds: int, account: Account) -> dict[str, Any]:
    """Return how long OPPO keeps the message for a device that is offline.

    OPPO's page names ten days as the most and no least (open.oppomobile.com, 11236); those who resell its channel say
    an hour (Getui, "off_line_ttl"). What is refused reaches nobody, so an hour it is unless the account says otherwise.
    """
    wish = account.get("short_validity") or AN_HOUR
    if seconds < MIN_TTL and wish == ONLINE_ONLY:
        return {"off_line": False}
    return {"off_line": True, "off_line_ttl": min(max(seconds, 1 if wish == AS_IT_IS else MIN_TTL), MAX_TTL)}


def _longest_body(notification: Notification, account: Account) -> int:
    if account.get("body_length") != BY_STYLE:
        return MAX_BODY
    return 128 if notification.style is Style.BIG_TEXT else 50


def _click(notification: Notification) -> dict[str, Any]:
    """Return what a tap opens: the app, an activity by its class, an intent by its address, or a web page.

    Raises:
        TooBigError: The address is longer than OPPO takes.
    """
    url = notification.tap_url
    if not url or not (notification.opens_page or is_web(url)):
        return {"click_action_type": 0}
    if notification.opens_page and "://" not in url and not url.startswith("intent:"):
        return {"click_action_type": 4, "click_action_activity": _within(url, MAX_ACTIVITY, "click_action_activity")}
    kind = 5 if notification.opens_page else 2
    return {"click_action_type": kind, "click_action_url": _within(url, MAX_URL, "click_action_url")}


def _within(text: str, most: int, field: str) -> str:
    if utf16_length(text) > most:
        raise TooBigError(f"{errors.TOO_LONG} {field}")
    return text
