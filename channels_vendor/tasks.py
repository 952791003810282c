"""Celery tasks of the vendors' channels. Each vendor has a queue; in a worker it takes a share of the threads only."""

from __future__ import annotations

import contextlib
import threading

from celery import shared_task

from channels_vendor import accounts, checking, lane, sender
from pushcore.bus import BusDown, client
from pushcore.channels import Channel

# Senders at once in a process: of an account, and of a vendor. A vendor that hangs holds no more threads than that.
PER_ACCOUNT = 1
PER_VENDOR = 4

_running: dict[tuple[int, ...], int] = {}
_lock = threading.Lock()


def _enter(workspace_id: int, channel: int) -> bool:
    with _lock:
        account, vendor = (channel, workspace_id), (channel,)
        if _running.get(account, 0) >= PER_ACCOUNT or _running.get(vendor, 0) >= PER_VENDOR:
            return False
        for key in (account, vendor):
            _running[key] = _running.get(key, 0) + 1
        return True


def _leave(workspace_id: int, channel: int) -> None:
    with _lock:
        for key in ((channel, workspace_id), (channel,)):
            _running[key] -= 1
            if not _running[key]:
                del _running[key]


@shared_task(name="channels_vendor.send")
def send(workspace_id: int, channel: int) -> None:
    """Send an account's due messages; where its share of the process is taken, whoever has it or the clock goes on."""
    if not _enter(workspace_id, channel):
        return
    try:
        with contextlib.suppress(*BusDown):
            client().delete(lane.awake_key(workspace_id, Channel(channel)))
        sender.send_due(workspace_id, Channel(channel))
    finally:
        _leave(workspace_id, channel)


@shared_task(name="channels_vendor.wake")
def wake() -> None:
    """Wake the senders of accounts with due messages: retries, leases that ran out, words that were lost."""
    accounts.forget()
    for workspace_id, channel in sender.accounts_due():
        lane.wake(workspace_id, channel)


@shared_task(name="channels_vendor.purge")
def purge() -> None:
    sender.purge()


@shared_task(name="channels_vendor.warn_of_expiry")
def warn_of_expiry() -> None:
    checking.warn_of_expiry()
