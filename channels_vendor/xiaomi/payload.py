"""Turn a notification into MiPush's form fields: title 50, description 128 characters, payload 4 KB."""

from __future__ import annotations

from channels_vendor.base.contract import Account
from channels_vendor.base.custom_data import custom_data_of
from channels_vendor.base.delivery import Notification, Shown, Style
from channels_vendor.base.errors import TooBigError
from channels_vendor.base.lifetime import seconds_left
from channels_vendor.base.options import is_web, option
from channels_vendor.base.payload_template import LONGEST_ID, encode
from channels_vendor.base.references import Reference
from channels_vendor.base.truncation import truncate
from channels_vendor.xiaomi.reports import REPORT_TYPES

# "Under 50" and "under 128".
MAX_TITLE = 49
MAX_BODY = 127
MAX_PAYLOAD = 4096
MAX_TTL = 864_000
_ALL, _SOUND = -1, 1


def fields_of(notification: Notification, account: Account, message_id: str, msgkey: str) -> dict[str, str]:
    """Return the form without its tokens.

    Raises:
        TooBigError: The data is too long.
    """
    title, body = truncate(notification.title, MAX_TITLE), truncate(notification.body, MAX_BODY)
    custom_data = custom_data_of(notification, message_id=message_id, msgkey=msgkey)
    reference = Reference.of(notification.task_id, message_id)
    data = encode(custom_data | {"title": title, "content": body} if notification.silent else custom_data)
    if len(data.encode()) > MAX_PAYLOAD:
        raise TooBigError("10018 payload")
    fields = {
        "title": title,
        "description": body,
        # As it is: the form encodes it once, as MiPush's server SDK does (2.2.19, `Sender.sendMessageNoRetry`); that is
        # what the REST document (dev.mi.com, pId 1559) calls URL-encoded.
        "payload": data,
        "restricted_package_name": account.get("package_name"),
        "pass_through": "1" if notification.silent else "0",
        "notify_type": str(_SOUND if notification.sound else _ALL),
        "time_to_live": str(1000 * max(1, min(seconds_left(notification.expire_at), MAX_TTL))),
        "notify_id": str(reference.notify_id),
    }
    extra = _extra(notification, account, reference)
    return fields | {f"extra.{name}": value for name, value in extra.items() if value}


def shown(notification: Notification, account: Account) -> Shown:
    """Return what the message shows, as `VendorDescription.shown` does."""
    fields = fields_of(notification, account, LONGEST_ID, msgkey="")
    return Shown(
        fields["title"],
        fields["description"],
        fields.get("extra.notification_large_icon_uri", ""),
        fields.get("extra.notification_bigPic_uri", ""),
    )


def _extra(notification: Notification, account: Account, reference: Reference) -> dict[str, str]:
    extra = {
        "channel_id": option(notification, "miChannelId") or account.get("channel_id"),
        "sound_uri": notification.sound,
        **_click(notification, account),
        **_style(notification),
    }
    if account.report_url:
        extra["callback"] = account.report_url
        extra["callback.param"] = str(reference)
        extra["callback.type"] = str(sum(REPORT_TYPES))
    return extra


def _click(notification: Notification, account: Account) -> dict[str, str]:
    """Return what a tap opens: the app, a page of it, or a web page.

    A page is named by an intent URI (dev.mi.com, pId 1558: what `Intent.toUri` makes).
    """
    url = notification.tap_url
    if notification.opens_page and url:
        return {"notify_effect": "2", "intent_uri": _intent_uri(url, account.get("package_name"))}
    if is_web(url):
        return {"notify_effect": "3", "web_uri": url}
    return {"notify_effect": "1"}


def _intent_uri(page: str, package: str) -> str:
    """Return a page given by its activity's name as an intent URI; a deep link is one to Android already."""
    return page if ":" in page or not package else f"intent:#Intent;component={package}/{page};end"


def _style(notification: Notification) -> dict[str, str]:
    style = {"notification_large_icon_uri": notification.icon}
    if notification.style is Style.BIG_TEXT:
        style["notification_style_type"] = "1"
    elif notification.image:
        style |= {"notification_style_type": "2", "notification_bigPic_uri": notification.image}
    return style
