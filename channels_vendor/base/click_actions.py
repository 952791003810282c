"""What Huawei and HONOR have in common: the action of a tap, and the number on the icon."""

from __future__ import annotations

from typing import Any

from channels_vendor.base.delivery import Notification
from channels_vendor.base.options import is_intent

# The app's home: what a tap opens where the notification names neither a page nor an address.
HOME = {"type": 3}
MAX_BADGE_ADDED = 99


def click_action(notification: Notification) -> dict[str, Any]:
    """Return what a tap opens: a page of the app, a web page (https only), or the app.

    An intent URI stands in `intent`, an action's name or a deep link in `action` (hms-push-serverdemo-java,
    `ClickAction`: one of the two is required).
    """
    url = notification.tap_url
    if notification.opens_page and url:
        return {"type": 1, "intent" if is_intent(url) else "action": url}
    if url.startswith("https://"):
        return {"type": 2, "url": url}
    return HOME


def badge_added(notification: Notification, *, number: str, activity: str) -> dict[str, Any]:
    """Return what is added to the number on the icon, and of which class; empty where nothing is.

    A message that sets the number goes by the self-built channel.

    Args:
        notification: The notification.
        number: The vendor's name of the number.
        activity: The vendor's name of the app's entry activity (`badge_class`).
    """
    if not notification.badge_add:
        return {}
    badge: dict[str, Any] = {number: min(notification.badge_add, MAX_BADGE_ADDED)}
    return badge | ({activity: notification.badge_class} if notification.badge_class else {})
