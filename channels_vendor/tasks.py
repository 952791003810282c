"""Celery tasks of the vendors' channels. Each vendor has a queue; in a worker it takes a share of the threads only."""

from __future__ import annotations

import contextlib

import structlog
from celery import shared_task

from channels_vendor.accounts import checking, in_use
from channels_vendor.dispatch import lane, sender
from channels_vendor.dispatch.scheduler import AccountScheduler
from pushcore.channels import Channel
from pushcore.storage.one_at_a_time import one_at_a_time
from pushcore.storage.valkey import ValkeyDown, client

log = structlog.get_logger(__name__)

PER_VENDOR = 4

_scheduler = AccountScheduler(PER_VENDOR)


@shared_task(name="channels_vendor.send")
def send(workspace_id: int, channel: int) -> None:
    """Send an account's due messages, then those of accounts that came meanwhile and found no room."""
    vendor = Channel(channel)
    with contextlib.suppress(*ValkeyDown):
        client().delete(lane.awake_key(workspace_id, vendor))  # messages that come from here on wake again
    following: int | None = workspace_id if _scheduler.acquire(workspace_id, vendor) else None
    while following is not None:
        try:
            sender.send_due(following, vendor)
        except Exception:  # of one account; its rows come due again
            log.exception("sending to vendor failed", workspace=following, channel=vendor.label)
        following = _scheduler.release(following, vendor)


@shared_task(name="channels_vendor.wake")
@one_at_a_time
def wake() -> None:
    """Wake the senders of accounts with due messages: retries, leases that ran out, wakes that were lost."""
    in_use.forget()
    for workspace_id, channel in sender.accounts_due():
        lane.wake(workspace_id, channel)


@shared_task(name="channels_vendor.warn_of_expiry")
@one_at_a_time
def warn_of_expiry() -> None:
    """Warn of certificates that are about to expire."""
    checking.warn_of_expiry()
