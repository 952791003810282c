"""Which vendors a workspace has in use: looked up now and then, not per message."""

from __future__ import annotations

import time

import structlog

from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from pushcore.channels import Channel
from pushcore.storage import clock

log = structlog.get_logger(__name__)

# A change of an account is seen by every process after so long.
KNOWN_SECONDS = 2.0

_usable: tuple[float, frozenset[tuple[int, int]]] = (0.0, frozenset())


def usable() -> frozenset[tuple[int, int]]:
    """Return (workspace, channel) of the accounts that are switched on and not stopped."""
    global _usable
    now = time.monotonic()
    if now >= _usable[0]:
        rows = VendorAccount.objects.filter(enabled=True, stopped_at__isnull=True)
        _usable = (now + KNOWN_SECONDS, frozenset(rows.values_list("workspace_id", "channel")))
    return _usable[1]


def forget() -> None:
    """Have the next question look into the database."""
    global _usable
    _usable = (0.0, frozenset())


def channels_of(workspace_id: int) -> set[int]:
    """Return the vendors' channels in use in the workspace."""
    return {channel for workspace, channel in usable() if workspace == workspace_id and channel in VENDORS}


def stop(workspace_id: int, channel: Channel, reason: str, after: int = 0) -> None:
    """Take an account out of use until an operator has looked: its credential or entitlement is wrong.

    Args:
        workspace_id: Whose account.
        channel: The vendor's channel.
        reason: What the vendor said.
        after: How many tokens in a row it refused, where one answer is not enough.
    """
    stopped = VendorAccount.objects.filter(workspace_id=workspace_id, channel=channel, stopped_at__isnull=True).update(
        stopped_at=clock.now(), stopped_reason=reason[:300], stopped_after=after
    )
    if stopped:
        log.error("vendor channel stopped", workspace=workspace_id, channel=channel.label, reason=reason, refused=after)
    forget()
