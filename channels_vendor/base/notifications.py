"""Turn waiting messages into what adapters send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_vendor.base.delivery import Delivery, Notification, Style
from channels_vendor.registry import VENDORS
from pushcore.channels import Channel
from pushcore.ports import OutgoingMessage
from pushcore.push import vendor_options

# What has a field of its own, or none beyond it.
_OWN_FIELDS = frozenset({"badge", "sound", "big_text", "badge_add_num", "badge_class"})


def deliveries_of(batch: Sequence[OutgoingMessage], channel: Channel) -> list[Delivery]:
    """Return a delivery for each message; messages of a task that share their content share a notification."""
    shared: dict[tuple[int, int, Any, bool], Notification] = {}
    deliveries = []
    for outgoing in batch:
        # By identity: the batch holds the contents, so none is freed and its place taken by another.
        key = (outgoing.task_id, id(outgoing.content), outgoing.expire_at, outgoing.has_trampoline)
        if key not in shared:
            shared[key] = _notification(outgoing, channel)
        deliveries.append(
            Delivery(outgoing.message_id, outgoing.device_id, outgoing.third_token, outgoing.msgkey, shared[key])
        )
    return deliveries


def _notification(outgoing: OutgoingMessage, channel: Channel) -> Notification:
    content = outgoing.content
    params = {name: str(value) for name, value in content.get("params", {}).items()}
    big_text = params.get("big_text") == "1" and VENDORS[channel].big_text_parameter
    return Notification(
        task_id=outgoing.task_id,
        kind=outgoing.kind,
        title=content.get("title", ""),
        body=content.get("content", ""),
        expire_at=outgoing.expire_at,
        url=content.get("url", ""),
        opens_page=content.get("action") == 1,
        opens_app=outgoing.has_trampoline,
        silent=bool(content.get("silent")),
        style=Style.BIG_TEXT if big_text else Style(content.get("style", 0)),
        icon=_for_channel(content.get("icon", {}), channel),
        image=_for_channel(content.get("image", {}), channel),
        badge=_number(content.get("badge", "")),
        badge_add=_number(params.get("badge_add_num", "")),
        badge_class=params.get("badge_class", ""),
        sound=content.get("sound", ""),
        template=content.get("templateCode", ""),
        notify_type=content.get("notifyType", ""),
        params={name: value for name, value in params.items() if name not in _OWN_FIELDS},
        vendor_options=outgoing.options,
        transparent=vendor_options.transparent_payload(outgoing.options, channel),
    )


def _for_channel(urls: Mapping[str, str], channel: Channel) -> str:
    """Return the URL given for the channel (`fcmUrl`, `miuiUrl`, ...), else the default one."""
    for name in vendor_options.names(channel):
        if url := urls.get(f"{name}Url"):
            return url
    return urls.get("defaultUrl", "")


def _number(text: object) -> int | None:
    text = str(text)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
