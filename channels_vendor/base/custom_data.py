"""The data that the app gets with a notification, whatever the vendor: names and texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from channels_vendor.base.delivery import Notification
from channels_vendor.base.payload_template import encode

# Where the caller's extension parameters stand whose names are somebody else's, as the text of a JSON object.
NESTED = "params"
# Names that mean something to the app: a caller's value under one of them would be taken for the service's.
OWN_NAMES = frozenset(
    {
        "k", "msgKey", "taskId", "pushType", "action", "url", "templateCode", "notifyType", "style", "silent", "title",
        "content", "image", "channelId", NESTED,
    }
)  # fmt: skip


def custom_data_of(
    notification: Notification,
    *,
    message_id: str,
    msgkey: str,
    reserved: Callable[[str], bool] = lambda name: False,
) -> dict[str, str]:
    """Return the service's own names, without empty ones, and the caller's extension parameters.

    Args:
        notification: What is shown.
        message_id: The app gets it as `k`: devices drop repeats and report events by it. Empty where devices share a
            call: `k` is the task's then.
        msgkey: The caller's own ID of the message.
        reserved: Whether the vendor keeps a name for itself. Parameters with such names, or with names of the service,
            are nested under `params`.
    """
    custom_data = {
        "k": message_id or str(notification.task_id),
        "msgKey": msgkey,
        "taskId": str(notification.task_id),
        "pushType": notification.kind,
        "action": "1" if notification.opens_page else "0",
        "url": notification.url,
        "templateCode": notification.template,
        "notifyType": notification.notify_type,
        "style": str(notification.style.value),
        "silent": "1" if notification.silent else "0",
        "channelId": str(notification.vendor_options.get("channelId") or ""),
    }
    return {name: value for name, value in custom_data.items() if value} | nest(notification.params, reserved)


def fit_custom_data(
    custom_data: dict[str, str], *, opened_by_vendor: bool, fits: Callable[[dict[str, str]], bool]
) -> dict[str, str]:
    """Leave the address out, where there is no room to tell the app what the vendor opens by itself.

    Args:
        custom_data: Names and texts.
        opened_by_vendor: A tap opens the address without the app.
        fits: Whether the vendor takes a message with such data.
    """
    if not opened_by_vendor or fits(custom_data):
        return custom_data
    return {name: value for name, value in custom_data.items() if name != "url"}


def nest(params: Mapping[str, str], reserved: Callable[[str], bool]) -> dict[str, str]:
    """Return names and texts; those that are the service's own or `reserved` stand under `params`, as JSON."""
    nested = {name: value for name, value in params.items() if name in OWN_NAMES or reserved(name)}
    flat = {name: value for name, value in params.items() if name not in nested}
    return flat | {NESTED: encode(nested)} if nested else flat
