"""The request's fields that only vendors read, and texts cut to a vendor's length."""

from __future__ import annotations

from collections.abc import Callable

from channels_vendor.contract import Notification
from channels_vendor.mould import ELLIPSIS
from pushcore.channels import ANALYSIS_NAMES, Channel


def option(notification: Notification, name: str) -> str:
    """A field as text, empty where it was not given."""
    return str(notification.vendor_options.get(name) or "")


def per_vendor(notification: Notification, name: str, channel: Channel) -> str:
    """What a map by vendor (thirdChannelCategory, notifyLevel) says for it, under either name (hms, huawei)."""
    given = notification.vendor_options.get(name)
    if not isinstance(given, dict):
        return ""
    return str(given.get(ANALYSIS_NAMES[channel].lower()) or given.get(channel.label) or "")


def is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def is_intent(url: str) -> bool:
    """Whether it is an intent URI (what Android's `Intent.toUri` makes), not an action's name or a deep link."""
    return url.startswith("intent:") or "#Intent;" in url


def page(url: str) -> dict[str, str]:
    """A page of the app as click actions of type 1 name it at Huawei and HONOR: an intent URI in `intent`, an action's
    name or a deep link in `action` (hms-push-serverdemo-java, `ClickAction`: one of the two is required)."""
    return {"intent" if is_intent(url) else "action": url}


def cut(text: str, most: int, width: Callable[[str], int] = len) -> str:
    """The text, or its longest beginning that is marked as cut and at most `most` wide."""
    if width(text) <= most:
        return text
    kept = text[:most]
    while width(kept + ELLIPSIS) > most:
        kept = kept[:-1]
    return kept + ELLIPSIS
