"""The vendors' channels as a lane of pushcore: write a row for each message that is due, then wake the senders.

Which messages go by a vendor (source document, chapters 6.1.1 and 6.2): to iOS devices all; to others those that are
shown, carry no badge number and were not asked to take the self-built channel, and to those whose vendor is given
something to hand through. Where the account is off or stopped, or the device's token there is gone, the self-built
channel takes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from django.db import connection

from channels_vendor.accounts.in_use import usable
from channels_vendor.base.references import token_hash
from channels_vendor.dispatch import rendering
from channels_vendor.registry import VENDORS, queue_of
from pushcore.channels import Channel, Platform
from pushcore.models import PushTask
from pushcore.ports import OutgoingMessage, RenderedMessage
from pushcore.push.limits import SELF_BUILT_ONLY
from pushcore.push.vendor_options import transparent_payload
from pushcore.storage.sql import statements
from pushcore.storage.valkey import ValkeyDown, client
from pushcore.storage.wake import wake_task

log = structlog.get_logger(__name__)

_WAKE_SECONDS = 5

_SQL = statements(__file__)


class VendorLane:
    """Carries messages to vendors."""

    name = "vendors"

    def claims(self, outgoing: OutgoingMessage) -> bool:
        """Tell whether the message goes by a vendor, whose account is in use."""
        channel = outgoing.third_channel
        if channel is None or not outgoing.third_token or channel not in VENDORS:
            return False
        return _by_vendor(outgoing) and (outgoing.workspace_id, channel) in usable()

    def send(self, batch: Sequence[OutgoingMessage]) -> None:
        """Write the messages' rows in one INSERT, and wake the senders.

        One that is on its way to the same device already stays as it is; to another, it starts afresh.
        """
        rows: dict[str, Any] = {
            "messages": [outgoing.message_id for outgoing in batch],
            "workspaces": [outgoing.workspace_id for outgoing in batch],
            "channels": [outgoing.third_channel for outgoing in batch],
            "tasks": [outgoing.task_id for outgoing in batch],
            "devices": [outgoing.device_id for outgoing in batch],
            "token_hashes": [token_hash(outgoing.third_token) for outgoing in batch],
            "are_bulk": [outgoing.kind in PushTask.BULK_KINDS for outgoing in batch],
        }
        with connection.cursor() as cursor:
            cursor.execute(_SQL["insert"], rows)
            if cursor.rowcount < len(batch):
                cursor.execute(_SQL["redirect"], rows)
        for workspace_id, channel in {(outgoing.workspace_id, outgoing.third_channel) for outgoing in batch}:
            if channel is not None:
                wake(workspace_id, Channel(channel))

    def channel_of(self, outgoing: OutgoingMessage) -> Channel:
        """Return the vendor's channel."""
        return Channel(outgoing.third_channel or 0)

    def render(self, outgoing: OutgoingMessage) -> RenderedMessage:
        """Return the body of the call to the vendor, without a credential."""
        return rendering.render(outgoing, self.channel_of(outgoing))

    def is_behind(self) -> bool:
        """Return false: a message handed over again is the row that is there already."""
        return False

    def withdraw(self, revoked: Sequence[tuple[int, int]]) -> None:
        """Have what is not yet sent not be sent any more."""
        with connection.cursor() as cursor:
            cursor.execute(_SQL["withdraw"], {"messages": [message_id for _, message_id in revoked]})


def _by_vendor(outgoing: OutgoingMessage) -> bool:
    if outgoing.platform == Platform.IOS:
        return True
    content, options = outgoing.content, outgoing.options
    if options.get("androidChannel") == 1 or content.get("notifyType") == SELF_BUILT_ONLY:
        return False
    if transparent_payload(options, outgoing.third_channel):
        return True
    return not (content.get("silent") or content.get("badge"))


def wake(workspace_id: int, channel: Channel) -> None:
    """Have the account's messages sent now; at most one request waits. Without a broker the periodic run does it."""
    try:
        if client().set(awake_key(workspace_id, channel), 1, nx=True, ex=_WAKE_SECONDS):
            wake_task("channels_vendor.send", [workspace_id, int(channel)], queue=queue_of(channel), expires=60)
    except ValkeyDown:
        log.warning("vendor sender could not be woken; the periodic run sends", channel=channel.label)


def awake_key(workspace_id: int, channel: Channel) -> str:
    """Return the key that says a request to send for the account waits."""
    return f"mps:vendor:awake:{workspace_id}:{int(channel)}"
