"""Read the options of a request that only vendors follow, for one vendor's adapter."""

from __future__ import annotations

from channels_vendor.base.delivery import Notification
from pushcore.channels import Channel
from pushcore.push import vendor_options

# OPPO and vivo name categories alike.
SYSTEM_CATEGORIES = ("IM", "ACCOUNT", "TODO", "DEVICE_REMINDER", "ORDER", "SUBSCRIPTION")
OPERATIONAL_CATEGORIES = ("NEWS", "CONTENT", "MARKETING", "SOCIAL")


def by_code(*names: str) -> dict[str, str]:
    """Map the cloud's codes, "1" and on, and the vendor's names themselves to these names."""
    return {str(code): name for code, name in enumerate(names, 1)} | as_named(*names)


def as_named(*names: str) -> dict[str, str]:
    """Map the vendor's names to themselves."""
    return {name: name for name in names}


def option(notification: Notification, name: str) -> str:
    """Return an option as text, empty where it was not given."""
    return str(notification.vendor_options.get(name) or "")


def category_of(notification: Notification, channel: Channel) -> str:
    """Return the category asked for (`thirdChannelCategory`) in the vendor's words, empty where none is."""
    return vendor_options.category(notification.vendor_options, channel)


def level_of(notification: Notification, channel: Channel) -> str:
    """Return how to draw attention (`notifyLevel`) in the vendor's words, empty where nothing is asked for."""
    return vendor_options.level(notification.vendor_options, channel)


def urgency_of(notification: Notification) -> str:
    """Return HIGH for what is shown, and NORMAL for what is not; what is handed through goes as the request says."""
    if notification.transparent:
        return vendor_options.urgency(notification.vendor_options)
    return "NORMAL" if notification.silent else "HIGH"


def transparent_text(notification: Notification) -> str:
    """Return what is handed through to the app as one text."""
    return vendor_options.as_text(notification.transparent)


def is_web(url: str) -> bool:
    """Tell whether a URL is a web address."""
    return url.startswith(("https://", "http://"))


def is_intent(url: str) -> bool:
    """Tell whether a URL is an intent URI (what Android's `Intent.toUri` makes), not an action or a deep link."""
    return url.startswith("intent:") or "#Intent;" in url
