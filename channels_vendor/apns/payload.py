"""Turn a notification into APNs' body and headers: at most 4096 bytes, shortened in its text to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from channels_vendor.base.contract import Account
from channels_vendor.base.custom_data import custom_data_of
from channels_vendor.base.delivery import Notification, Shown
from channels_vendor.base.payload_template import LONGEST_ID, MESSAGE_ID, MSGKEY, PayloadTemplate, size_of
from channels_vendor.base.truncation import truncate_by
from pushcore.storage import ids

MAX_BYTES = 4096
LIVE_ACTIVITY = "liveactivity"
# The source document spells it as Apple does (extension parameters); some callers leave the hyphen out.
_MUTABLE = ("mutable-content", "mutablecontent")


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """What the requests to all devices of a notification share.

    Attributes:
        template: The body.
        headers: The lines of the header, but for the credential.
        collapse: The collapse ID, empty for the message's own ID.
    """

    template: PayloadTemplate
    headers: tuple[str, ...]
    collapse: str


def request_template(notification: Notification, topic: str, msgkey: str) -> RequestTemplate | None:
    """Return the template of a notification's requests; None where the body cannot be made small enough.

    `msgkey`: the longest of its deliveries.
    """
    push_type = _push_type(notification)
    text = _text(notification, push_type, msgkey)
    if text is None:
        return None
    template = PayloadTemplate(_body(notification, push_type, text, MESSAGE_ID, MSGKEY))
    return RequestTemplate(template, _headers(notification, push_type, topic), _option(notification, "apnsCollapseId"))


def shown(notification: Notification, _account: Account) -> Shown | None:
    """Return what the message shows, as `VendorDescription.shown` does. The app's own extension draws the image."""
    text = _text(notification, _push_type(notification), msgkey="")
    return None if text is None else Shown(notification.title, text, image=notification.image)


def _text(notification: Notification, push_type: str, msgkey: str) -> str | None:
    """Return the body's text as far as it fits; None where nothing of it does."""
    return truncate_by(
        notification.body,
        lambda text: size_of(_body(notification, push_type, text, LONGEST_ID, msgkey)),
        MAX_BYTES,
    )


def _body(notification: Notification, push_type: str, text: str, message_id: str, msgkey: str) -> dict[str, Any]:
    aps = {"aps": _aps(notification, push_type, text)}
    return aps if push_type == LIVE_ACTIVITY else aps | _custom(notification, text, message_id, msgkey)


def _option(notification: Notification, name: str) -> str:
    return str(notification.vendor_options.get(name) or "")


def _push_type(notification: Notification) -> str:
    if notification.vendor_options.get("activityEvent"):
        return LIVE_ACTIVITY
    return "background" if notification.silent else "alert"


def _headers(notification: Notification, push_type: str, topic: str) -> tuple[str, ...]:
    priority = "5" if push_type == "background" else "10"
    headers = [
        f"apns-push-type: {push_type}",
        f"apns-priority: {priority}",
        f"apns-expiration: {int(notification.expire_at.timestamp())}",
        "content-type: application/json",
    ]
    if topic:
        suffix = ".push-type.liveactivity" if push_type == LIVE_ACTIVITY else ""
        headers.append(f"apns-topic: {topic}{suffix}")
    return tuple(headers)


def _aps(notification: Notification, push_type: str, body: str) -> dict[str, Any]:
    if push_type == "background":
        return {"content-available": 1}
    if push_type == LIVE_ACTIVITY:
        return _live_activity(notification, body)
    aps: dict[str, Any] = {"alert": {"title": notification.title, "body": body}}
    if subtitle := notification.params.get("subtitle"):
        aps["alert"]["subtitle"] = subtitle
    if notification.badge is not None:
        aps["badge"] = notification.badge
    aps["sound"] = notification.sound or "default"
    if notification.image or any(notification.params.get(name) == "1" for name in _MUTABLE):
        aps["mutable-content"] = 1
    if thread := _option(notification, "threadId"):
        aps["thread-id"] = thread
    if category := _option(notification, "apnsCategory"):
        aps["category"] = category
    return aps


def _live_activity(notification: Notification, body: str) -> dict[str, Any]:
    """Return the member `aps` of a Live Activity's update.

    Apple, "Starting and updating Live Activities with ActivityKit push notifications": what starts one carries its
    attributes and an alert; an update alerts only where a sound is asked for.
    """
    options = notification.vendor_options
    live: dict[str, Any] = {
        "event": options["activityEvent"],
        "content-state": options.get("activityContentState") or {},
        "timestamp": int(ids.created_at(notification.task_id).timestamp()),
    }
    starts = live["event"] == "start"
    if starts:
        live["attributes-type"] = options["activityAttributesType"]
        live["attributes"] = options.get("activityAttributes") or {}
    if starts or notification.sound:
        alert = {"title": notification.title, "body": body}
        live["alert"] = alert | ({"sound": notification.sound} if notification.sound else {})
    if "dismissalDate" in options:
        live["dismissal-date"] = options["dismissalDate"]
    return live


def _custom(notification: Notification, body: str, message_id: str, msgkey: str) -> dict[str, str]:
    custom_data = custom_data_of(
        notification, message_id=message_id, msgkey=msgkey, reserved=lambda name: name == "aps"
    )
    # What has its own place in `aps`.
    custom = {name: value for name, value in custom_data.items() if name not in _MUTABLE}
    if notification.silent:
        custom |= {"title": notification.title, "content": body}
    if notification.image:
        custom["image"] = notification.image
    return custom
