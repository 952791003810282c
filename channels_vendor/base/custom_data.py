"""What the app gets with a notification, whatever the vendor: names and texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from channels_vendor.base.contract import Notification
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
    """The service's own names, less empty ones, and the caller's extension parameters.

    `k` is the message ID devices drop repeats by. Parameters named like the service's, or as the vendor keeps for
    itself (`reserved`), are nested under `params`.
    """
    custom_data = {
        "k": message_id,
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
    """Leave out the address where the vendor opens it by itself and there is no room to tell the app too."""
    if not opened_by_vendor or fits(custom_data):
        return custom_data
    return {name: value for name, value in custom_data.items() if name != "url"}


def nest(params: Mapping[str, str], reserved: Callable[[str], bool]) -> dict[str, str]:
    """The caller's names and texts, less those that are the service's own or `reserved`: these stand under `params`."""
    nested = {name: value for name, value in params.items() if name in OWN_NAMES or reserved(name)}
    flat = {name: value for name, value in params.items() if name not in nested}
    return flat | {NESTED: encode(nested)} if nested else flat
