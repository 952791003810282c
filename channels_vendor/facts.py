"""What the app gets with a notification, whatever the vendor: names and texts."""

from __future__ import annotations

from channels_vendor.contract import Notification


def facts_of(notification: Notification, *, message_id: str, msgkey: str) -> dict[str, str]:
    """The extension parameters, and the service's own names, which go before; empty ones are left out.

    `k` is the message ID devices drop repeats by.
    """
    facts = {
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
    }
    return dict(notification.params) | {name: value for name, value in facts.items() if value}
