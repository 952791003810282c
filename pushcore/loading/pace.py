"""The pace of a load: no more messages a second than its push allows.

A block of so many messages uses up so many seconds of the load's time; `TaskLoad.not_before` is when they are over. It
is committed with the block and survives the worker. Until then the load has no loader, and keeps no other waiting.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pushcore.models import TaskLoad

# Loads are looked for once a second: what one lost by waiting for that, up to so much, it makes good.
MAX_CREDIT = timedelta(seconds=2)
# What a block of a paced load uses up at most.
BLOCK_SECONDS = 1


def block_size(load: TaskLoad) -> int | None:
    """Return how many messages a block of a paced load has, or how many targets; None where there is no pace."""
    return load.messages_per_second * BLOCK_SECONDS if load.messages_per_second else None


def spend(load: TaskLoad, messages: int, now: datetime) -> None:
    """Note in a block's transaction that its messages are made."""
    if not load.messages_per_second:
        return
    begun = max(load.not_before or now, now - MAX_CREDIT)
    load.not_before = begun + timedelta(seconds=messages / load.messages_per_second)
    type(load)._default_manager.filter(pk=load.pk).update(not_before=load.not_before)


def seconds_for(messages: int | None, messages_per_second: int | None) -> int | None:
    """Return how long messages take at a pace, rounded up; None without a pace, or where their number is not known."""
    if messages is None or not messages_per_second:
        return None
    return -(-messages // messages_per_second)
